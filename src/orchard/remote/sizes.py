"""How large the chunks of an upload are: larger while they arrive, smaller where they do not. Values, no network.

Each chunk costs a round trip, and a registry that flushes each one costs more: measured, 4 GiB to docker-registry in
chunks of 100 MiB took 16.6 s, where one request took 14.8 s. But proxies refuse large bodies, and some registries lose
a chunk that broke; so nobody begins with large ones, and a chunk stays a matter of seconds.
"""

from collections.abc import Callable
from typing import Final

FLOOR: Final = 16 << 20  # bytes that a chunk never shrinks below, unless smaller ones were asked for
PROMPT: Final = 10.0  # seconds within which a chunk must be across for the next one to be larger


class Sizes:
    """Doubles the size of chunks while they arrive promptly, and halves it when one breaks or is refused.

    Args:
        first: Bytes of the first chunk.
        most: Bytes that none exceeds.
        now: Seconds that only grow.
    """

    def __init__(self, first: int, most: int, now: Callable[[], float]) -> None:
        self._floor = min(first, FLOOR)
        self._size = first
        self._most = max(first, most)
        self._now = now
        self._length = 0
        self._began = 0.0

    def begin(self, left: int, least: int) -> int:
        """Give the bytes of the chunk that is sent next.

        Args:
            left: Bytes that are to be sent in all.
            least: Fewest bytes of a chunk that is not the last, as the registry says.
        """
        self._length = min(max(self._size, least), left)
        self._began = self._now()
        return self._length

    @property
    def under_way(self) -> bool:
        """Whether it is not known yet what became of the chunk."""
        return self._length > 0

    def arrived(self) -> None:
        """Note that the registry has all of the chunk."""
        if self._length >= self._size and self._now() - self._began <= PROMPT:
            self._size = min(2 * self._size, self._most)
        self._length = 0

    def broke(self) -> None:
        """Note that the chunk under way, if there is one, did not arrive as a whole."""
        if self._length:
            self._size = max(self._floor, min(self._size, self._length // 2))
        self._length = 0

    def refused(self) -> bool:
        """Note that the chunk was too large; tell whether a smaller one can be tried."""
        smaller = self._length > self._floor
        self.broke()
        self._most = self._size
        return smaller
