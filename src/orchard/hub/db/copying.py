"""Copying all rows of one database to another, be their engines the same or not: all in one transaction, or nothing."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection, LargeBinary, Table, delete, func, insert, select, text

from orchard.errors import ConflictError, StorageError
from orchard.hub.db.columns import metadata
from orchard.hub.db.database import Database
from orchard.hub.db.migrate import MOVED
from orchard.hub.db.people import browser_sessions, login_failures
from orchard.hub.db.schema import events, repositories, uploads
from orchard.hub.db.stored import places, segments, staged, stored, tails
from orchard.hub.db.work import periods, task_lines, tasks

# What only the hub itself can go on with, here and now: uploads, tasks, sessions of browsers.
PASSING: Final = (uploads, task_lines, tasks, periods, browser_sessions, login_failures)
# Where bytes are: another hub keeps them elsewhere.
WHEREABOUTS: Final = (places, stored, staged, tails, segments)

_BATCH: Final = 1000  # rows
_LARGE: Final = 16  # rows that may have 4 MiB each


def is_empty(database: Database) -> bool:
    """Tell whether nobody has used a database since its tables were made.

    Raises:
        StorageError: If it cannot be read.
    """
    with database.read() as connection:
        return not any(connection.execute(select(table).limit(1)).first() for table in (repositories, events))


def copy(
    source: Database, target: Database, *, finish: Callable[[Connection], None], without: Sequence[Table] = ()
) -> dict[str, int]:
    """Copy everything; what the migrations had put into the target goes. Gives the rows of each table.

    Args:
        source: As it is at one moment.
        target: Nobody else uses it.
        finish: Is called at the end of the target's transaction.
        without: Tables that are left alone.

    Raises:
        StorageError: If one of them fails, or a row is missing in the end.
    """
    left_alone = {table.name for table in without}
    tables = [table for table in metadata.sorted_tables if table.name not in left_alone]
    with source.read() as reading, target.overhaul() as writing:
        for table in reversed(tables):
            writing.execute(delete(table))
        for table in tables:
            _copy(reading, writing, table)
        wanted, found = _counts(reading, tables), _counts(writing, tables)
        if wanted != found:
            wrong = next(name for name in wanted if wanted[name] != found[name])
            raise StorageError(f"{wrong} has {wanted[wrong]} rows here and {found[wrong]} there; nothing was moved")
        finish(writing)
    return found


def compare(source: Database, target: Database) -> dict[str, int]:
    """Give the rows of each table, if there are as many in both.

    Raises:
        ConflictError: If there are not: the target holds something else.
        StorageError: If one of them cannot be read.
    """
    with source.read() as one, target.read() as other:
        wanted, found = _counts(one, metadata.sorted_tables), _counts(other, metadata.sorted_tables)
    if wanted != found:
        raise ConflictError("the new database holds another hub, or one that has been used since; take an empty one")
    return found


def leave(database: Database) -> None:
    """Let no hub use a database any more: it would erase what only its successor knows.

    Raises:
        StorageError: If it cannot be written.
    """
    with database.overhaul() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :moved"), {"moved": MOVED})


def _copy(reading: Connection, writing: Connection, table: Table) -> None:
    size = _LARGE if any(isinstance(column.type, LargeBinary) for column in table.columns) else _BATCH
    with reading.execution_options(yield_per=size).execute(select(table)) as rows:
        for batch in rows.mappings().partitions(size):
            writing.execute(insert(table), [dict(row) for row in batch])
    number = table.autoincrement_column
    if writing.dialect.name == "postgresql" and number is not None:
        sequence = func.pg_get_serial_sequence(table.name, number.name)
        last = select(func.coalesce(func.max(number), 0) + 1).scalar_subquery()
        writing.execute(select(func.setval(sequence, last, False)))  # noqa: FBT003 -- not used yet


def _counts(connection: Connection, tables: Sequence[Table]) -> dict[str, int]:
    found: dict[str, int] = {}
    for table in tables:
        found[table.name] = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return found
