"""Waiting before another try: how long, how often, and when to give up."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from orchard.remote.failures import TransientError
from orchard.remote.options import Retry

JITTER: Final = 0.25  # of a delay, either way, so that many clients do not come back together


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Time and chance, received and never fetched.

    Attributes:
        monotonic: Seconds that only grow.
        wall: Seconds since the epoch, for dates that a server sends.
        sleep: Wait so many seconds.
        random: A number from 0 up to 1.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep  # noqa: TID251 -- the one place where waiting is real
    random: Callable[[], float] = random.random  # noqa: S311 -- it spreads retries, and guards nothing


class Backoff:
    """The tries of one operation.

    Exponential with jitter; a ``Retry-After`` of the server is obeyed beyond our own longest delay, but never beyond
    the deadline: then the error is raised at once, so that nobody waits for a try that will not be made.
    """

    def __init__(self, policy: Retry, timing: Timing) -> None:
        self._policy = policy
        self._timing = timing
        self.progressed()

    def progressed(self) -> None:
        """Start counting anew, because something was achieved since the last failure."""
        self._tries = 1
        self._until = self._timing.monotonic() + self._policy.deadline

    def pause(self, error: TransientError) -> None:
        """Wait until the next try is due.

        Raises:
            TransientError: The given error, if there is no next try.
        """
        wait = self._delay() if error.retry_after is None else error.retry_after
        if self._tries >= self._policy.attempts or self._timing.monotonic() + wait > self._until:
            raise error
        self._tries += 1
        self._timing.sleep(wait)

    def _delay(self) -> float:
        plain = min(self._policy.longest, self._policy.first * 2.0 ** (self._tries - 1))
        return plain * (1 + JITTER * (2 * self._timing.random() - 1))


def retry_after(value: str | None, timing: Timing) -> float | None:
    """Read a ``Retry-After`` header, in seconds from now (RFC 9110, section 10.2.3); ``None`` if it says nothing."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(value[:9])
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 -- 10 ms for a header that is rare

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - timing.wall())
    except ValueError:
        return None
