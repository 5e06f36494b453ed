"""Reading one blob through as many connections as pay.

Servers and the paths to them often limit a connection, not a client: measured on one limited to 100 MB/s, 1 GiB took
10.5 s through one connection and 1.3 s through eight. Without such a limit more connections cost: 1.43 GB/s through
one, 1.07 through eight. So a read starts with one, is watched, and others are added only while the whole gets faster.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from orchard.errors import OrchardError, UnsupportedError
from orchard.oci import Readable
from orchard.remote.allowance import Means
from orchard.remote.fetching import Span, Spans, download
from orchard.remote.growth import Growth
from orchard.remote.lanes import PIECE, Lanes

if TYPE_CHECKING:
    from orchard.remote.download import Download

LEAST: Final = 8 * PIECE  # bytes that must be left for a change to be worth it
WINDOW: Final = 0.1  # seconds that are judged together, at least
TRIAL: Final = 0.15  # the same for several connections, which take a moment to begin


@contextmanager
def open_spans(fetch: Spans, offset: int, means: Means) -> Iterator[Readable]:
    """Open content for reading, from ``offset`` bytes on.

    Raises:
        OrchardError: As ``fetch`` does.
    """
    means.allowance.enter()
    try:
        reader = Reader(fetch, offset, means)
        try:
            yield reader
        finally:
            reader.close()
    finally:
        means.allowance.leave()


class Reader:
    """The bytes of a blob from some offset on. Connects at once.

    Args:
        fetch: Spanses the blob.
        offset: The first byte.
        means: What it may use.

    Raises:
        OrchardError: As ``fetch`` does.
    """

    def __init__(self, fetch: Spans, offset: int, means: Means) -> None:
        self._fetch = fetch
        self._means = means
        self._allowance = means.allowance
        self._now = means.timing.monotonic
        self._growth = Growth(self._allowance.most)
        self._grows = self._allowance.most > 1
        self._position = offset
        self._lanes: Lanes | None = None
        self._single: Download | None = download(fetch, Span(offset), backoff=means.backoff())
        self._watch_anew(self._now())

    def close(self) -> None:
        """Give all connections up."""
        if self._single is not None:
            self._single.close()
        if self._lanes is not None:
            self._lanes.close()

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes.

        Raises:
            OrchardError: As ``Download.read``.
        """
        if not self._grows or self._fetch.size - self._position < LEAST:
            chunk = self._next(size)
            self._position += len(chunk)
            return chunk
        before = self._now()
        chunk = self._next(size)
        after = self._now()
        self._position += len(chunk)
        self._read += len(chunk)
        self._waited += after - before
        if (
            after - self._began >= (WINDOW if self._lanes is None else TRIAL)
            and self._read >= self._growth.count * PIECE
        ):
            self._judge(after)
        return chunk

    def _next(self, size: int) -> bytes:
        if self._lanes is not None:
            if chunk := self._lanes.read(size):
                return chunk
            self._leave_lanes()
        if self._single is None:
            if self._position == self._fetch.size:
                return b""
            self._single = download(self._fetch, Span(self._position), backoff=self._means.backoff())
        return self._single.read(size)

    def _leave_lanes(self) -> None:
        """Go on with one connection, which tries again what the others could not get, or says why it cannot be had."""
        assert self._lanes is not None
        failure = self._lanes.failure
        self._lanes.close()
        self._lanes = None
        self._growth.count = 1
        self._watch_anew(self._now())
        if failure is None:
            return
        if not isinstance(failure, OrchardError):
            raise failure
        self._grows = False
        if isinstance(failure, UnsupportedError):
            self._allowance.offered = False

    def _judge(self, now: float) -> None:
        seconds = now - self._began
        if self._lanes is not None:
            self._growth.count = max(1, self._lanes.count)
        self._resize(self._growth.judge(self._read / seconds, self._waited / seconds))
        self._watch_anew(now)

    def _resize(self, count: int) -> None:
        if count == self._growth.count or not self._allowance.offered:
            return
        if self._lanes is None and not self._allowance.free:
            return
        if count == 1 and self._lanes is not None:
            self._lanes.stop()
            return
        if self._single is not None:
            self._single.close()
            self._single = None
        if self._lanes is None:
            self._lanes = Lanes(self._fetch, self._position, allowance=self._allowance, backoff=self._means.brief)
        self._growth.count = self._lanes.resize(count)

    def _watch_anew(self, now: float) -> None:
        self._began = now
        self._read = 0
        self._waited = 0.0
