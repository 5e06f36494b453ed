"""The embedded driver: one SQLite file in WAL mode."""

import sqlite3
from pathlib import Path
from threading import Lock
from typing import Final

from sqlalchemy import Connection, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError

from orchard.errors import StorageError, UnavailableError
from orchard.hub.db.database import WRITE, Database, Driver

POOL: Final = 32  # connections; more than the hub has threads
BUSY_TIMEOUT: Final = 10_000  # milliseconds to wait for another process, such as a password reset
JOURNAL: Final = 64 << 20  # bytes of the write-ahead log that stay on disk when a long reader let it grow

# FULL: the write-ahead log is flushed before a commit returns. NORMAL survives kill -9 but may forget the last commits
# when the power fails, and a client that got its 201 has deleted its copy by then. Costs one fdatasync a commit.
_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT}",
    f"PRAGMA journal_size_limit = {JOURNAL}",
)


def open_sqlite(path: Path) -> Database:
    """Open or make a catalog file.

    Writers of this process wait for each other at a lock, not in the engine: its busy handler sleeps and is not fair.
    """
    engine = create_engine(f"sqlite:///{path}", poolclass=QueuePool, pool_size=POOL, max_overflow=0)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return Database(Driver(engine=engine, reader=engine, glance=engine, explain=_explain, turn=Lock()))


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions on its own: see _begin
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    """Take the write lock at once where it will be needed: a reader that becomes a writer can fail half-way."""
    writes = connection.get_execution_options().get(WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _explain(error: DBAPIError) -> StorageError:
    reason = str(error.orig)
    if "is full" in reason:
        return StorageError("disk full: the catalog cannot be written; free some space and try again")
    if "is locked" in reason:
        seconds = BUSY_TIMEOUT // 1000
        return UnavailableError(f"the catalog is busy: another process wrote to it for {seconds} seconds; try again")
    return StorageError(f"the catalog failed: {reason}")
