"""The tables of bytes that are no files: in which objects of which store they are. Files need none of this.

    places ─┬─ stored     blobs whose bytes are there
            ├─ staged ── tails   uploads, and those last bytes of them that are too few for an object
            └─ segments   objects in the order of their bytes; the owner is a blob's digest or an upload's id

A catalog has one current place. Blobs are in another one too while storage is moved.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
)

from orchard.hub.db.columns import BYTEWISE, KEY, metadata


def _place() -> Column[int]:
    return Column("place_id", KEY, ForeignKey("places.id"), nullable=False)


places: Final = Table(
    "places",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("url", BYTEWISE, nullable=False, unique=True),
    Column("mark", String(32), nullable=False),  # random; the store has it too, so that two hubs cannot share a place
    Column("current", Boolean, nullable=False),
)

stored: Final = Table(
    "stored",
    metadata,
    _place(),
    Column("digest", BYTEWISE, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("published_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("place_id", "digest"),
    sqlite_with_rowid=False,
)

staged: Final = Table(
    "staged",
    metadata,
    Column("session", String(32), primary_key=True),
    _place(),
    Column("algorithm", String, nullable=False),
    Column("size", BigInteger, nullable=False),  # bytes that are durable; what appends compare and set
    Column("tail", BigInteger, nullable=False),  # how many of them are in ``tails``
    Column("state", LargeBinary),  # of the hash so far
    Column("changed_at", BigInteger, nullable=False),
)

tails: Final = Table(
    "tails",
    metadata,
    Column("session", String(32), ForeignKey("staged.session", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("session", "position"),
)

segments: Final = Table(
    "segments",
    metadata,
    _place(),
    Column("owner", BYTEWISE, nullable=False),
    Column("position", Integer, nullable=False),
    Column("key", BYTEWISE, nullable=False),
    Column("size", BigInteger, nullable=False),
    PrimaryKeyConstraint("place_id", "owner", "position"),
    Index("segments_by_key", "key"),
    sqlite_with_rowid=False,
)
