"""Queues for tests, with clocks that the test turns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import text, update

from orchard.hub.db import Database
from orchard.hub.db.work import periods
from orchard.hub.queue import Dispatch, Lease, Record, State, TaskQueue, record, records
from orchard.hub.queue.leases import TableDispatch
from orchard.hub.queue.procrastinating import ProcrastinateDispatch
from orchard.oci import JSON
from support.hubinside import Clock

KIND = "work"


_TIMES = ("asked_at", "waiting_since", "due_at", "started_at", "ended_at")


@dataclass
class Bench:
    """One queue as several processes see it: each has a queue object of its own on the same database."""

    database: Database
    clock: Clock = field(default_factory=Clock)
    steady: Clock = field(default_factory=lambda: Clock(1000.0))

    def process(self) -> TaskQueue:
        """The queue as one more process sees it."""
        return TaskQueue(self.database, self.dispatch(), steady=self.steady)

    def dispatch(self) -> Dispatch:
        """What hands out the tasks."""
        return TableDispatch(self.clock) if self.database.dialect == "sqlite" else ProcrastinateDispatch()

    def pass_time(self, seconds: float) -> None:
        """Let time pass on every clock."""
        self.jump(seconds)
        self.steady.time += seconds

    def jump(self, seconds: float) -> None:
        """Let the time of day jump. A server's clock stays, but all that it wrote down is moved to the other side."""
        if self.database.dialect == "sqlite":
            self.clock.time += seconds
            return
        moved = ", ".join(f"{name} = {name} - {round(seconds * 1000)}" for name in _TIMES)
        with self.database.write() as transaction:
            transaction.execute(text(f"UPDATE tasks SET {moved}"))  # noqa: S608 -- names of our own
            transaction.execute(update(periods).values(last_at=periods.c.last_at - round(seconds * 1000)))
            jobs = "UPDATE procrastinate_jobs SET scheduled_at = scheduled_at - make_interval(secs => :seconds)"
            transaction.execute(text(jobs), {"seconds": seconds})

    def put(
        self, queue: TaskQueue, kind: str = KIND, payload: Mapping[str, JSON] | None = None, **options: object
    ) -> str:
        with self.database.write() as transaction:
            return queue.put(transaction, kind, payload or {}, **options)  # type: ignore[arg-type] # put checks them

    def cancel(self, queue: TaskQueue, task: str) -> bool:
        with self.database.write() as transaction:
            return queue.cancel(transaction, task)

    def record(self, task: str) -> Record:
        with self.database.read() as transaction:
            found = record(transaction, task)
        assert found is not None
        return found

    def records(self, **options: object) -> list[Record]:
        with self.database.read() as transaction:
            return records(transaction, **options)  # type: ignore[arg-type] # records checks them

    def state(self, task: str) -> State:
        return self.record(task).state


def take(queue: TaskQueue, *kinds: str, worker: str = "w1") -> Lease:
    """Take a task that must be there."""
    lease = queue.take(worker, kinds or (KIND,))
    assert lease is not None
    return lease
