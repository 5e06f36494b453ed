"""The first catalog: repositories, blobs, manifests, tags, uploads, users, events."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None

_BYTEWISE: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_KEY: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _repository() -> sa.Column[int]:
    return sa.Column("repository_id", _KEY, sa.ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False)


def _manifest(**options: bool) -> sa.Column[int]:
    return sa.Column(
        "manifest_id",
        _KEY,
        sa.ForeignKey("manifests.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=options.get("primary_key", False),
        autoincrement=False,
    )


def upgrade() -> None:
    """Make every table."""
    _blobs()
    _manifests()
    _tags()
    _uploads()
    _accounts()


def _blobs() -> None:
    op.create_table(
        "repositories",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("name", _BYTEWISE, nullable=False, unique=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "blobs",
        sa.Column("digest", _BYTEWISE, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("stored_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "blob_links",
        _repository(),
        sa.Column("digest", _BYTEWISE, sa.ForeignKey("blobs.digest"), nullable=False),
        sa.Column("linked_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "digest"),
        sqlite_with_rowid=False,
    )
    op.create_index("blob_links_by_digest", "blob_links", ["digest"])


def _manifests() -> None:
    op.create_table(
        "manifests",
        sa.Column("id", _KEY, primary_key=True),
        _repository(),
        sa.Column("digest", _BYTEWISE, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("artifact_type", sa.String),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("subject_digest", _BYTEWISE),
        sa.Column("referrer", sa.Text),
        sa.Column("config_digest", _BYTEWISE),
        sa.Column("pushed_at", sa.BigInteger, nullable=False),
        sa.Column("pushed_by", sa.String, nullable=False),
        sa.Column("total_size", sa.BigInteger, nullable=False),
        sa.Column("layer_count", sa.Integer, nullable=False),
        sa.Column("model_name", sa.String),
        sa.Column("model_version", sa.String),
        sa.Column("description", sa.Text),
        sa.Column("framework", sa.String),
        sa.Column("model_format", sa.String),
        sa.Column("licence", sa.String),
        sa.Column("note", sa.Text),
        sa.UniqueConstraint("repository_id", "digest"),
    )
    op.create_index("manifests_by_subject", "manifests", ["repository_id", "subject_digest", "digest"])
    op.create_index("manifests_by_time", "manifests", ["repository_id", "pushed_at"])
    op.create_table("documents", _manifest(primary_key=True), sa.Column("raw", sa.LargeBinary, nullable=False))
    op.create_table(
        "manifest_children",
        _manifest(),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("digest", _BYTEWISE, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("manifest_id", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index("manifest_children_by_digest", "manifest_children", ["digest"])


def _tags() -> None:
    op.create_table(
        "tags",
        _repository(),
        sa.Column("name", _BYTEWISE, nullable=False),
        _manifest(),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("updated_by", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "name"),
        sqlite_with_rowid=False,
    )
    op.create_index("tags_by_manifest", "tags", ["manifest_id"])
    op.create_table(
        "tag_history",
        sa.Column("id", _KEY, primary_key=True),
        _repository(),
        sa.Column("name", _BYTEWISE, nullable=False),
        sa.Column("digest", _BYTEWISE),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("account", sa.String, nullable=False),
    )
    op.create_index("tag_history_by_name", "tag_history", ["repository_id", "name", "id"])


def _uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("repository", _BYTEWISE, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("algorithm", sa.String, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
    )
    op.create_index("uploads_by_time", "uploads", ["started_at"])


def _accounts() -> None:
    op.create_table(
        "users",
        sa.Column("name", _BYTEWISE, primary_key=True),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("repository", _BYTEWISE, nullable=False),
        sa.Column("digest", _BYTEWISE),
        sa.Column("tag", _BYTEWISE),
    )
    op.create_index("events_by_repository", "events", ["repository", "id"])
