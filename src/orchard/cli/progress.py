"""Progress on stderr: bars on a terminal, quiet lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Final

from orchard.cli.output import Printer, format_size
from orchard.project import Observer, Silent

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from orchard.oci import JSON
    from orchard.project import Tally

QUIET_SECONDS: Final = 10.0  # how long plain progress stays silent between two lines


@contextmanager
def watching(printer: Printer, style: str, verb: str) -> Iterator[Observer]:
    """Watch long work, as ``--progress`` asks: ``none``, ``plain`` or ``fancy``; bars need a terminal."""
    if style == "none":
        yield Silent()
    elif sys.stderr.isatty():
        with _bars(verb, colour=printer.colour) as observer:
            yield observer
    else:
        yield PlainLines(printer, verb, monotonic)


def moved(tally: "Tally") -> str:
    """Say in a few words what came across, and what was there."""
    return f"{tally.moved} blobs, {format_size(tally.size)}; {tally.skipped} there already"


def moved_value(tally: "Tally", *, dry_run: bool) -> "dict[str, JSON]":
    """Give the same for ``--output json``."""
    return {"dryRun": dry_run, "blobs": tally.moved, "size": tally.size, "skipped": tally.skipped}


class PlainLines:
    """One line every ten seconds for work that takes so long, and none for work that does not."""

    def __init__(self, printer: Printer, verb: str, now: Callable[[], float]) -> None:
        self._printer = printer
        self._verb = verb
        self._now = now
        self._next = now() + QUIET_SECONDS
        self._done = 0
        self._total = 0
        self._lock = Lock()

    def started(self, label: str, total: int) -> None:  # noqa: ARG002 -- the Observer protocol
        """Add to what is to be done."""
        with self._lock:
            self._total += total

    def advanced(self, label: str, count: int) -> None:
        """Add to what is done, and say so now and then."""
        with self._lock:
            self._done += count
            if self._now() < self._next:
                return
            self._next = self._now() + QUIET_SECONDS
            text = f"{self._verb} {label}: {format_size(self._done)} of {format_size(self._total)}"
        self._printer.aside(text)

    def finished(self, label: str, *, skipped: bool = False) -> None:
        """Do nothing; the results say it."""


class _Bars:
    def __init__(self, progress: "Progress", verb: str) -> None:
        self._progress = progress
        self._verb = verb
        self._tasks: dict[str, TaskID] = {}

    def started(self, label: str, total: int) -> None:
        self._tasks[label] = self._progress.add_task(f"{self._verb} {label}", total=total)

    def advanced(self, label: str, count: int) -> None:
        self._progress.advance(self._tasks[label], count)

    def finished(self, label: str, *, skipped: bool = False) -> None:  # noqa: ARG002 -- the Observer protocol
        task = self._tasks.pop(label, None)
        if task is not None:
            self._progress.remove_task(task)


@contextmanager
def _bars(verb: str, *, colour: bool) -> Iterator[Observer]:
    # rich costs 42 ms to import: only a terminal pays for it
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(binary_units=True))
    console = Console(stderr=True, no_color=not colour, highlight=False)
    with Progress(*columns, TransferSpeedColumn(), console=console, transient=True) as progress:
        yield _Bars(progress, verb)
