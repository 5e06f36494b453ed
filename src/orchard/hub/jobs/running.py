"""One task in one thread: what the handler sees, and what is made of the way it ends."""

import logging
from collections.abc import Callable, Mapping
from threading import Lock, Thread
from typing import Final

from orchard.errors import OrchardError, StorageError
from orchard.hub.jobs.kind import HopelessError, Kind, StoppedError
from orchard.hub.queue import Lease, Progress
from orchard.oci import JSON

_LOG: Final = logging.getLogger("orchard.hub.jobs")
_LONGEST: Final = 3600.0  # seconds between two attempts
_UNTOLD: Final = 200  # lines that wait to be written down: no more are kept of a task


class Running:
    """A task that is being done.

    The handler's thread only writes down how far it has come; the worker's tells the queue, and the handler to stop.
    """

    def __init__(self, lease: Lease, kind: Kind, *, ended: Callable[[], None]) -> None:
        """Prepare the run.

        Args:
            lease: The task.
            kind: How it is done.
            ended: Is called when the thread is about to end.
        """
        self.kind = kind
        self._lease = lease
        self._ended = ended
        self._progress = Progress()
        self._lines: list[str] = []
        self._turn = Lock()
        self._stop: str | None = None
        # Not waited for at exit: what the handler leaves undone, another process does once the lease has ended.
        self._thread = Thread(target=self._run, name=f"job {kind.name}", daemon=True)

    @property
    def payload(self) -> Mapping[str, JSON]:
        """What the task says."""
        return self._lease.task.payload

    @property
    def attempt(self) -> int:
        """How often the task was tried."""
        return self._lease.task.attempt

    @property
    def last(self) -> bool:
        """Whether a failure is final."""
        return self.attempt >= self.kind.attempts

    @property
    def alive(self) -> bool:
        """Whether the handler still works."""
        return self._thread.is_alive()

    def progress(self, done: int, total: int | None = None, note: str = "", *, unit: str = "") -> None:
        """Tell how far the work has come.

        Raises:
            StoppedError: If the handler has to stop here.
        """
        self._progress = Progress(done, total, note, unit)
        if self._stop is not None:
            raise StoppedError(f"{self.kind.name}: {self._stop}")

    def log(self, line: str) -> None:
        """Write a line for people, with the next beat."""
        with self._turn:
            self._lines.append(line)
            del self._lines[:-_UNTOLD]

    def start(self) -> None:
        """Let the handler work."""
        self._thread.start()

    def renew(self) -> None:
        """Keep the lease; if it is lost, tell the handler to stop.

        Raises:
            StorageError: If the database fails; the lines of the log wait for the next beat then.
        """
        lines = self._untold()
        try:
            held = self._lease.renew(self._progress, lines)
        except StorageError:
            with self._turn:
                self._lines[:0] = lines
            raise
        if not held:
            self.stop("it was cancelled, or another worker has it")

    def stop(self, why: str) -> None:
        """Tell the handler to stop at the next step."""
        self._stop = self._stop or why

    def join(self, seconds: float) -> None:
        """Wait until the handler has stopped."""
        self._thread.join(seconds)

    def _untold(self) -> list[str]:
        with self._turn:
            lines, self._lines = self._lines, []
        return lines

    def _run(self) -> None:
        try:
            self._do()
        except OrchardError as error:  # the database is away: the lease will end by itself
            _LOG.warning("%s: could not note how task %s ended: %s", self.kind.name, self._lease.task.id, error)
        finally:
            self._ended()

    def _do(self) -> None:
        """Run the handler.

        Raises:
            StorageError: If it cannot be noted how that ended.
        """
        if self.attempt > self.kind.attempts:
            self._lease.fail("given up: whoever tried it died of it", retry_in=None)
            return
        try:
            self.kind.handler(self)
        except StoppedError:
            self._lease.give_back(self._untold())  # if it was cancelled or is not ours any more, the queue knows
        except HopelessError as error:
            self._fail(str(error), retry_in=None)
        except OrchardError as error:
            self._fail(str(error), retry_in=self._delay())
        except Exception as error:  # noqa: BLE001 -- the worker must outlive whatever its handlers do
            _LOG.exception("%s: task %s met an error that nobody expected", self.kind.name, self._lease.task.id)
            self._fail(f"{type(error).__name__}: {error}", retry_in=self._delay())
        else:
            self._lease.succeed(self._progress, self._untold())

    def _fail(self, reason: str, *, retry_in: float | None) -> None:
        """Note a failure.

        Raises:
            StorageError: If that cannot be done.
        """
        again = "given up" if retry_in is None else f"again in {retry_in:.0f} s"
        task = self._lease.task
        _LOG.warning("%s: task %s failed (attempt %d, %s): %s", task.kind, task.id, task.attempt, again, reason)
        self._lease.fail(reason, self._untold(), retry_in=retry_in)

    def _delay(self) -> float | None:
        """Tell when to try again, if at all."""
        if self.last:
            return None
        return min(_LONGEST, self.kind.backoff * 2.0 ** (self.attempt - 1))
