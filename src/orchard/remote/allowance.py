"""What all reads at one service may use together: connections, tries. Values, no network."""

from dataclasses import dataclass
from threading import Lock

from orchard.remote.backoff import Backoff, Timing
from orchard.remote.failures import ThrottledError, TransientError
from orchard.remote.options import Retry


class Allowance:
    """How many connections all reads may use together, and whether the service gives ranges at all.

    Attributes:
        most: Connections in all.
        offered: Whether ranges are given, as far as is known.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.offered = True
        self._lock = Lock()
        self._used = 0

    @property
    def free(self) -> bool:
        """Whether there are any left."""
        with self._lock:
            return self._used < self.most

    def enter(self) -> None:
        """Take the one connection that every read has, be there one left or not."""
        with self._lock:
            self._used += 1

    def take(self, count: int) -> int:
        """Take up to ``count`` further ones, and give how many there were."""
        with self._lock:
            count = max(0, min(count, self.most - self._used))
            self._used += count
            return count

    def leave(self) -> None:
        """Give one back."""
        with self._lock:
            self._used -= 1

    def yields(self) -> bool:
        """Give one back if there are too many, because further reads have begun."""
        with self._lock:
            crowded = self._used > self.most
            self._used -= crowded
            return crowded


class Brief(Backoff):
    """The tries of one connection among several: where the service asks for less, others are not waited for."""

    def pause(self, error: TransientError) -> None:
        """Wait until the next try is due.

        Raises:
            TransientError: The given error, if there is no next try, or if it is a request to slow down.
        """
        if error.retry_after is not None or isinstance(error, ThrottledError):
            raise error
        super().pause(error)


@dataclass(frozen=True, slots=True)
class Means:
    """What a read may use.

    Attributes:
        allowance: Connections, shared with all other reads.
        retry: How stubborn to be.
        timing: Clock, sleep and chance.
    """

    allowance: Allowance
    retry: Retry
    timing: Timing

    def backoff(self) -> Backoff:
        """Start counting the tries of the one connection that a read cannot do without."""
        return Backoff(self.retry, self.timing)

    def brief(self) -> Backoff:
        """Start counting the tries of one connection among several."""
        return Brief(self.retry, self.timing)
