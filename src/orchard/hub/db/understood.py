"""The tables of what the hub found out about versions and their layers. All of it can be found out again.

    blobs ─┬─ layer_files        what a layer holds, once for all versions that have it
           └─ insights           what the header of one file in it says
    manifests ─┬─ understandings how far the work on a version has come, and what it is as a whole
               └─ facts          typed keys and values, which search and the table of versions ask

Documents are JSON, compressed; what reads them says their shape.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from orchard.hub.db.columns import BYTEWISE, KEY, metadata

_TO_HASH: Final = "hashed = 0"


def _layer() -> Column[str]:
    return Column("digest", BYTEWISE, ForeignKey("blobs.digest", ondelete="CASCADE"), nullable=False)


def _manifest() -> Column[int]:
    return Column("manifest_id", KEY, ForeignKey("manifests.id", ondelete="CASCADE"), nullable=False)


layer_files: Final = Table(
    "layer_files",
    metadata,
    _layer(),
    Column("form", String, nullable=False),  # what the layer was taken for: one blob may be a tar here, a file there
    Column("revision", Integer, nullable=False),  # of what made it; an older one is made anew
    Column("files", BigInteger, nullable=False),
    Column("note", Text),  # why there is no list
    Column("hashed", Integer, nullable=False),  # whether the digest of every file is known
    Column("document", LargeBinary),
    PrimaryKeyConstraint("digest", "form"),
    Index("layer_files_to_hash", "digest", sqlite_where=text(_TO_HASH)),
)

insights: Final = Table(
    "insights",
    metadata,
    _layer(),
    Column("path", BYTEWISE, nullable=False),  # in the layer; in the version, for a layer that is one bare file
    Column("kind", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),
    PrimaryKeyConstraint("digest", "path"),
)

understandings: Final = Table(
    "understandings",
    metadata,
    Column("manifest_id", KEY, ForeignKey("manifests.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("state", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("note", Text),  # why something is missing
    Column("document", LargeBinary),
    Index("understandings_by_revision", "revision", "manifest_id"),
)

facts: Final = Table(
    "facts",
    metadata,
    _manifest(),
    Column("key", BYTEWISE, nullable=False),
    Column("position", Integer, nullable=False),  # of several values of one key
    Column("text", String),
    Column("number", Double),
    Column("folded", BYTEWISE),  # the text as it is compared
    PrimaryKeyConstraint("manifest_id", "key", "position"),
    Index("facts_by_number", "key", "number"),
    Index("facts_by_text", "key", "folded"),
    sqlite_with_rowid=False,
)
