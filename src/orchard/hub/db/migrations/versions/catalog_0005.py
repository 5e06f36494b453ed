"""Where the bytes of blobs are: places, and the objects in them."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"

_BYTEWISE: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_KEY: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make what upkeep looks at, and the tables of bytes that are no files."""
    _checks()
    _names()
    _activity()
    _bytes()


def _checks() -> None:
    op.add_column("blobs", sa.Column("checked_at", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("blobs", sa.Column("damaged_at", sa.BigInteger))
    op.execute("UPDATE blobs SET checked_at = stored_at")
    op.create_index("blobs_by_check", "blobs", ["checked_at"])
    damaged = sa.text("damaged_at IS NOT NULL")
    op.create_index("blobs_by_damage", "blobs", ["digest"], sqlite_where=damaged, postgresql_where=damaged)
    op.add_column("manifests", sa.Column("orphaned_at", sa.BigInteger))
    op.create_table(
        "upkeep",
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
    )


def _names() -> None:
    op.add_column("manifest_children", sa.Column("repository_id", _KEY, nullable=False, server_default="0"))
    op.execute(
        "UPDATE manifest_children SET repository_id ="
        " (SELECT repository_id FROM manifests WHERE manifests.id = manifest_children.manifest_id)"
    )
    op.drop_index("manifest_children_by_digest", "manifest_children")
    op.create_index("manifest_children_by_digest", "manifest_children", ["digest", "repository_id"])


def _activity() -> None:
    op.add_column("uploads", sa.Column("secret", sa.String(32), nullable=False, server_default=""))
    op.add_column("uploads", sa.Column("active_at", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE uploads SET active_at = started_at")
    op.drop_index("uploads_by_time", "uploads")
    op.create_index("uploads_by_activity", "uploads", ["active_at"])
    op.create_index("uploads_by_account", "uploads", ["account"])


def _place() -> sa.Column[int]:
    return sa.Column("place_id", _KEY, sa.ForeignKey("places.id"), nullable=False)


def _bytes() -> None:
    op.create_table(
        "places",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("url", _BYTEWISE, nullable=False, unique=True),
        sa.Column("mark", sa.String(32), nullable=False),
        sa.Column("current", sa.Boolean, nullable=False),
    )
    op.execute(
        "INSERT INTO places (url, mark, current) SELECT 'files', 'files', true WHERE EXISTS (SELECT 1 FROM blobs)"
    )
    op.create_table(
        "stored",
        _place(),
        sa.Column("digest", _BYTEWISE, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("published_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("place_id", "digest"),
        sqlite_with_rowid=False,
    )
    _staged()
    op.create_table(
        "segments",
        _place(),
        sa.Column("owner", _BYTEWISE, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("key", _BYTEWISE, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("place_id", "owner", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index("segments_by_key", "segments", ["key"])


def _staged() -> None:
    op.create_table(
        "staged",
        sa.Column("session", sa.String(32), primary_key=True),
        _place(),
        sa.Column("algorithm", sa.String, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("tail", sa.BigInteger, nullable=False),
        sa.Column("state", sa.LargeBinary),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "tails",
        sa.Column("session", sa.String(32), sa.ForeignKey("staged.session", ondelete="CASCADE"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("session", "position"),
    )
