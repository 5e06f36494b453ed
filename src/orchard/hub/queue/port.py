"""What a queue promises. Its drivers are ``queue.leases`` (SQLite) and ``queue.procrastinating`` (PostgreSQL).

A task that was put is done at least once, whatever dies: whoever takes one holds a lease, and a lease that is not
renewed ends. So a handler may run twice for one task, and must then have no second effect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchard.hub.db import Transaction
from orchard.oci import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something to do.

    Attributes:
        id: Its name in this queue.
        kind: Which handler does it.
        payload: What the handler needs to know; small, and never a secret.
        attempt: How often it was taken, this time among them; 1 at first.
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
        note: What is being done, for people.
    """

    done: int
    total: int | None = None
    note: str = ""


class Lease(Protocol):
    """A task that one worker has for now."""

    @property
    def task(self) -> Task:
        """What is to be done."""
        ...

    def renew(self, progress: Progress | None = None, /) -> bool:
        """Keep the task for another while, and write down how far it has come.

        Gives False if it is not ours any more, because the lease ended or somebody cancelled the task: then stop.
        """
        ...

    def succeed(self) -> None:
        """The task is done."""
        ...

    def fail(self, reason: str, *, retry_in: float | None) -> None:
        """The task could not be done: again in so many seconds, or never."""
        ...


class Queue(Protocol):
    """Tasks, kept in the catalog's database."""

    def put(
        self,
        transaction: Transaction,
        kind: str,
        payload: Mapping[str, JSON],
        /,
        *,
        key: str | None = None,
        delay: float = 0.0,
    ) -> bool:
        """Ask for something to be done after ``delay`` seconds, if the transaction is committed.

        Args:
            transaction: Of the catalog, open for writing.
            kind: Which handler is to do it.
            payload: What the handler needs to know.
            key: If a task of this key is waiting already, nothing is added.
            delay: Seconds.

        Returns:
            Whether a task was added.
        """
        ...

    def take(self, worker: str, kinds: Sequence[str], /) -> Lease | None:
        """Take the next task of one of these kinds, if one is due."""
        ...
