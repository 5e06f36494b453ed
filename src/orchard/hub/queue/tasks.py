"""The queue: what happens to a task from the moment it is asked for until it has ended.

No lease depends on the time of day, which jumps: a worker that lives makes its task's ``beat`` grow, and whoever has
seen the same beat for a whole lease, by a clock of its own that never jumps, takes the worker for dead.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Final

from sqlalchemy import bindparam, select, update

from orchard.errors import LimitExceededError
from orchard.hub.db import Database, Transaction, after_commit, insert_new
from orchard.hub.db.work import periods, tasks
from orchard.hub.queue.dispatch import Dispatch, Entry
from orchard.hub.queue.held import HeldTask, Hold, Values
from orchard.hub.queue.port import Lease, State, Task
from orchard.hub.queue.records import MAX_PAYLOAD, number
from orchard.oci import JSON, dumps, loads

LEASE: Final = 30.0  # seconds without a beat after which a worker is taken for dead
_LOOKS: Final = 6  # at the beats of others, in one lease
_SLIP: Final = 60_000  # milliseconds by which a clock may be behind without having been set back
_DIED: Final = "its worker died"
_LATEST: Final = 60.0  # seconds after which a repeated task is looked at again, for another process may have put it

_WAITS: Final = (
    select(tasks.c.id).where(tasks.c.key == bindparam("key"), tasks.c.state == State.WAITING).with_for_update()
)
_DUE: Final = (
    select(tasks.c.id)
    .where(tasks.c.state == State.WAITING, tasks.c.kind.in_(bindparam("kinds", expanding=True)))
    .limit(1)
)
_LATE: Final = select(tasks.c.id, tasks.c.job).where(
    tasks.c.state == State.WAITING, tasks.c.waiting_since > bindparam("at")
)
_BEATS: Final = select(tasks.c.id, tasks.c.lease, tasks.c.beat).where(tasks.c.state == State.RUNNING)
_LAST: Final = select(periods.c.last_at).where(periods.c.kind == bindparam("kind"))
_START: Final = (
    update(tasks)
    .where(tasks.c.id == bindparam("task"), tasks.c.state == State.WAITING)
    .values(attempt=tasks.c.attempt + 1)
    .returning(tasks.c.kind, tasks.c.payload, tasks.c.attempt)
)
_FRESH: Final[Values] = {
    "state": State.WAITING,
    "attempt": 0,
    "beat": 0,
    "cancelled": False,
    "done": 0,
    "note": "",
    "unit": "",
}


class TaskQueue:
    """Tasks in the database's table, handed out by an engine's dispatch."""

    def __init__(
        self, database: Database, dispatch: Dispatch, *, steady: Callable[[], float], lease: float = LEASE
    ) -> None:
        """Make a queue.

        Args:
            database: The catalog's.
            dispatch: The engine's.
            steady: A clock in seconds that never jumps.
            lease: Seconds without a sign of life after which a worker is taken for dead.
        """
        self._database = database
        self._dispatch = dispatch
        self._steady = steady
        self._lease = lease
        self._news = Event()
        self._seen: dict[int, tuple[str, int, float]] = {}
        self._next_look = 0.0

    @property
    def lease(self) -> float:
        """Seconds without a sign of life after which a worker is taken for dead."""
        return self._lease

    def put(
        self,
        transaction: Transaction,
        kind: str,
        payload: Mapping[str, JSON],
        *,
        key: str | None = None,
        lock: str | None = None,
        delay: float = 0.0,
    ) -> str:
        """Ask for something to be done; see ``Queue.put``.

        Raises:
            LimitExceededError: If the payload is no small note.
        """
        raw = dumps(dict(payload))
        if len(raw) > MAX_PAYLOAD:
            raise LimitExceededError(f"the payload of a task {kind} has {len(raw)} bytes; at most {MAX_PAYLOAD}")
        at = self._dispatch.clock(transaction)
        values: Values = {"kind": kind, "payload": raw.decode(), "key": key, "lock": lock, "asked_at": at, **_FRESH}
        values |= {"waiting_since": at, "due_at": at + round(delay * 1000)}
        while True:
            # The row is locked: whoever would take it waits for our commit, and then sees what we did.
            waits = None if key is None else transaction.execute(_WAITS, {"key": key}).scalar()
            if waits is not None:
                return str(waits)
            row = transaction.execute(insert_new(transaction, tasks).returning(tasks.c.id), values).scalar()
            if row is not None:
                break
        job = self._dispatch.enlist(transaction, Entry(id=row, kind=kind, key=key, lock=lock, delay=delay))
        if job is not None:
            transaction.execute(update(tasks).where(tasks.c.id == row), {"job": job})
        if not delay:
            after_commit(transaction, self._news.set)
        return str(row)

    def cancel(self, transaction: Transaction, task: str) -> bool:
        """Take back what was asked for; see ``Queue.cancel``."""
        mine = tasks.c.id == number(task)
        at = self._dispatch.clock(transaction)
        ended = {"state": State.CANCELLED, "ended_at": at, "cancelled": True}
        waits = update(tasks).where(mine, tasks.c.state == State.WAITING).returning(tasks.c.job)
        found = transaction.execute(waits, ended).first()
        if found is not None:
            self._dispatch.drop(transaction, found.job)
            return True
        runs = update(tasks).where(mine, tasks.c.state == State.RUNNING)
        return transaction.execute(runs, {"cancelled": True}).rowcount > 0

    def again(self, transaction: Transaction, task: str) -> str | None:
        """Have a task done now, or once more; see ``Queue.again``."""
        row = transaction.execute(select(tasks).where(tasks.c.id == number(task)).with_for_update()).first()
        if row is None or row.state in {State.RUNNING, State.DONE}:
            return None
        if row.state == State.WAITING:
            at = self._dispatch.clock(transaction)
            transaction.execute(update(tasks).where(tasks.c.id == row.id), {"waiting_since": at, "due_at": at})
            self._dispatch.again(transaction, row.job, 0.0)
            after_commit(transaction, self._news.set)
            return task
        payload = loads(row.payload.encode(), what="a task's payload", limit=MAX_PAYLOAD)
        assert isinstance(payload, dict)
        return self.put(transaction, row.kind, payload, key=row.key, lock=row.lock)

    def adopt(self, transaction: Transaction) -> None:
        """Hand out all tasks of a table that was copied here; what ran runs again."""
        at = self._dispatch.clock(transaction)
        live = tasks.c.state.in_((State.WAITING, State.RUNNING))
        waiting = set[str]()
        for row in transaction.execute(select(tasks).where(live).order_by(tasks.c.state.desc())).all():
            if row.key in waiting:  # it ran, and the one that waits will do all that it had to do
                ended: Values = {"state": State.FAILED, "ended_at": at, "lease": None, "job": None}
                transaction.execute(update(tasks).where(tasks.c.id == row.id), ended)
                continue
            waiting.update(filter(None, [row.key]))
            delay = max(0.0, (row.due_at - at) / 1000)
            entry = Entry(id=row.id, kind=row.kind, key=row.key, lock=row.lock, delay=delay)
            again: Values = {"state": State.WAITING, "lease": None, "job": self._dispatch.enlist(transaction, entry)}
            transaction.execute(update(tasks).where(tasks.c.id == row.id), again)

    def take(self, worker: str, kinds: Sequence[str]) -> Lease | None:
        """Take the next task that is due; see ``Feed.take``.

        Raises:
            StorageError: If the database fails.
        """
        self._rescue()
        with self._database.look() as connection:
            if connection.execute(_DUE, {"kinds": list(kinds)}).first() is None:
                return None
        lease = secrets.token_hex(16)
        with self._database.aside() as connection:
            at = self._dispatch.clock(connection)
            found = self._dispatch.next(connection, kinds, at)
            if found is None:
                return None
            values = {"task": found, "state": State.RUNNING, "started_at": at, "worker": worker, "lease": lease}
            row = connection.execute(_START, values).one()
        payload = loads(row.payload.encode(), what="a task's payload", limit=MAX_PAYLOAD)
        assert isinstance(payload, dict)
        task = Task(id=str(found), kind=row.kind, payload=payload, attempt=row.attempt)
        return HeldTask(task, Hold(self._database, self._dispatch, found, lease))

    def repeat(self, kind: str, every: float) -> float:
        """Put a task if its time has come; see ``Feed.repeat``.

        Raises:
            StorageError: If the database fails.
        """
        with self._database.read() as connection:
            last = connection.execute(_LAST, {"kind": kind}).scalar()
            left = _left(last, self._dispatch.clock(connection), every)
        if left > 0:
            return min(left, _LATEST)
        with self._database.aside() as connection:
            at = self._dispatch.clock(connection)
            connection.execute(insert_new(connection, periods), {"kind": kind, "last_at": 0})
            last = connection.execute(_LAST.with_for_update(), {"kind": kind}).scalar()
            if _left(last, at, every) <= 0:
                connection.execute(update(periods).where(periods.c.kind == kind), {"last_at": at})
                self.put(connection, kind, {}, key=kind, lock=kind)
        return min(every, _LATEST)

    def wait(self, seconds: float) -> None:
        """Wait for news."""
        self._news.wait(seconds)
        self._news.clear()

    def wake(self) -> None:
        """Tell that there is news."""
        self._news.set()

    def inherit(self) -> None:
        """Let all running tasks wait again. Whoever calls it knows that no worker lives: it alone has the database.

        Raises:
            StorageError: If the database fails.
        """
        with self._database.read() as connection:
            held = [(row.id, row.lease, row.beat) for row in connection.execute(_BEATS)]
        for row, lease, beat in held:
            Hold(self._database, self._dispatch, row, lease, beat).wait(reason=_DIED, lines=[_DIED])

    def _rescue(self) -> None:
        """Let the tasks of workers that have died wait again.

        Raises:
            StorageError: If the database fails.
        """
        now = self._steady()
        if now < self._next_look:
            return
        self._next_look = now + self._lease / _LOOKS
        with self._database.read() as connection:
            beats = [(row.id, row.lease, row.beat) for row in connection.execute(_BEATS)]
            at = self._dispatch.clock(connection)
            late = connection.execute(_LATE, {"at": at + _SLIP}).first() is not None
        if late:
            self._hurry()
        seen: dict[int, tuple[str, int, float]] = {}
        for row, lease, beat in beats:
            known = self._seen.get(row)
            since = now if known is None or known[:2] != (lease, beat) else known[2]
            if now - since < self._lease:
                seen[row] = lease, beat, since
            else:
                Hold(self._database, self._dispatch, row, lease, beat).wait(reason=_DIED, lines=[_DIED])
        self._seen = seen

    def _hurry(self) -> None:
        """Let wait no longer what was put before the clock was set back: it would wait until that has caught up.

        Raises:
            StorageError: If the database fails.
        """
        with self._database.aside() as connection:
            at = self._dispatch.clock(connection)
            for row in connection.execute(_LATE.with_for_update(), {"at": at + _SLIP}).all():
                connection.execute(update(tasks).where(tasks.c.id == row.id), {"waiting_since": at, "due_at": at})
                self._dispatch.again(connection, row.job, 0.0)


def _left(last: int | None, at: int, every: float) -> float:
    """Tell in how many seconds a repeated task is due. A clock that was set back must not keep it waiting."""
    return 0.0 if last is None or last > at else every - (at - last) / 1000
