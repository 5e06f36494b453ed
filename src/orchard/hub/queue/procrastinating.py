"""Handing out tasks in PostgreSQL, by the SQL functions of procrastinate, so that all happens in our transactions.

Its table holds a job for each task that waits or runs, nothing else; what becomes of a task is in ours. Its own worker
is never run: ours does the same on both engines.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from orchard.errors import ConflictError
from orchard.hub.db import Database, Transaction
from orchard.hub.db.work import tasks
from orchard.hub.queue.dispatch import Entry

_CLOCK: Final = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
_DEFER: Final = text(
    "SELECT unnest(procrastinate_defer_jobs_v1(ARRAY[ROW("
    ":kind, :kind, 0, :lock, :key, jsonb_build_object('task', CAST(:task AS bigint)), "
    "CASE WHEN :delay > 0 THEN now() + make_interval(secs => :delay) END"
    ")]::procrastinate_job_to_defer_v1[]))"
)
_FETCH: Final = text(
    "SELECT (args->>'task')::bigint AS task FROM procrastinate_fetch_job_v2(CAST(:kinds AS varchar[]), NULL)"
)
_MOVE: Final = text(
    "UPDATE procrastinate_jobs SET scheduled_at = now() + make_interval(secs => :delay) "
    "WHERE id = :job AND status = 'todo'"
)
_RETRY: Final = text("SELECT procrastinate_retry_job_v2(:job, now() + make_interval(secs => :delay), NULL, NULL, NULL)")
_DROP: Final = text("SELECT procrastinate_finish_job_v1(:job, 'succeeded', true)")

_STAMP: Final = "procrastinate_schema"  # a table of ours: procrastinate does not note which of its scripts were run
_VERSION: Final = text(f"SELECT version FROM {_STAMP}")  # noqa: S608 -- a constant


class ProcrastinateDispatch:
    """Chooses by procrastinate."""

    def clock(self, transaction: Transaction) -> int:
        """Tell the server's time, in milliseconds."""
        at: int = transaction.execute(_CLOCK).scalar_one()
        return at

    def enlist(self, transaction: Transaction, entry: Entry) -> int | None:
        """Have a task handed out."""
        values = {"kind": entry.kind, "lock": entry.lock, "key": entry.key, "task": entry.id, "delay": entry.delay}
        job: int = transaction.execute(_DEFER, values).scalar_one()
        return job

    def next(self, transaction: Transaction, kinds: Sequence[str], at: int) -> int | None:  # noqa: ARG002 -- it has a clock
        """Choose a task that is due.

        A task whose row is locked is left for the next time: somebody is about to change it, or counts on it.
        """
        step = transaction.begin_nested()
        try:
            found: int | None = transaction.execute(_FETCH, {"kinds": list(kinds)}).scalar()
        except IntegrityError:  # another worker has just begun one of the same lock
            step.rollback()
            return None
        row = select(tasks.c.id).where(tasks.c.id == found).with_for_update(skip_locked=True)
        if found is None or transaction.execute(row).first() is None:
            step.rollback()
            return None
        step.commit()
        return found

    def again(self, transaction: Transaction, job: int | None, delay: float) -> None:
        """Hand a task out again, or at another time."""
        values = {"job": job, "delay": delay}
        if not transaction.execute(_MOVE, values).rowcount:
            transaction.execute(_RETRY, values)

    def drop(self, transaction: Transaction, job: int | None) -> None:
        """Forget a job."""
        transaction.execute(_DROP, {"job": job})


def prepare(database: Database) -> None:
    """Bring procrastinate's tables and functions to the shape that the installed release expects.

    Raises:
        ConflictError: If a newer release made them.
        StorageError: If the database fails.
    """
    with database.read() as connection:
        if _is_made(connection) and connection.execute(_VERSION).scalar() == _newest():
            return
    with database.overhaul() as connection:
        if not _is_made(connection):
            _run(connection, "schema.sql")
            connection.execute(text(f"CREATE TABLE {_STAMP} (version varchar NOT NULL)"))
            connection.execute(text(f"INSERT INTO {_STAMP} VALUES (:version)"), {"version": _newest()})  # noqa: S608
        else:
            _advance(connection, str(connection.execute(_VERSION).scalar()))


def _is_made(connection: Transaction) -> bool:
    """Look into the server's catalogs: ``to_regclass`` may remember from before another process made the table."""
    return inspect(connection).has_table(_STAMP)


def _advance(connection: Transaction, version: str) -> None:
    """Run the scripts that are missing.

    Raises:
        ConflictError: If a newer release made the tables.
    """
    if version > _newest():
        raise ConflictError(f"the database was made by a newer procrastinate ({version}); install the one of its hub")
    for script in _scripts():
        if script > version:
            _run(connection, f"migrations/{script}")
    connection.execute(text(f"UPDATE {_STAMP} SET version = :version"), {"version": _newest()})  # noqa: S608


def _run(connection: Transaction, script: str) -> None:
    """Run many statements at once, as only the driver itself can."""
    driver: Any = connection.connection.driver_connection
    driver.execute((files("procrastinate") / "sql" / script).read_text())


def _scripts() -> list[str]:
    found = (files("procrastinate") / "sql" / "migrations").iterdir()
    return sorted(script.name for script in found if script.name.endswith(".sql"))


def _newest() -> str:
    return _scripts()[-1]
