"""Queues for tests, with clocks that the test turns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchard.hub.db import Database
from orchard.hub.queue import Lease, Record, State, TaskQueue, record, records
from orchard.hub.queue.leases import TableDispatch
from orchard.oci import JSON
from support.hubinside import Clock

KIND = "work"


@dataclass
class Bench:
    """One queue as several processes see it: each has a queue object of its own on the same database."""

    database: Database
    clock: Clock = field(default_factory=Clock)
    steady: Clock = field(default_factory=lambda: Clock(1000.0))

    def process(self) -> TaskQueue:
        """The queue as one more process sees it."""
        return TaskQueue(self.database, TableDispatch(self.clock), steady=self.steady)

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

    def pass_time(self, seconds: float) -> None:
        """Let time pass on every clock."""
        self.clock.time += seconds
        self.steady.time += seconds


def take(queue: TaskQueue, *kinds: str, worker: str = "w1") -> Lease:
    """Take a task that must be there."""
    lease = queue.take(worker, kinds or (KIND,))
    assert lease is not None
    return lease
