"""The tables. What changes here changes in a migration too; a test compares the two.

What the registry keeps; people, rules and work have modules of their own beside this one (``db.columns`` says how
columns are made).

    repositories ─┬─ blob_links ── blobs              a blob is visible only where a repository links it
                  ├─ manifests ─┬─ documents          the bytes as received, apart so that lists never read them
                  │             └─ manifest_children  what a manifest names: config, layers, manifests
                  ├─ tags ── tag_history
                  uploads, events, upkeep
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from orchard.hub.db.columns import BYTEWISE, KEY, metadata, repository_column

_DAMAGED: Final = "damaged_at IS NOT NULL"

repositories: Final = Table(
    "repositories",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("name", BYTEWISE, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("visibility", String),  # null: that of its namespace
    Column("namespace", BYTEWISE, nullable=False),  # first component of the name
    Column("deleted_at", BigInteger),  # null: it is there; else it holds nothing but the history of its tags
    Index("repositories_by_namespace", "namespace"),
)

blobs: Final = Table(
    "blobs",
    metadata,
    Column("digest", BYTEWISE, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
    Column("checked_at", BigInteger, nullable=False, server_default="0"),  # when its bytes were last seen to be sound
    Column(
        "damaged_at", BigInteger
    ),  # when they were found not to be; nobody gets them until somebody pushes them again
    Index("blobs_by_check", "checked_at"),
    Index("blobs_by_damage", "digest", sqlite_where=text(_DAMAGED)),
)

blob_links: Final = Table(
    "blob_links",
    metadata,
    repository_column(),
    Column("digest", BYTEWISE, ForeignKey("blobs.digest"), nullable=False),
    Column("linked_at", BigInteger, nullable=False),  # or when somebody who pushes was last told that it is here
    Column("namespace", BYTEWISE, nullable=False),
    Column("released_at", BigInteger),  # since when no manifest names it any more: then it does not count as used
    Column("size", BigInteger, nullable=False),  # that of the blob, again: lists add up those of a thousand links
    PrimaryKeyConstraint("repository_id", "digest"),
    Index("blob_links_by_digest", "digest", "namespace", "released_at"),
    sqlite_with_rowid=False,
)

manifests: Final = Table(
    "manifests",
    metadata,
    Column("id", KEY, primary_key=True),
    repository_column(),
    Column("digest", BYTEWISE, nullable=False),
    Column("media_type", String, nullable=False),
    Column("artifact_type", String),
    Column("kind", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("subject_digest", BYTEWISE),
    Column("referrer", Text),  # descriptor as the referrers API lists it, if there is a subject
    Column("config_digest", BYTEWISE),
    Column("pushed_at", BigInteger, nullable=False),
    Column("pushed_by", String, nullable=False),
    Column("total_size", BigInteger, nullable=False),
    Column("layer_count", Integer, nullable=False),
    Column("model_name", String),
    Column("model_version", String),
    Column("description", Text),
    Column("framework", String),
    Column("model_format", String),
    Column("licence", String),
    Column("note", Text),  # why something is missing
    Column("orphaned_at", BigInteger),  # since when its subject is seen to be missing, if it has one
    UniqueConstraint("repository_id", "digest"),
    Index("manifests_by_subject", "repository_id", "subject_digest", "digest"),
    Index("manifests_by_time", "repository_id", "pushed_at"),
    Index("manifests_by_push", "pushed_at"),
)

documents: Final = Table(
    "documents",
    metadata,
    Column("manifest_id", KEY, ForeignKey("manifests.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("raw", LargeBinary, nullable=False),
)

manifest_children: Final = Table(
    "manifest_children",
    metadata,
    Column("manifest_id", KEY, ForeignKey("manifests.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("digest", BYTEWISE, nullable=False),
    Column("media_type", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    # That of the manifest, again: whether a repository names a blob is asked of digests that a million others name.
    Column("repository_id", KEY, nullable=False, server_default="0"),
    PrimaryKeyConstraint("manifest_id", "position"),
    Index("manifest_children_by_digest", "digest", "repository_id"),
    sqlite_with_rowid=False,
)

tags: Final = Table(
    "tags",
    metadata,
    repository_column(),
    Column("name", BYTEWISE, nullable=False),
    Column("manifest_id", KEY, ForeignKey("manifests.id", ondelete="CASCADE"), nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", String, nullable=False),
    PrimaryKeyConstraint("repository_id", "name"),
    Index("tags_by_manifest", "manifest_id"),
    Index("tags_by_name", "name"),
    sqlite_with_rowid=False,
)

tag_history: Final = Table(
    "tag_history",
    metadata,
    Column("id", KEY, primary_key=True),
    repository_column(),
    Column("name", BYTEWISE, nullable=False),
    Column("digest", BYTEWISE),  # null: the tag was removed
    Column("at", BigInteger, nullable=False),
    Column("account", String, nullable=False),
    Index("tag_history_by_name", "repository_id", "name", "id"),
)

uploads: Final = Table(
    "uploads",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("repository", BYTEWISE, nullable=False),
    Column("account", String, nullable=False),
    Column("algorithm", String, nullable=False),
    Column("secret", String(32), nullable=False, server_default=""),  # stands in the session's address
    Column("started_at", BigInteger, nullable=False),
    Column("active_at", BigInteger, nullable=False, server_default="0"),  # when bytes last came, to the minute
    Index("uploads_by_activity", "active_at"),
    Column("reserved", BigInteger, nullable=False, server_default="0"),  # bytes that a quota keeps free for it
    Index("uploads_by_account", "account"),
    Index("uploads_by_repository", "repository"),
)

events: Final = Table(
    "events",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("account", String, nullable=False),
    Column("action", String, nullable=False),
    Column("repository", BYTEWISE, nullable=False),
    Column("digest", BYTEWISE),
    Column("tag", BYTEWISE),
    Column("subject", BYTEWISE),  # what else it is about: an account, a team, a token
    Column("detail", Text),  # JSON
    Index("events_by_repository", "repository", "id"),
)

upkeep: Final = Table(
    "upkeep",
    metadata,
    Column("kind", String, primary_key=True),
    Column("ended_at", BigInteger, nullable=False),
    Column("report", Text, nullable=False),  # JSON: what the last such work came to
)
