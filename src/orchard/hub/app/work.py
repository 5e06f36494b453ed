"""What this hub does by itself: every kind of task is named here, and who does them."""

import logging
import os
import socket
import time
from collections.abc import Sequence
from typing import Final

from orchard.hub.db import Database
from orchard.hub.jobs import Kind, Run, Worker
from orchard.hub.queue import TaskQueue, forget
from orchard.hub.queue.leases import TableDispatch
from orchard.hub.registry import Registry
from orchard.hub.settings import Settings

_LOG: Final = logging.getLogger("orchard.hub.jobs")
_HOUR: Final = 3600.0
_KEPT: Final = 7 * 24 * _HOUR  # seconds for which people can see what came of a task


def open_queue(database: Database) -> TaskQueue:
    """Open the queue that is kept in the catalog's database."""
    return TaskQueue(database, TableDispatch(time.time), steady=time.monotonic)


def kinds(settings: Settings, registry: Registry, database: Database) -> Sequence[Kind]:
    """Name everything that the hub does by itself."""

    def clean_uploads(_: Run) -> None:
        registry.sweep_uploads(settings.upload_lifetime)

    def forget_tasks(run: Run) -> None:
        with database.aside() as connection:
            gone = forget(connection, round((time.time() - _KEPT) * 1000))
        run.progress(gone, gone, f"forgot {gone} old tasks")

    return (
        Kind(name="clean-uploads", handler=clean_uploads, every=_HOUR),
        Kind(name="forget-tasks", handler=forget_tasks, every=24 * _HOUR),
    )


def open_worker(settings: Settings, queue: TaskQueue, kinds: Sequence[Kind]) -> Worker:
    """Make the worker of this process."""
    name = f"{socket.gethostname()}:{os.getpid()}"
    return Worker(queue, kinds, name=name, slots=settings.workers, steady=time.monotonic)
