"""Where a hub keeps its rows and its bytes: the drivers, chosen by the settings."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from orchard.errors import ConflictError, UnsupportedError
from orchard.hub.catalog import places
from orchard.hub.catalog.segments import Segments
from orchard.hub.db import Database, migrate
from orchard.hub.db.sqlite import open_sqlite
from orchard.hub.queue import TaskQueue
from orchard.hub.queue.leases import TableDispatch
from orchard.hub.queue.procrastinating import ProcrastinateDispatch, prepare
from orchard.hub.registry import Files
from orchard.hub.settings import Settings
from orchard.hub.storage.bucket import Address, Bucket
from orchard.hub.storage.filesystem import Filesystem
from orchard.hub.storage.objects import ObjectStore

FILES: Final = "files"  # what the catalog calls the data directory, which may be moved
CATALOG: Final = "catalog.sqlite3"


def catalog_file(data: Path) -> Path:
    """Name the file of the embedded catalog."""
    return data / CATALOG


@contextmanager
def open_catalog(settings: Settings) -> Iterator[Database]:
    """Open the catalog, made or brought to the shape that this code expects.

    Raises:
        UsageError: If the address of the database cannot be one.
        UnsupportedError: If its driver is not installed.
        ConflictError: If a newer hub made it.
        UnavailableError: If it cannot be reached now.
        StorageError: If it cannot be used.
    """
    with open_database(settings) as database:
        migrate(database)
        if settings.database is not None:
            prepare(database)
        yield database


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """Open the catalog as it is.

    Raises:
        UsageError: If the address of the database cannot be one.
        UnsupportedError: If its driver is not installed.
    """
    url = settings.database
    database = open_sqlite(catalog_file(settings.data)) if url is None else _postgresql(url)
    try:
        yield database
    finally:
        database.close()


def open_queue(database: Database) -> TaskQueue:
    """Open the queue that is kept in the catalog's database."""
    dispatch = TableDispatch(time.time) if database.dialect == "sqlite" else ProcrastinateDispatch()
    return TaskQueue(database, dispatch, steady=time.monotonic)


def _postgresql(url: str) -> Database:
    """Open PostgreSQL.

    Raises:
        UsageError: If the address cannot be one.
        UnsupportedError: If the driver is not installed.
    """
    try:
        from orchard.hub.db.postgresql import open_postgresql  # noqa: PLC0415 -- 0.3 s that only such a hub pays
    except ModuleNotFoundError as error:
        raise UnsupportedError(
            f"PostgreSQL needs {error.name}, which is not installed: pip install 'orchard[hub,postgres]'"
        ) from error
    return open_postgresql(url)


def open_files(settings: Settings, database: Database) -> Files:
    """Open the place of blobs and uploads that the settings name.

    Raises:
        ConflictError: If this hub's blobs are in another place, or another hub's are in this one.
        UsageError: If it is no place for blobs.
        UnsupportedError: If what it needs is not installed.
        StorageError: If it cannot be used.
    """
    url = place_of(settings)
    with database.read() as connection:
        found = places.find(connection, url)
    if found is None:
        with database.write() as connection:
            found = places.make(connection, url)
    if not found.current:
        with database.read() as connection:
            current = places.current(connection)
        raise ConflictError(
            f"the blobs of this hub are in {current}, not in {url}; start it with that storage,"
            " or move them with: orchard hub move-storage"
        )
    return open_place(settings, database, found)


def place_of(settings: Settings) -> str:
    """Name the place of blobs as the catalog does.

    Raises:
        UsageError: If it is none.
    """
    if settings.storage is None:
        return FILES
    if "://" in settings.storage:
        return str(_address(settings))
    directory = Path(settings.storage).absolute()
    return FILES if directory == settings.data.absolute() else str(directory)


def open_place(settings: Settings, database: Database, place: places.StoragePlace, *, spare: bool = False) -> Files:
    """Open a place of blobs and uploads.

    Args:
        settings: How it is reached.
        database: Where its rows are.
        place: What the catalog knows of it.
        spare: Whether it is being filled, or emptied, while another one serves.

    Raises:
        ConflictError: If another hub's blobs are there.
        UsageError: If it is no place for blobs.
        UnsupportedError: If what it needs is not installed.
        StorageError: If it cannot be used.
    """
    if "://" not in place.url:
        return Filesystem(settings.data if place.url == FILES else Path(place.url))
    bucket = Bucket(_address(settings))
    bucket.claim(place.mark)
    ledger = Segments(database, place.number, time.time, spare=spare)
    return ObjectStore(bucket, ledger, time.time, linked=settings.storage_redirect)


def _address(settings: Settings) -> Address:
    assert settings.storage is not None
    return Address.parse(settings.storage, endpoint=settings.storage_endpoint, region=settings.storage_region)
