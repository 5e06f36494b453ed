"""Transactions: many readers, one writer, every failure of the engine as an error of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError

from orchard.errors import StorageError

Transaction = Connection  # what is open while one runs; rooms above the catalog only pass it on

WRITE: Final = "orchard_write"  # execution option that the driver's ``begin`` looks for


class Database:
    """A catalog's database.

    Writers wait for each other here and not in the engine, whose busy handler sleeps and is not fair.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give one consistent state of the catalog.

        Raises:
            StorageError: If the engine fails.
        """
        with _translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self, scope: str | None = None) -> Iterator[Connection]:  # noqa: ARG002 -- SQLite has one writer anyway
        """Do all that happens inside, durably, or nothing of it. Other writers wait; readers do not.

        Args:
            scope: A repository, if the transaction changes nothing outside it but adds blobs that nobody had: then
                writers of other repositories need not wait where the engine can do without. None if it may change
                anything: then all wait.

        Raises:
            StorageError: If the engine fails, or the disk is full.
        """
        with self._writing, _translated(), self._engine.connect() as connection:
            connection.execution_options(**{WRITE: True})
            with connection.begin():
                yield connection

    def check(self) -> None:
        """Find out whether the engine answers.

        Raises:
            StorageError: If it does not.
        """
        with self.read() as connection:
            connection.execute(select(1))

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig)
        if "is full" in reason:
            raise StorageError("disk full: the catalog cannot be written; free some space and try again") from error
        raise StorageError(f"the catalog failed: {reason}") from error
