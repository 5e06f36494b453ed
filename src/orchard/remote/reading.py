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
from orchard.remote.backoff import Backoff
from orchard.remote.client import Client
from orchard.remote.failures import ThrottledError, TransientError
from orchard.remote.fetching import Span, Spans, download
from orchard.remote.growth import Growth
from orchard.remote.lanes import PIECE, Lanes

if TYPE_CHECKING:
    from orchard.remote.download import Download

LEAST: Final = 8 * PIECE  # bytes that must be left for a change to be worth it
WINDOW: Final = 0.1  # seconds that are judged together, at least


@contextmanager
def open_blob(fetch: Spans, offset: int, client: Client) -> Iterator[Readable]:
    """Open a blob for reading, from ``offset`` bytes on.

    Raises:
        NotFoundError: If it is not there.
        IntegrityError: If the registry announces another size than the descriptor does.
        OrchardError: As ``Client.send``.
    """
    client.allowance.enter()
    try:
        reader = Reader(fetch, offset, client)
        try:
            yield reader
        finally:
            reader.close()
    finally:
        client.allowance.leave()


class Reader:
    """The bytes of a blob from some offset on. Connects at once.

    Args:
        fetch: Spanses the blob.
        offset: The first byte.
        client: The registry.

    Raises:
        OrchardError: As ``fetch`` does.
    """

    def __init__(self, fetch: Spans, offset: int, client: Client) -> None:
        self._fetch = fetch
        self._client = client
        self._allowance = client.allowance
        self._now = client.timing.monotonic
        self._growth = Growth(self._allowance.most)
        self._grows = self._allowance.most > 1
        self._position = offset
        self._lanes: Lanes | None = None
        self._single: Download | None = download(fetch, Span(offset), backoff=client.backoff())
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
        if after - self._began >= WINDOW and self._read >= self._growth.count * PIECE:
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
            self._single = download(self._fetch, Span(self._position), backoff=self._client.backoff())
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
            self._lanes = Lanes(self._fetch, self._position, allowance=self._allowance, backoff=self._brief)
        self._growth.count = self._lanes.resize(count)

    def _brief(self) -> Backoff:
        return Brief(self._client.options.retry, self._client.timing)

    def _watch_anew(self, now: float) -> None:
        self._began = now
        self._read = 0
        self._waited = 0.0


class Brief(Backoff):
    """The tries of one connection among several: where the server asks for less, others are not waited for."""

    def pause(self, error: TransientError) -> None:
        """Wait until the next try is due.

        Raises:
            TransientError: The given error, if there is no next try, or if it is a request to slow down.
        """
        if error.retry_after is not None or isinstance(error, ThrottledError):
            raise error
        super().pause(error)
