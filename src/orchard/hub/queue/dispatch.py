"""What a queue needs of its engine: who may take which task next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from orchard.hub.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A task that is to be handed out.

    Attributes:
        id: Number of its row.
        kind: Which handler does it.
        key: Of those that wait, no two have the same.
        lock: Of those that run, no two have the same.
        delay: Seconds before which nobody gets it.
    """

    id: int
    kind: str
    key: str | None
    lock: str | None
    delay: float


class Dispatch(Protocol):
    """Hands tasks out, each to one worker. All in the caller's transaction."""

    def clock(self, transaction: Transaction, /) -> int:
        """Tell the time, in milliseconds, by the clock that all processes of the hub share."""
        ...

    def enlist(self, transaction: Transaction, entry: Entry, /) -> int | None:
        """Have a task handed out; gives the number that it has here, if it is another than its row's."""
        ...

    def next(self, transaction: Transaction, kinds: Sequence[str], at: int, /) -> int | None:
        """Choose a task that is due, and that no other transaction chooses: the number of its row."""
        ...

    def again(self, transaction: Transaction, job: int | None, delay: float, /) -> None:
        """Hand a task that was chosen out again, or one that waits already at another time."""
        ...

    def drop(self, transaction: Transaction, job: int | None, /) -> None:
        """Never hand a task out again."""
        ...
