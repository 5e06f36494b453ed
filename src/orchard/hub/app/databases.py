"""Looking after the database of a hub that is about to start, or is stopped: its shape, and its move to another one."""

from contextlib import ExitStack
from dataclasses import dataclass, replace

from orchard.errors import ConflictError, NotFoundError, UsageError
from orchard.hub.app.drivers import catalog_file, open_catalog, open_database, open_queue
from orchard.hub.db import HEAD, Database, copying, revision
from orchard.hub.settings import Settings
from orchard.hub.storage.directory import claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The shape of a database.

    Attributes:
        engine: ``sqlite`` or ``postgresql``.
        found: Revision that it had; none if it was new.
        wanted: Revision that this release expects.
        changed: Whether it was changed.
    """

    engine: str
    found: str | None
    wanted: str
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedDatabase:
    """What was moved.

    Attributes:
        engine: Of the new database.
        tables: Rows of each table.
        copied: Whether this run copied them; else one before had, and was interrupted.
    """

    engine: str
    tables: dict[str, int]
    copied: bool


def migrate_database(settings: Settings, *, check: bool) -> Shape:
    """Bring the database to the shape that this release expects, as the hub does at its start.

    Args:
        settings: How the hub runs.
        check: Whether only to look.

    Raises:
        UsageError: If the address of the database cannot be one.
        ConflictError: If a newer hub made it, it was moved away, or only a look was wanted and it is of another shape.
        StorageError: If it cannot be used.
    """
    if settings.database is None:
        settings.data.mkdir(parents=True, exist_ok=True)
    with open_database(settings) as database:
        found = _revision(database)
        engine = database.dialect
    if check and found != HEAD:
        had = "is new" if found is None else f"has the shape {found}"
        raise ConflictError(f"the database {had}, and this release needs {HEAD}: run orchard hub migrate")
    if not check:
        with open_catalog(settings):
            pass
    return Shape(engine=engine, found=found, wanted=HEAD, changed=found != HEAD)


def move_database(settings: Settings, to: str) -> MovedDatabase:
    """Move everything that a stopped hub keeps in its database to an empty one; the old one is not used any more then.

    Raises:
        NotFoundError: If no hub has used the old one.
        UsageError: If the new one cannot be one, or is the old one.
        ConflictError: If the hub runs, or the new database holds something else.
        StorageError: If one of them fails; the new one is as it was then.
    """
    target = replace(settings, database=to)
    if to == settings.database:
        raise UsageError("that is the database that the hub has")
    if settings.database is None and not catalog_file(settings.data).is_file():
        raise NotFoundError(f"{settings.data} is not the data directory of a hub")
    with ExitStack() as stack:
        stack.enter_context(claim(settings.data))
        old = stack.enter_context(open_catalog(settings))
        new = stack.enter_context(open_catalog(target))
        copied = copying.is_empty(new)
        finish = open_queue(new).adopt
        counts = copying.copy(old, new, finish=finish) if copied else copying.compare(old, new)
        copying.leave(old)
        return MovedDatabase(engine=new.dialect, tables=counts, copied=copied)


def _revision(database: Database) -> str | None:
    with database.read() as connection:
        return revision(connection)
