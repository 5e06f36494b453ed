"""What a handler is, and what it is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from orchard.errors import OrchardError
from orchard.oci import JSON


class StoppedError(OrchardError):
    """The task was cancelled, taken by another worker, or the hub is stopping. What is done stays done."""


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

    def progress(self, done: int, total: int | None = None, note: str = "", /) -> None:
        """Tell how far the work has come. Call it often (it is cheap) and only where stopping is harmless.

        Raises:
            StoppedError: If the handler has to stop here.
        """
        ...


Handler = Callable[[Run], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of task.

    Attributes:
        name: In the queue: ``collect-garbage``, ``deliver-webhook``.
        handler: What is done. An ``OrchardError`` means: try again later.
        every: Seconds between two runs that nobody asked for; none if it only runs when asked. Over all processes of a
            hub, not for each.
        attempts: After how many failures it is given up.
        backoff: Seconds before the second attempt; each further one waits twice as long, at most an hour.
    """

    name: str
    handler: Handler
    every: float | None = None
    attempts: int = 5
    backoff: float = 10.0
