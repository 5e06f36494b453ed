"""What a handler is, and what it is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from orchard.errors import OrchardError
from orchard.oci import JSON


class StoppedError(OrchardError):
    """The task was cancelled, taken by another worker, or the hub is stopping. What is done stays done."""


class HopelessError(OrchardError):
    """The task can never succeed: it is given up at once."""


class Run(Protocol):
    """One run of a handler."""

    @property
    def payload(self) -> Mapping[str, JSON]:
        """What the task says."""
        ...

    @property
    def attempt(self) -> int:
        """How often the task was tried, this time among them; 1 at first."""
        ...

    @property
    def last(self) -> bool:
        """Whether a failure is final."""
        ...

    def progress(self, done: int, total: int | None = None, note: str = "", /, *, unit: str = "") -> None:
        """Tell how far the work has come. Call it often (it is cheap) and only where stopping is harmless.

        What is said last stays with the task when it has ended: say there what came of it. ``unit`` is what is
        counted: ``bytes``, or the plural of a noun.

        Raises:
            StoppedError: If the handler has to stop here.
        """
        ...

    def log(self, line: str, /) -> None:
        """Write a line for people who look at the task: what was found, deleted, copied, refused.

        It costs no write of its own. The last 200 lines of 500 characters are kept, as long as the task is.
        """
        ...


Handler = Callable[[Run], None]
Tell = Callable[[int, int | None, str], None]


def counting(run: Run, unit: str) -> Tell:
    """Give something that tells how far a run has come, for work that counts one thing."""
    return lambda done, total, note: run.progress(done, total, note, unit=unit)


def noting(run: Run, unit: str) -> Tell:
    """Give something that tells how far a run has come, and logs whenever something else is being done."""
    last = ""

    def tell(done: int, total: int | None, note: str) -> None:
        nonlocal last
        if note != last:
            run.log(note)
            last = note
        run.progress(done, total, note, unit=unit)

    return tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of task.

    Attributes:
        name: In the queue: ``collect-garbage``, ``deliver-webhook``.
        handler: What is done. An ``OrchardError`` means: try again later; a ``HopelessError``: never.
        every: Seconds between two runs that nobody asked for, over all processes of a hub; none if it only runs when
            asked. Such tasks have the kind's name as key and lock: whoever asks for one with the same key gets it too.
        attempts: After how many failures it is given up.
        backoff: Seconds before the second attempt; each further one waits twice as long, at most an hour.
        slow: Whether it may take minutes: then it never takes the last worker of a process that has several.
    """

    name: str
    handler: Handler
    every: float | None = None
    attempts: int = 5
    backoff: float = 10.0
    slow: bool = False
