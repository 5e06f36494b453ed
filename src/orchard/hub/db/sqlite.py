"""The embedded driver: one SQLite file in WAL mode."""

import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, QueuePool, create_engine, event

from orchard.hub.db.database import WRITE, Database

POOL: Final = 24  # connections; more than the hub has threads
BUSY_TIMEOUT: Final = 10_000  # milliseconds to wait for another process, such as a password reset

# FULL: the write-ahead log is flushed before a commit returns. NORMAL survives kill -9 but may forget the last commits
# when the power fails, and a client that got its 201 has deleted its copy by then. Costs one fdatasync a commit.
_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT}",
)


def open_sqlite(path: Path) -> Database:
    """Open or make a catalog file."""
    engine = create_engine(f"sqlite:///{path}", poolclass=QueuePool, pool_size=POOL, max_overflow=0)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return Database(engine)


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions on its own: see _begin
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    """Take the write lock at once where it will be needed: a reader that becomes a writer can fail half-way."""
    writes = connection.get_execution_options().get(WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
