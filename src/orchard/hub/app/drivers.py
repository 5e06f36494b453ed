"""Where a hub keeps its rows and its bytes: the drivers, chosen by the settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from orchard.hub.db import Database, migrate
from orchard.hub.db.sqlite import open_sqlite
from orchard.hub.registry import Files
from orchard.hub.settings import Settings
from orchard.hub.storage.filesystem import Filesystem

CATALOG: Final = "catalog.sqlite3"


def catalog_file(data: Path) -> Path:
    """Name the file of the embedded catalog."""
    return data / CATALOG


@contextmanager
def open_catalog(settings: Settings) -> Iterator[Database]:
    """Open the catalog, made or brought to the shape that this code expects.

    Raises:
        ConflictError: If a newer hub made it.
        StorageError: If it cannot be used.
    """
    database = open_sqlite(catalog_file(settings.data))
    try:
        migrate(database)
        yield database
    finally:
        database.close()


def open_files(settings: Settings) -> Files:
    """Open the place of blobs and uploads."""
    return Filesystem(settings.data)
