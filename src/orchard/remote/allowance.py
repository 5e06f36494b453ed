"""How many connections all reads at one registry may use together. Values, no network."""

from threading import Lock


class Allowance:
    """How many connections all reads at one registry may use together, and whether it gives ranges at all.

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
