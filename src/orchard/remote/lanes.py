"""Fetching a blob ahead of its reader, in ranges, through several connections at once.

The bytes come out in order. What was fetched and not yet taken is held in memory: a few ranges for each connection.
"""

from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from threading import Condition, Lock, Thread
from typing import Final

from orchard.oci import CHUNK
from orchard.remote.allowance import Allowance
from orchard.remote.backoff import Backoff
from orchard.remote.fetching import Span, Spans, download

PIECE: Final = 3 << 20  # bytes of one range: 30 ms of a connection that is held to 100 MB/s


@dataclass(slots=True)
class _Range:
    span: Span
    size: int
    chunks: deque[bytes] = field(default_factory=deque)
    complete: bool = False
    failure: BaseException | None = None


class Lanes:
    """The connections of one read, each in a thread of its own.

    Args:
        fetch: Fetches the blob.
        start: The first byte.
        allowance: What the connections beyond the first are taken from.
        backoff: Counts the tries of a range.
    """

    def __init__(self, fetch: Spans, start: int, *, allowance: Allowance, backoff: Callable[[], Backoff]) -> None:
        self.failure: BaseException | None = None
        self._fetch = fetch
        self._allowance = allowance
        self._backoff = backoff
        self._size = fetch.size
        self._claimed = self._taken = start
        self._stride = CHUNK
        self._ranges: deque[_Range] = deque()
        self._lock = Lock()
        self._filled = Condition(self._lock)
        self._room = Condition(self._lock)
        self._threads: list[Thread] = []
        self._running = 0
        self._target = 0
        self._stopped = False

    @property
    def count(self) -> int:
        """Connections at work."""
        with self._lock:
            return self._running

    def resize(self, count: int) -> int:
        """Use another number of connections, as far as the allowance goes, and give how many these are."""
        with self._lock:
            first = 0 if self._running else 1
            more = count - self._running - first
            added = first + (self._allowance.take(more) if more > 0 else 0)
            self._target = min(count, self._running + added)
            self._running += added
            self._room.notify_all()
        for _ in range(added):
            thread = Thread(target=self._work, name="range", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self._target

    def read(self, size: int, /) -> bytes:
        """Give the next bytes; nothing when no more will come, because of the end, a stop, or ``failure``."""
        with self._lock:
            self._stride = min(size, CHUNK)  # each connection holds twice as much on its way
            chunk = self._next()
            if len(chunk) > size:
                self._ranges[0].chunks.appendleft(chunk[size:])
                chunk = chunk[:size]
            self._taken += len(chunk)
            self._room.notify()
            return chunk

    def stop(self) -> None:
        """Begin no further range; those that are on their way are still given."""
        with self._lock:
            self._stopped = True
            self._room.notify_all()

    def close(self) -> None:
        """Give all connections up, and wait until that is done."""
        with self._lock:
            self._stopped = True
            self._ranges.clear()
            self._claimed = -1
            self._room.notify_all()
        for thread in self._threads:
            thread.join()

    def _next(self) -> bytes:
        while True:
            first = self._ranges[0] if self._ranges else None
            if first is None and not self._running:
                return b""
            if first is not None and first.chunks:
                return first.chunks.popleft()
            if first is not None and first.failure is not None:
                self.failure = first.failure
                return b""
            if first is not None and first.complete:
                self._ranges.popleft()
                continue
            self._filled.wait()

    def _work(self) -> None:
        while (claimed := self._claim()) is not None:
            try:
                self._fill(claimed)
            except BaseException as error:  # noqa: BLE001 -- carried over to the thread that reads
                with self._lock:
                    claimed.failure = error
                    self._stopped = True
                    self._room.notify_all()
                    self._filled.notify()

    def _claim(self) -> _Range | None:
        """Give the next range to fetch, once there is room for it; nothing if this connection is to end."""
        with self._lock:
            while not self._is_over():
                if self._claimed - self._taken < (self._running + 1) * PIECE:
                    end = min(self._claimed + PIECE, self._size)
                    claimed = _Range(Span(self._claimed, end, skip=0), end - self._claimed)
                    self._claimed = end
                    self._ranges.append(claimed)
                    return claimed
                self._room.wait()
            return None

    def _is_over(self) -> bool:
        """Take this connection out of the count if it is to end."""
        spare = self._running > 1
        done = self._stopped or self._claimed >= self._size or (spare and self._running > self._target)
        if not done and spare and self._allowance.yields():
            self._running -= 1
            return True
        if done:
            self._running -= 1
            if spare:
                self._allowance.leave()
            self._filled.notify()
        return done

    def _fill(self, claimed: _Range) -> None:
        with closing(download(self._fetch, claimed.span, backoff=self._backoff())) as body:
            left = claimed.size
            while left:
                chunk = body.read(min(self._stride, left))
                left -= len(chunk)
                if not self._put(claimed, chunk):
                    return
        with self._lock:
            claimed.complete = True
            self._filled.notify()

    def _put(self, claimed: _Range, chunk: bytes) -> bool:
        """Hand a chunk over; tell whether more are wanted."""
        with self._lock:
            claimed.chunks.append(chunk)
            self._filled.notify()
            return self._claimed >= 0
