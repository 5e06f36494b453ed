"""What a queue promises. ``queue.tasks`` keeps it, with ``queue.leases`` on SQLite and ``queue.procrastinating``.

A task that was put is done at least once, whatever dies: whoever takes one holds a lease, and a lease that is not
renewed ends. So a handler may run twice for one task, and must then have no second effect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from orchard.hub.db import Transaction
from orchard.oci import JSON


class State(StrEnum):
    """Where a task stands.

    Attributes:
        WAITING: It will be taken when it is due.
        RUNNING: A worker has it.
        DONE: It succeeded.
        FAILED: It was given up.
        CANCELLED: Somebody cancelled it.
    """

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something to do.

    Attributes:
        id: Its name in this queue.
        kind: Which handler does it.
        payload: What the handler needs to know; small, and never a secret.
        attempt: How often it was taken, this time among them; 1 at first. Giving it back does not count.
    """

    id: str
    kind: str
    payload: Mapping[str, JSON]
    attempt: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task has come.

    Attributes:
        done: Steps that are done, in whatever the handler counts.
        total: Steps in all, if that is known.
        note: What is being done, for people; of a task that has ended, what came of it.
        unit: What is counted: ``bytes``, or the plural of a noun; empty if it is nothing that people would count.
    """

    done: int = 0
    total: int | None = None
    note: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a task's log.

    Attributes:
        number: Its place in the log, from 1; those that were dropped are counted too.
        at: When it was written down, a few seconds after it was told.
        text: What the task told.
    """

    number: int
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A task as people see it.

    Attributes:
        key: Name of the work, if there is at most one of it waiting.
        due_at: When it may be taken, of one that waits.
        worker: Who has it or had it last.
        cancelling: Whether a running task was asked to stop.
        reason: Why it failed the last time.
    """

    id: str
    kind: str
    key: str | None
    payload: Mapping[str, JSON]
    state: State
    attempt: int
    asked_at: datetime
    due_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    worker: str | None
    cancelling: bool
    progress: Progress
    reason: str | None


class Lease(Protocol):
    """A task that one worker has for now. What is said of a lease that has ended changes nothing.

    ``lines`` are what the task has told since the last word: they go to its log, of which the last 200 are kept.
    """

    @property
    def task(self) -> Task:
        """What is to be done."""
        ...

    def renew(self, progress: Progress, lines: Sequence[str] = (), /) -> bool:
        """Keep the task for another while, and write down how far it has come.

        Gives False if it is not ours any more, because the lease ended or somebody cancelled the task: then stop.

        Raises:
            StorageError: If the database fails.
        """
        ...

    def succeed(self, progress: Progress, lines: Sequence[str] = (), /) -> None:
        """The task is done.

        Raises:
            StorageError: If the database fails.
        """
        ...

    def fail(self, reason: str, lines: Sequence[str] = (), /, *, retry_in: float | None) -> None:
        """The task could not be done: again in so many seconds, or never. The log says why, too.

        If it was cancelled meanwhile, or another task of its key waits already, it is not tried again.

        Raises:
            StorageError: If the database fails.
        """
        ...

    def give_back(self, lines: Sequence[str] = (), /) -> None:
        """Let another worker have the task at once, as if it had not been taken.

        Raises:
            StorageError: If the database fails.
        """
        ...


class Queue(Protocol):
    """Where work is asked for. Tasks are kept in the catalog's database."""

    def put(
        self,
        transaction: Transaction,
        kind: str,
        payload: Mapping[str, JSON],
        /,
        *,
        key: str | None = None,
        lock: str | None = None,
        delay: float = 0.0,
    ) -> str:
        """Ask for something to be done after ``delay`` seconds, if the transaction is committed.

        Args:
            transaction: Of the catalog, open for writing.
            kind: Which handler is to do it.
            payload: What the handler needs to know.
            key: If a task of this key is waiting already, nothing is added: it will see what this transaction did.
            lock: Tasks of the same lock never run at once, in all processes.
            delay: Seconds.

        Returns:
            The id of the task that will do it: a new one, or the one that waits already.
        """
        ...

    def cancel(self, transaction: Transaction, task: str, /) -> bool:
        """Take back what was asked for. A task that runs is told to stop; what it did stays done.

        Tells whether there is such a task that has not ended yet.
        """
        ...

    def again(self, transaction: Transaction, task: str, /) -> str | None:
        """Have a task done now: one that waits, at once; one that failed or was cancelled, once more, from the start.

        Gives the id of the task that will do it; none if there is no such task, it runs already, or it is done.
        """
        ...


class Feed(Protocol):
    """The other end of a queue: where workers get their tasks."""

    @property
    def lease(self) -> float:
        """Seconds without a sign of life after which a worker is taken for dead."""
        ...

    def take(self, worker: str, kinds: Sequence[str], /) -> Lease | None:
        """Take the next task of one of these kinds that is due, or whose worker has died.

        Raises:
            StorageError: If the database fails.
        """
        ...

    def repeat(self, kind: str, every: float, /) -> float:
        """Put a task of this kind, key and lock if the last was put more than ``every`` seconds ago by any process.

        Gives the seconds until that has to be asked again.

        Raises:
            StorageError: If the database fails.
        """
        ...

    def wait(self, seconds: float, /) -> None:
        """Wait until this process puts a task, ``wake`` is called, or so many seconds have passed."""
        ...

    def wake(self) -> None:
        """Let ``wait`` return."""
        ...
