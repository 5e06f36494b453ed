"""Handing out tasks in SQLite, where one writer at a time does everything: the table of tasks itself is enough."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import bindparam, or_, select

from orchard.hub.db import Transaction
from orchard.hub.db.work import tasks
from orchard.hub.queue.dispatch import Entry
from orchard.hub.queue.port import State

_RUNNING: Final = tasks.alias("running")
_NEXT: Final = (
    select(tasks.c.id)
    .where(
        tasks.c.state == State.WAITING,
        tasks.c.kind.in_(bindparam("kinds", expanding=True)),
        tasks.c.due_at <= bindparam("at"),
        or_(
            tasks.c.lock.is_(None),
            ~select(_RUNNING.c.id).where(_RUNNING.c.state == State.RUNNING, _RUNNING.c.lock == tasks.c.lock).exists(),
        ),
    )
    .order_by(tasks.c.due_at, tasks.c.id)
    .limit(1)
)


class TableDispatch:
    """Chooses from the table of tasks. Only where writers exclude each other."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def clock(self, transaction: Transaction) -> int:  # noqa: ARG002 -- all processes are on one machine
        """Tell the time, in milliseconds."""
        return round(self._now() * 1000)

    def enlist(self, transaction: Transaction, entry: Entry) -> int | None:  # noqa: ARG002 -- its row is enough
        """Have a task handed out."""
        return None

    def next(self, transaction: Transaction, kinds: Sequence[str], at: int) -> int | None:
        """Choose a task that is due."""
        found: int | None = transaction.execute(_NEXT, {"kinds": list(kinds), "at": at}).scalar()
        return found

    def again(self, transaction: Transaction, job: int | None, delay: float) -> None:
        """Hand a task out again: its row says so."""

    def drop(self, transaction: Transaction, job: int | None) -> None:
        """Hand a task out no more: its row says so."""
