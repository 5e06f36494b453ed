"""What this hub does by itself: every kind of task is named here, and who does them."""

import logging
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from orchard.errors import StorageError
from orchard.hub.http.meters import Meters
from orchard.hub.jobs import Handler, Kind, Run, StoppedError, Worker
from orchard.hub.jobs.collecting import collecting
from orchard.hub.jobs.hashing import hashing
from orchard.hub.jobs.retention import purge_trash, retention
from orchard.hub.jobs.scrubbing import scrubbing
from orchard.hub.jobs.sweeping import sweeping
from orchard.hub.jobs.understanding import finding_versions, understanding
from orchard.hub.queue import Queue, TaskQueue, forget
from orchard.hub.registry import Premises, Registry
from orchard.hub.settings import Settings

if TYPE_CHECKING:
    from orchard.insight import TableReader

_LOG: Final = logging.getLogger("orchard.hub.jobs")
_PULLS: Final = 5.0  # seconds of counts that are lost when the process is killed
_HOUR: Final = 3600.0
_KEPT: Final = 7 * 24 * _HOUR  # seconds for which people can see what came of a task


def kinds(settings: Settings, registry: Registry, *, premises: Premises, queue: Queue) -> Sequence[Kind]:
    """Name everything that the hub does by itself."""

    def forget_tasks(run: Run) -> None:
        with premises.database.aside() as connection:
            gone = forget(connection, round((time.time() - _KEPT) * 1000))
        run.progress(gone, gone, f"forgot {gone} old tasks")

    return (
        collecting(premises, trash=settings.keep_deleted, every=settings.collect_every),
        scrubbing(premises, queue, every=settings.scrub_every, rate=settings.scrub_rate),
        sweeping(registry, lifetime=settings.upload_lifetime),
        retention(registry),
        purge_trash(registry, settings.keep_deleted),
        understanding(premises, tables=_reading_tables),
        finding_versions(premises),
        hashing(premises, queue, rate=settings.scrub_rate),
        Kind(name="forget-tasks", handler=forget_tasks, every=24 * _HOUR),
    )


def counted(kinds: Sequence[Kind], meters: Meters) -> Sequence[Kind]:
    """Have every run of a handler counted, with the time that it took."""
    return [replace(kind, handler=_counting(kind, meters)) for kind in kinds]


def _counting(kind: Kind, meters: Meters) -> Handler:
    def handle(run: Run) -> None:
        began, outcome = time.monotonic(), "failed"
        try:
            kind.handler(run)
            outcome = "done"
        except StoppedError:
            outcome = "stopped"
            raise
        finally:
            meters.task(kind.name, outcome, time.monotonic() - began)

    return handle


def _reading_tables() -> "TableReader":
    from orchard.insight import TableReader  # noqa: PLC0415 -- a hub's start needs no readers

    return TableReader()


@contextmanager
def writing_pulls(registry: Registry) -> Iterator[None]:
    """Write down every few seconds who asked for what, while the block runs, and once more at its end."""
    ended = Event()

    def write() -> None:
        try:
            registry.upkeep().write_pulls()
        except StorageError as error:
            _LOG.warning("could not write down what was pulled; trying again: %s", error)

    def go_on() -> None:
        while not ended.wait(_PULLS):
            write()

    writer = Thread(target=go_on, name="hub-pulls", daemon=True)
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()
        write()


def open_worker(settings: Settings, queue: TaskQueue, kinds: Sequence[Kind]) -> Worker:
    """Make the worker of this process, which has the data directory.

    Raises:
        StorageError: If the catalog fails.
    """
    if settings.database is None:
        queue.inherit()  # whoever had the directory before is dead
    name = f"{socket.gethostname()}:{os.getpid()}"
    return Worker(queue, kinds, name=name, slots=settings.workers, steady=time.monotonic, grace=settings.grace)
