"""Upkeep from the command line: done here if no hub has the data directory, else by the hub that has it."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import Final

from orchard.errors import ConflictError, NotFoundError, StorageError, UnavailableError
from orchard.hub import catalog
from orchard.hub.access import EverybodyInside
from orchard.hub.app.drivers import catalog_file, open_catalog, open_files, open_queue
from orchard.hub.catalog import Damage
from orchard.hub.jobs.caretaking import Caretaker
from orchard.hub.jobs.collecting import collecting, report_of
from orchard.hub.jobs.kind import Kind
from orchard.hub.jobs.scrubbing import SCRUB, scrubbing
from orchard.hub.queue import State
from orchard.hub.registry import Page, Premises, Recall
from orchard.hub.settings import Settings
from orchard.hub.storage.directory import claim
from orchard.oci import JSON

Tell = Callable[[int, int | None, str], None]

PATIENCE: Final = 60.0  # seconds in which a running hub must begin
_UNHINDERED: Final = 1 << 40  # bytes a second: nobody else is at work
_POLL: Final = 0.1
_PAGE: Final = 1000


class _Run:
    """A run of a handler without a queue."""

    attempt = 1
    last = True

    def __init__(self, payload: Mapping[str, JSON], tell: Tell) -> None:
        self.payload = payload
        self._tell = tell

    def progress(self, done: int, total: int | None = None, note: str = "", *, unit: str = "") -> None:  # noqa: ARG002 -- the note says it
        """Tell how far the work has come."""
        self._tell(done, total, note)

    def log(self, line: str) -> None:
        """Leave no line: there is no task to look at, and the report says what came of it."""


class _Office:
    """A hub's upkeep, seen from another process."""

    def __init__(self, settings: Settings, premises: Premises, *, free: bool) -> None:
        self._settings = settings
        self.premises = premises
        self.queue = open_queue(premises.database)
        self.caretaker = Caretaker(premises, self.queue)
        self._free = free

    def collect(self, tell: Tell, *, rehearse: bool) -> Mapping[str, int]:
        kind = collecting(self.premises, trash=self._settings.keep_deleted, every=0.0)
        self._do(kind, {"rehearse": rehearse}, tell=tell, ask=lambda: self.caretaker.collect_garbage(rehearse=rehearse))
        return self._report(report_of(rehearse=rehearse))

    def scrub(self, tell: Tell, *, everything: bool) -> Mapping[str, int]:
        kind = scrubbing(self.premises, self.queue, every=self._settings.scrub_every, rate=_UNHINDERED)
        self._do(kind, {"all": everything}, tell=tell, ask=lambda: self.caretaker.scrub(everything=everything))
        return self._report(SCRUB)

    def _do(self, kind: Kind, payload: Mapping[str, JSON], *, tell: Tell, ask: Callable[[], str]) -> None:
        if self._free:
            kind.handler(_Run(payload, tell))
        else:
            self._wait(ask(), tell)

    def _wait(self, task: str, tell: Tell) -> None:
        """Wait for the hub.

        Raises:
            UnavailableError: If it does not begin.
            StorageError: If it failed.
        """
        until = time.monotonic() + PATIENCE
        while True:
            found = self.caretaker.task(task)
            if found.ended_at is not None:
                break
            if found.state is State.WAITING and time.monotonic() > until:
                raise UnavailableError(f"the hub did not begin task {task} in {PATIENCE:.0f} s; has it --workers?")
            tell(found.progress.done, found.progress.total, found.progress.note)
            Event().wait(_POLL)
        if found.state is not State.DONE:
            raise StorageError(f"the hub says: {found.reason or found.state}")

    def _report(self, kind: str) -> Mapping[str, int]:
        with self.premises.database.read() as connection:
            found = catalog.upkeep.last(connection, kind)
        assert found is not None
        return found.counts


def collect_garbage(settings: Settings, tell: Tell, *, rehearse: bool) -> Mapping[str, int]:
    """Collect the garbage of a hub; give what was counted, by name as in ``registry.Collected``.

    Args:
        settings: Which hub.
        tell: Is told what is being done.
        rehearse: Whether only to tell what would be deleted.

    Raises:
        NotFoundError: If no hub has used this data directory.
        UnavailableError: If the hub that runs does not begin.
        StorageError: If the disk or the catalog fails.
    """
    with _office(settings) as office:
        return office.collect(tell, rehearse=rehearse)


def scrub(settings: Settings, tell: Tell, *, everything: bool) -> Mapping[str, int]:
    """Read blobs of a hub again; give what was counted, by name as in ``registry.Scrubbed``.

    Args:
        settings: Which hub.
        tell: Is told what is being done.
        everything: Whether to read those too that were read lately.

    Raises:
        NotFoundError: If no hub has used this data directory.
        UnavailableError: If the hub that runs does not begin.
        StorageError: If the disk or the catalog fails.
    """
    with _office(settings) as office:
        return office.scrub(tell, everything=everything)


def damages(settings: Settings) -> list[Damage]:
    """List the blobs of a hub that are known to be damaged, at most 1000.

    Raises:
        NotFoundError: If no hub has used this data directory.
        StorageError: If the catalog fails.
    """
    with _office(settings) as office:
        return office.caretaker.damages(Page("", _PAGE))


@contextmanager
def _office(settings: Settings) -> Iterator[_Office]:
    if settings.database is None and not catalog_file(settings.data).is_file():
        raise NotFoundError(f"{settings.data} is not the data directory of a hub")
    with ExitStack() as stack:
        free = _claimed(stack, settings)
        database = stack.enter_context(open_catalog(settings))
        files = open_files(settings, database)
        premises = Premises(
            database, files, EverybodyInside(), recall=Recall(0), now=time.time, keep=settings.keep_unreferenced
        )
        yield _Office(settings, premises, free=free)


def _claimed(stack: ExitStack, settings: Settings) -> bool:
    """Take the data directory, if no hub has it."""
    try:
        stack.enter_context(claim(settings.data))
    except ConflictError:
        return False
    return True
