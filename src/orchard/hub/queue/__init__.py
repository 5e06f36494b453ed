"""Work that is done later: kept with the rows that ask for it, done at least once, by whichever process is free."""

from orchard.hub.queue.dispatch import Dispatch
from orchard.hub.queue.port import Feed, Lease, Line, Progress, Queue, Record, State, Task
from orchard.hub.queue.records import counts, forget, lines, record, records
from orchard.hub.queue.tasks import TaskQueue

__all__ = [
    "Dispatch",
    "Feed",
    "Lease",
    "Line",
    "Progress",
    "Queue",
    "Record",
    "State",
    "Task",
    "TaskQueue",
    "counts",
    "forget",
    "lines",
    "record",
    "records",
]
