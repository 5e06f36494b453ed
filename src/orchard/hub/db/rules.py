"""The tables of what holds for tags, of how much a namespace may keep, and of what was deleted and can come back.

A *scope* is ``*`` (the whole hub), a namespace, or any longer beginning of repositories' names, cut between components:
what holds for ``team`` holds for ``team/model`` and everything below it.

    tag_rules, retention, quotas     rules, by scope
    usage                            what each namespace keeps, counted by the transactions that change it
    manifest_pulls                   when a version was asked for, and how often it was pulled
    trash ─┬─ trash_manifests ── trash_children     content that trash names is not collected
           └─ trash_tags
"""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, PrimaryKeyConstraint, String, Table, Text

from orchard.hub.db.columns import BYTEWISE, KEY, metadata

tag_rules: Final = Table(
    "tag_rules",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("scope", BYTEWISE, nullable=False),
    Column("kind", String, nullable=False),  # immutable or protected
    Column("pattern", String, nullable=False),
    Column("movers", Text, nullable=False),  # JSON: who may move what is protected
    Column("made_at", BigInteger, nullable=False),
    Column("made_by", String, nullable=False),
    Index("tag_rules_by_scope", "scope"),
)

retention: Final = Table(
    "retention",
    metadata,
    Column("scope", BYTEWISE, primary_key=True),
    Column("rules", Text, nullable=False),  # JSON: a version stays if any of them keeps it
    Column("made_at", BigInteger, nullable=False),
    Column("made_by", String, nullable=False),
)

quotas: Final = Table(
    "quotas",
    metadata,
    Column("namespace", BYTEWISE, primary_key=True),  # or * for those without one of their own
    Column("bytes", BigInteger),  # null: no limit
    Column("repositories", BigInteger),
    Column("made_at", BigInteger, nullable=False),
    Column("made_by", String, nullable=False),
)

usage: Final = Table(
    "usage",
    metadata,
    Column("namespace", BYTEWISE, primary_key=True),
    Column("bytes", BigInteger, nullable=False),  # manifests, and blobs, each once, that are linked and not released
    Column("repositories", BigInteger, nullable=False),
)

manifest_pulls: Final = Table(
    "manifest_pulls",
    metadata,
    Column("manifest_id", KEY, ForeignKey("manifests.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("pulls", BigInteger, nullable=False),
    Column("pulled_at", BigInteger, nullable=False),
)

trash: Final = Table(
    "trash",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("repository", BYTEWISE, nullable=False),
    Column("kind", String, nullable=False),  # tag, manifest, referrer (comes back with its subject), repository
    Column("what", BYTEWISE, nullable=False),  # a tag, a digest, a name
    Column("why", Text, nullable=False),
    Column("deleted_at", BigInteger, nullable=False),
    Column("deleted_by", String, nullable=False),
    Index("trash_by_repository", "repository", "id"),
    Index("trash_by_time", "deleted_at"),
)

trash_manifests: Final = Table(
    "trash_manifests",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("trash_id", KEY, ForeignKey("trash.id", ondelete="CASCADE"), nullable=False),
    Column("digest", BYTEWISE, nullable=False),
    Column("subject_digest", BYTEWISE),
    Column("record", Text, nullable=False),  # JSON: the row of the catalog
    Column("raw", LargeBinary, nullable=False),
    Column("pulls", BigInteger, nullable=False),
    Column("pulled_at", BigInteger),
    Index("trash_manifests_by_trash", "trash_id", "id"),
)

trash_children: Final = Table(
    "trash_children",
    metadata,
    Column("trash_manifest_id", KEY, ForeignKey("trash_manifests.id", ondelete="CASCADE"), nullable=False),
    Column("digest", BYTEWISE, nullable=False),
    PrimaryKeyConstraint("trash_manifest_id", "digest"),
    Index("trash_children_by_digest", "digest"),
    sqlite_with_rowid=False,
)

trash_tags: Final = Table(
    "trash_tags",
    metadata,
    Column("trash_id", KEY, ForeignKey("trash.id", ondelete="CASCADE"), nullable=False),
    Column("name", BYTEWISE, nullable=False),
    Column("digest", BYTEWISE, nullable=False),
    PrimaryKeyConstraint("trash_id", "name"),
    sqlite_with_rowid=False,
)
