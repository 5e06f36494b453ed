"""Rules for tags, retention, quotas; what was deleted and can be restored."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"

_BYTEWISE: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_KEY: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables; say of every link which namespace it belongs to; count what each namespace keeps."""
    _repositories()
    _links()
    op.add_column("uploads", sa.Column("reserved", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("uploads_by_repository", "uploads", ["repository"])
    _rules()
    _usage()
    _trash()


def _repositories() -> None:
    op.add_column("repositories", sa.Column("namespace", _BYTEWISE, nullable=False, server_default=""))
    op.add_column("repositories", sa.Column("deleted_at", sa.BigInteger))
    first = "split_part(name, '/', 1)" if _postgresql() else "substr(name, 1, instr(name || '/', '/') - 1)"
    op.execute(f"UPDATE repositories SET namespace = {first}")  # noqa: S608 -- a constant
    op.create_index("repositories_by_namespace", "repositories", ["namespace"])


def _postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"


def _links() -> None:
    op.drop_index("blob_links_by_digest", "blob_links")
    op.rename_table("blob_links", "old_links")
    if _postgresql():  # renamed, the table keeps this name for its index
        op.execute("ALTER TABLE old_links RENAME CONSTRAINT blob_links_pkey TO old_links_pkey")
    op.create_table(
        "blob_links",
        sa.Column("repository_id", _KEY, sa.ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False),
        sa.Column("digest", _BYTEWISE, sa.ForeignKey("blobs.digest"), nullable=False),
        sa.Column("linked_at", sa.BigInteger, nullable=False),
        sa.Column("namespace", _BYTEWISE, nullable=False),
        sa.Column("released_at", sa.BigInteger),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "digest"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO blob_links (repository_id, digest, linked_at, namespace, size)"
        " SELECT o.repository_id, o.digest, o.linked_at, r.namespace, b.size FROM old_links o"
        " JOIN repositories r ON r.id = o.repository_id JOIN blobs b ON b.digest = o.digest"
        " ORDER BY o.repository_id, o.digest"
    )
    op.drop_table("old_links")
    op.create_index("blob_links_by_digest", "blob_links", ["digest", "namespace", "released_at"])


def _rules() -> None:
    op.create_table(
        "tag_rules",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("scope", _BYTEWISE, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("pattern", sa.String, nullable=False),
        sa.Column("movers", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
    )
    op.create_index("tag_rules_by_scope", "tag_rules", ["scope"])
    op.create_table(
        "retention",
        sa.Column("scope", _BYTEWISE, primary_key=True),
        sa.Column("rules", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
    )
    op.create_table(
        "quotas",
        sa.Column("namespace", _BYTEWISE, primary_key=True),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("repositories", sa.BigInteger),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
    )
    op.create_table(
        "manifest_pulls",
        sa.Column(
            "manifest_id",
            _KEY,
            sa.ForeignKey("manifests.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("pulls", sa.BigInteger, nullable=False),
        sa.Column("pulled_at", sa.BigInteger, nullable=False),
    )


def _usage() -> None:
    op.create_table(
        "usage",
        sa.Column("namespace", _BYTEWISE, primary_key=True),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("repositories", sa.BigInteger, nullable=False),
    )
    op.execute(
        "INSERT INTO usage (namespace, bytes, repositories) SELECT n.namespace,"
        " coalesce((SELECT sum(b.size) FROM (SELECT DISTINCT l.digest FROM blob_links l"
        " WHERE l.namespace = n.namespace) d JOIN blobs b ON b.digest = d.digest), 0)"
        " + coalesce((SELECT sum(m.size) FROM manifests m JOIN repositories r ON r.id = m.repository_id"
        " WHERE r.namespace = n.namespace), 0), n.repositories"
        " FROM (SELECT namespace, count(*) AS repositories FROM repositories GROUP BY namespace) n"
    )


def _trash() -> None:
    op.create_table(
        "trash",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("repository", _BYTEWISE, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("what", _BYTEWISE, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("deleted_at", sa.BigInteger, nullable=False),
        sa.Column("deleted_by", sa.String, nullable=False),
    )
    op.create_index("trash_by_repository", "trash", ["repository", "id"])
    op.create_index("trash_by_time", "trash", ["deleted_at"])
    op.create_table(
        "trash_manifests",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("trash_id", _KEY, sa.ForeignKey("trash.id", ondelete="CASCADE"), nullable=False),
        sa.Column("digest", _BYTEWISE, nullable=False),
        sa.Column("subject_digest", _BYTEWISE),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("pulls", sa.BigInteger, nullable=False),
        sa.Column("pulled_at", sa.BigInteger),
    )
    op.create_index("trash_manifests_by_trash", "trash_manifests", ["trash_id", "id"])
    op.create_table(
        "trash_children",
        sa.Column("trash_manifest_id", _KEY, sa.ForeignKey("trash_manifests.id", ondelete="CASCADE"), nullable=False),
        sa.Column("digest", _BYTEWISE, nullable=False),
        sa.PrimaryKeyConstraint("trash_manifest_id", "digest"),
        sqlite_with_rowid=False,
    )
    op.create_index("trash_children_by_digest", "trash_children", ["digest"])
    op.create_table(
        "trash_tags",
        sa.Column("trash_id", _KEY, sa.ForeignKey("trash.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", _BYTEWISE, nullable=False),
        sa.Column("digest", _BYTEWISE, nullable=False),
        sa.PrimaryKeyConstraint("trash_id", "name"),
        sqlite_with_rowid=False,
    )
