"""Where the bytes of blobs are, when they are seen to be sound, when somebody last asked for them."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"

_KEY: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make what upkeep looks at."""
    _checks()
    _names()
    _activity()


def _checks() -> None:
    op.add_column("blobs", sa.Column("checked_at", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("blobs", sa.Column("damaged_at", sa.BigInteger))
    op.execute("UPDATE blobs SET checked_at = stored_at")
    op.create_index("blobs_by_check", "blobs", ["checked_at"])
    op.add_column("manifests", sa.Column("orphaned_at", sa.BigInteger))


def _names() -> None:
    op.add_column("manifest_children", sa.Column("repository_id", _KEY, nullable=False, server_default="0"))
    op.execute(
        "UPDATE manifest_children SET repository_id ="
        " (SELECT repository_id FROM manifests WHERE manifests.id = manifest_children.manifest_id)"
    )
    op.drop_index("manifest_children_by_digest", "manifest_children")
    op.create_index("manifest_children_by_digest", "manifest_children", ["digest", "repository_id"])


def _activity() -> None:
    op.add_column("uploads", sa.Column("active_at", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE uploads SET active_at = started_at")
    op.drop_index("uploads_by_time", "uploads")
    op.create_index("uploads_by_activity", "uploads", ["active_at"])
    op.create_index("uploads_by_account", "uploads", ["account"])
