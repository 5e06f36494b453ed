"""A task that a worker holds, and the ways in which that ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, select, update
from sqlalchemy.exc import IntegrityError

from orchard.hub.db import Database, Transaction
from orchard.hub.db.work import tasks
from orchard.hub.queue import log
from orchard.hub.queue.dispatch import Dispatch
from orchard.hub.queue.port import Progress, State, Task

_MAX_REASON: Final = 4000  # characters
_MAX_UNIT: Final = 32

Values = dict[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Hold:
    """A running task as somebody knows it: if its row has another lease by now, nothing is changed.

    Attributes:
        row: Its number.
        lease: By which it is held.
        beat: The last that was seen, if the worker seems to have died; none if we are the worker.
    """

    database: Database
    dispatch: Dispatch
    row: int
    lease: str
    beat: int | None = None

    @property
    def condition(self) -> ColumnElement[bool]:
        """What must be true of the row."""
        held = and_(tasks.c.id == self.row, tasks.c.state == State.RUNNING, tasks.c.lease == self.lease)
        return held if self.beat is None else and_(held, tasks.c.beat == self.beat)

    def end(self, state: State, values: Values, *, lines: Sequence[str] = ()) -> None:
        """Let the task end.

        Args:
            state: How.
            values: Of its row.
            lines: For its log.

        Raises:
            StorageError: If the database fails.
        """
        with self.database.aside() as connection:
            row = self._lock(connection)
            if row is not None:
                stopped = row.cancelled and state is not State.DONE
                log.write(connection, self.row, lines, at=self.dispatch.clock(connection))
                self._end(connection, row, State.CANCELLED if stopped else state, values=values)

    def wait(self, *, reason: str | None = None, delay: float = 0.0, back: int = 0, lines: Sequence[str] = ()) -> None:
        """Let the task wait for the next attempt, unless it was cancelled or another task of its key waits already.

        Args:
            reason: Why it failed, if it did.
            delay: Seconds before which nobody gets it.
            back: Attempts that shall not count.
            lines: For its log.

        Raises:
            StorageError: If the database fails.
        """
        told: Values = {} if reason is None else {"reason": reason[:_MAX_REASON]}
        with self.database.aside() as connection:
            row = self._lock(connection)
            if row is None:
                return
            at = self.dispatch.clock(connection)
            log.write(connection, self.row, lines, at=at)
            if row.cancelled:
                self._end(connection, row, State.CANCELLED, values=told)
                return
            waiting: Values = {"state": State.WAITING, "waiting_since": at, "due_at": at + round(delay * 1000)}
            try:
                with connection.begin_nested():
                    statement = update(tasks).where(tasks.c.id == self.row)
                    connection.execute(statement, {**waiting, "lease": None, "attempt": row.attempt - back, **told})
            except IntegrityError:  # another task of its key waits, and will do all that this one had to do
                self._end(connection, row, State.FAILED, values={"reason": reason or "another task does the same"})
            else:
                self.dispatch.again(connection, row.job, delay)

    def _lock(self, connection: Transaction) -> Row[Any] | None:
        return connection.execute(select(tasks).where(self.condition).with_for_update()).first()

    def _end(self, connection: Transaction, row: Row[Any], state: State, *, values: Values) -> None:
        ended: Values = {"state": state, "ended_at": self.dispatch.clock(connection), "lease": None}
        connection.execute(update(tasks).where(tasks.c.id == row.id), {**ended, **values})
        self.dispatch.drop(connection, row.job)


class HeldTask:
    """A lease: the row of the task bears its word as long as it lasts."""

    def __init__(self, task: Task, hold: Hold) -> None:
        self._task = task
        self._hold = hold

    @property
    def task(self) -> Task:
        """What is to be done."""
        return self._task

    def renew(self, progress: Progress, lines: Sequence[str] = ()) -> bool:
        """Keep the task for another while; see ``Lease.renew``.

        Raises:
            StorageError: If the database fails.
        """
        beat = update(tasks).where(self._hold.condition).values(beat=tasks.c.beat + 1).returning(tasks.c.cancelled)
        with self._hold.database.aside() as connection:
            found = connection.execute(beat, _columns(progress)).first()
            if found is not None and lines:
                log.write(connection, self._hold.row, lines, at=self._hold.dispatch.clock(connection))
        return found is not None and not found.cancelled

    def succeed(self, progress: Progress, lines: Sequence[str] = ()) -> None:
        """The task is done.

        Raises:
            StorageError: If the database fails.
        """
        self._hold.end(State.DONE, {"reason": None, **_columns(progress)}, lines=lines)

    def fail(self, reason: str, lines: Sequence[str] = (), *, retry_in: float | None) -> None:
        """The task could not be done; see ``Lease.fail``.

        Raises:
            StorageError: If the database fails.
        """
        again = "given up" if retry_in is None else f"again in {retry_in:.0f} s"
        told = [*lines, f"attempt {self._task.attempt} failed ({again}): {reason}"]
        if retry_in is None:
            self._hold.end(State.FAILED, {"reason": reason[:_MAX_REASON]}, lines=told)
        else:
            self._hold.wait(reason=reason, delay=retry_in, lines=told)

    def give_back(self, lines: Sequence[str] = ()) -> None:
        """Let another worker have the task at once.

        Raises:
            StorageError: If the database fails.
        """
        self._hold.wait(back=1, lines=lines)


def _columns(progress: Progress) -> Values:
    return {
        "done": progress.done,
        "total": progress.total,
        "note": progress.note[:_MAX_REASON],
        "unit": progress.unit[:_MAX_UNIT],
    }
