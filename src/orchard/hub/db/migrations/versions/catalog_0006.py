"""What the hub finds out about versions: files of layers, insights, facts."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"

_BYTEWISE: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_KEY: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _of_layers()
    _of_versions()


def _layer() -> sa.Column[str]:
    return sa.Column("digest", _BYTEWISE, sa.ForeignKey("blobs.digest", ondelete="CASCADE"), nullable=False)


def _of_layers() -> None:
    op.create_table(
        "layer_files",
        _layer(),
        sa.Column("form", sa.String, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("files", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("hashed", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary),
        sa.PrimaryKeyConstraint("digest", "form"),
    )
    condition = sa.text("hashed = 0")
    op.create_index(
        "layer_files_to_hash", "layer_files", ["digest"], sqlite_where=condition, postgresql_where=condition
    )
    op.create_table(
        "insights",
        _layer(),
        sa.Column("path", _BYTEWISE, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("digest", "path"),
    )


def _of_versions() -> None:
    manifest = sa.ForeignKey("manifests.id", ondelete="CASCADE")
    op.create_table(
        "understandings",
        sa.Column("manifest_id", _KEY, manifest, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("document", sa.LargeBinary),
    )
    op.create_index("understandings_by_revision", "understandings", ["revision", "manifest_id"])
    op.create_table(
        "facts",
        sa.Column("manifest_id", _KEY, sa.ForeignKey("manifests.id", ondelete="CASCADE"), nullable=False),
        sa.Column("key", _BYTEWISE, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("text", sa.String),
        sa.Column("number", sa.Double),
        sa.PrimaryKeyConstraint("manifest_id", "key", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index("facts_by_number", "facts", ["key", "number"])
    op.create_index("facts_by_text", "facts", ["key", "text"])
