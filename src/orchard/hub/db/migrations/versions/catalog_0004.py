"""Tasks, webhooks, mirrors."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"

_BYTEWISE: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_KEY: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables of tasks."""
    _tasks()
    op.create_table(
        "periods",
        sa.Column("kind", _BYTEWISE, primary_key=True),
        sa.Column("last_at", sa.BigInteger, nullable=False),
    )


def _tasks() -> None:
    waiting = sa.text("state = 'waiting'")
    op.create_table(
        "tasks",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("key", _BYTEWISE),
        sa.Column("lock", _BYTEWISE),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("waiting_since", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("job", sa.BigInteger),
        sa.Column("worker", sa.String),
        sa.Column("lease", sa.String(32)),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.Column("cancelled", sa.Boolean, nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("tasks_by_key", "tasks", ["key"], unique=True, sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("tasks_by_state", "tasks", ["state", "due_at"])
    op.create_index("tasks_by_end", "tasks", ["ended_at"])
