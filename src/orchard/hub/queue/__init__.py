"""Work that is done later: kept with the rows that ask for it, done at least once, by whichever process is free."""

from orchard.hub.queue.port import Lease, Progress, Queue, Task

__all__ = ["Lease", "Progress", "Queue", "Task"]
