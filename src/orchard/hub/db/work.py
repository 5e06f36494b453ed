"""Tables of what the hub does by itself: tasks, what they tell, and when those last began that come again and again."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from orchard.hub.db.columns import BYTEWISE, KEY, metadata

_WAITING: Final = text("state = 'waiting'")

tasks: Final = Table(
    "tasks",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("kind", String, nullable=False),
    Column("payload", Text, nullable=False),
    Column("key", BYTEWISE),  # of those that wait, no two have the same
    Column("lock", BYTEWISE),  # of those that run, no two have the same
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("waiting_since", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("job", BigInteger),  # its number where another table hands the tasks out
    Column("worker", String),
    Column("lease", String(32)),
    Column("beat", BigInteger, nullable=False),  # grows as long as the worker lives
    Column("cancelled", Boolean, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger),
    Column("note", Text, nullable=False),
    Column("unit", String, nullable=False, server_default=""),  # what is counted
    Column("reason", Text),  # why it failed, the last time
    Index("tasks_by_key", "key", unique=True, sqlite_where=_WAITING),
    Index("tasks_by_state", "state", "due_at"),
    Index("tasks_by_end", "ended_at"),
    sqlite_autoincrement=True,  # a number that people have seen never names another task
)

# What a task tells while it runs and when it fails: the last lines only, gone with it.
task_lines: Final = Table(
    "task_lines",
    metadata,
    Column("task_id", KEY, ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("task_id", "number"),
    sqlite_with_rowid=False,
)

periods: Final = Table(
    "periods",
    metadata,
    Column("kind", BYTEWISE, primary_key=True),
    Column("last_at", BigInteger, nullable=False),
)
