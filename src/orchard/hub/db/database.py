"""Transactions: many readers, one writer of each thing, every failure of the engine as an error of ours."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from orchard.errors import StorageError, UnavailableError

Transaction = Connection  # what is open while one runs; rooms above the catalog only pass it on

WRITE: Final = "orchard_write"  # execution option that the driver's ``begin`` looks for
_AFTER: Final = "orchard_after"


def _any_order(connection: Connection, scope: str | None) -> None:
    """Let the engine decide who writes when."""


def _no_hurry(connection: Connection) -> None:
    """Be as patient as ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """What differs from engine to engine.

    Attributes:
        engine: Where connections for writing come from.
        reader: Where those come from that must see one state in several statements.
        glance: Where those come from that run one statement.
        explain: Makes an error of ours of one of the engine's.
        turn: What a writer holds from before its transaction begins until after it ended.
        order: Makes a transaction that has just begun wait for the writers that it must not meet.
        unhurried: Lets one that has just begun take as long as it likes.
        share: Holds a name until the transaction ends, together with whoever shares it; none if there is one process.
        claim: Holds a name likewise but alone, if nobody has it; tells whether that was so.
    """

    engine: Engine
    reader: Engine
    glance: Engine
    explain: Callable[[DBAPIError], StorageError]
    turn: AbstractContextManager[Any] = field(default_factory=nullcontext)
    order: Callable[[Connection, str | None], None] = _any_order
    unhurried: Callable[[Connection], None] = _no_hurry
    share: Callable[[Connection, str], None] | None = None
    claim: Callable[[Connection, str], bool] | None = None


class Database:
    """A catalog's database."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._driver.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give one consistent state of the catalog.

        Raises:
            UnavailableError: If the engine cannot be reached now.
            StorageError: If the engine fails.
        """
        with self._translated(), self._driver.reader.begin() as connection:
            yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """Give the catalog for one statement: cheaper than ``read`` where each step is a journey to another machine.

        Raises:
            UnavailableError: If the engine cannot be reached now.
            StorageError: If the engine fails.
        """
        with self._translated(), self._driver.glance.connect() as connection:
            yield connection

    @contextmanager
    def write(self, scope: str | None = None) -> Iterator[Connection]:
        """Do all that happens inside, durably, or nothing of it. Other writers wait; readers do not.

        Args:
            scope: A repository, if the transaction changes nothing outside it but adds blobs that nobody had: then
                writers of other repositories need not wait where the engine can do without. None if it may change
                anything: then all wait.

        Raises:
            UnavailableError: If the engine cannot be reached now.
            StorageError: If the engine fails, or the disk is full.
        """
        with self._writing() as connection:
            self._driver.order(connection, scope)
            yield connection

    @contextmanager
    def aside(self) -> Iterator[Connection]:
        """Write rows that no writer of the catalog decides by: tasks, when something was last used.

        Where the engine can, it waits only for whoever changes the same rows.

        Raises:
            UnavailableError: If the engine cannot be reached now.
            StorageError: If the engine fails, or the disk is full.
        """
        with self._writing() as connection:
            yield connection

    @contextmanager
    def overhaul(self) -> Iterator[Connection]:
        """Change the shape of the database, or all that is in it, however long that takes. Everybody waits.

        Raises:
            UnavailableError: If the engine cannot be reached now.
            StorageError: If the engine fails, or the disk is full.
        """
        with self._writing() as connection:
            self._driver.unhurried(connection)
            self._driver.order(connection, None)
            yield connection

    @contextmanager
    def sharing(self, name: str) -> Iterator[None]:
        """Keep other processes from having a name alone, once none has; whatever happens to this process ends that.

        It is no transaction of whoever is inside, and costs a connection.

        Raises:
            UnavailableError: If the engine cannot be reached now, or somebody has the name for long.
            StorageError: If the engine fails.
        """
        share = self._driver.share
        if share is None:
            yield
            return
        with self._translated(), self._driver.engine.begin() as connection:
            share(connection, name)
            yield

    @contextmanager
    def alone(self, names: Sequence[str]) -> Iterator[set[str]]:
        """Have names alone, over all processes: those that nobody has; these are given.

        Raises:
            UnavailableError: If the engine cannot be reached now.
            StorageError: If the engine fails.
        """
        claim = self._driver.claim
        if claim is None:
            yield set(names)
            return
        with self._translated(), self._driver.engine.begin() as connection:
            yield {name for name in names if claim(connection, name)}

    def check(self) -> None:
        """Find out whether the engine answers.

        Raises:
            StorageError: If it does not.
        """
        with self.look() as connection:
            connection.execute(select(1))

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._driver.engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        after: list[Callable[[], None]] = []
        with self._driver.turn, self._translated(), self._driver.engine.connect() as connection:
            connection.execution_options(**{WRITE: True, _AFTER: after})
            with connection.begin():
                yield connection
        for call in after:
            call()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._driver.explain(error) from error
        except PoolTimeoutError as error:
            raise UnavailableError("the catalog is busy: too many requests wait for it; try again") from error


def after_commit(transaction: Transaction, call: Callable[[], None]) -> None:
    """Have something called once a transaction for writing is committed; never if it is not. It must not fail."""
    transaction.get_execution_options()[_AFTER].append(call)
