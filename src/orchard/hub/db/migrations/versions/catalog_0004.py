"""Tasks, webhooks, mirrors."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"

_BYTEWISE: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_KEY: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables of tasks, of what leaves the hub, and of what it fetches."""
    _tasks()
    op.create_table(
        "periods",
        sa.Column("kind", _BYTEWISE, primary_key=True),
        sa.Column("last_at", sa.BigInteger, nullable=False),
    )
    _outbox()
    _webhooks()
    _deliveries()
    _mirrors()
    _proxies()
    _proxied_tags()


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


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column(
            "event_id", _KEY, sa.ForeignKey("events.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
        ),
    )


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("scope", _BYTEWISE, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("lease", sa.String(32)),
        sa.Column("leased_until", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("webhooks_by_scope", "webhooks", ["scope"])


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("webhook_id", _KEY, sa.ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
        sa.Column("message", sa.String(40), nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("tried_at", sa.BigInteger),
        sa.Column("status", sa.Integer),
        sa.Column("milliseconds", sa.BigInteger),
        sa.Column("answer", sa.Text),
        sa.Column("error", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("deliveries_by_webhook", "deliveries", ["webhook_id", "state", "id"])
    op.create_index("deliveries_by_time", "deliveries", ["created_at"])


def _mirrors() -> None:
    op.create_table(
        "mirrors",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("direction", sa.String, nullable=False),
        sa.Column("repository", _BYTEWISE, nullable=False),
        sa.Column("remote", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("every", sa.BigInteger),
        sa.Column("on_push", sa.Boolean, nullable=False),
        sa.Column("referrers", sa.Boolean, nullable=False),
        sa.Column("deletions", sa.Boolean, nullable=False),
        sa.Column("username", sa.Text),
        sa.Column("password", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("began_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("state", sa.String),
        sa.Column("report", sa.Text),
        sa.Column("known", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("mirrors_by_repository", "mirrors", ["repository"])
    op.create_index("mirrors_by_time", "mirrors", ["due_at"])


def _proxies() -> None:
    op.create_table(
        "proxies",
        sa.Column("namespace", _BYTEWISE, primary_key=True),
        sa.Column("remote", sa.Text, nullable=False),
        sa.Column("username", sa.Text),
        sa.Column("password", sa.Text),
        sa.Column("ttl", sa.BigInteger, nullable=False),
        sa.Column("largest", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
    )


def _proxied_tags() -> None:
    op.create_table(
        "proxied_tags",
        sa.Column("repository_id", _KEY, sa.ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", _BYTEWISE, nullable=False),
        sa.Column("checked_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "name"),
        sqlite_with_rowid=False,
    )
