"""The bytes of a blob that are in objects: read in parts, the next ones while the first are sent.

What is read ahead takes memory, of which there is a fixed amount for all readers: those that find none left read
smaller parts, one after the other. So a thousand slow readers are slow, and nobody runs out of memory.
"""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from threading import Lock
from typing import Final, NamedTuple, Protocol

from orchard.errors import NotFoundError, StorageError
from orchard.hub.storage.ledger import Segment
from orchard.oci import Digest

PART: Final = 4 << 20  # bytes of one request; with 4 at once Swift gives all it can
AHEAD: Final = 4  # parts of one reader that are on their way or wait
SMALL: Final = 256 << 10  # bytes of a request of a reader that found no memory left
_PIECE: Final = 1 << 20


class Allowance:
    """Bytes of memory that many share; who asks for some does not wait."""

    def __init__(self, size: int) -> None:
        self._lock = Lock()
        self._left = size

    def take(self, size: int) -> bool:
        """Take some, if there is as much."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give_back(self, size: int) -> None:
        """Let others have it."""
        with self._lock:
            self._left += size


class Span(NamedTuple):
    """Some bytes of an object."""

    key: str
    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many."""
        return self.stop - self.start


class Source(Protocol):
    """Where blobs are, as far as a reader needs to know."""

    @property
    def allowance(self) -> Allowance:
        """Memory for reading ahead."""
        ...

    @property
    def pool(self) -> Executor:
        """Threads that wait for the store."""
        ...

    def find(self, digest: Digest, /) -> tuple[Segment, ...]:
        """Tell which objects make up a blob.

        Raises:
            NotFoundError: If it is not there.
        """
        ...

    def get(self, key: str, start: int, stop: int, /) -> bytes:
        """Read some bytes of an object.

        Raises:
            NotFoundError: If it is not there.
            StorageError: If they cannot be read.
        """
        ...

    def link(self, digest: Digest, /) -> str | None:
        """Give an address of a blob for others, if they shall have it."""
        ...


@dataclass(frozen=True, slots=True)
class _Awaited:
    """A part that is on its way; ``allowed`` bytes of memory are given back when it has been used."""

    data: "Future[bytes]"
    span: Span
    allowed: int


class SpreadContent:
    """A blob whose bytes are in objects."""

    file: Final = None

    def __init__(self, source: Source, digest: Digest) -> None:
        self._source = source
        self._digest = digest

    def url(self) -> str | None:
        """Give an address from which anybody can get these bytes for a short while, if clients are to be sent there.

        Raises:
            NotFoundError: If they are not there.
            StorageError: If it cannot be told where they are.
        """
        return self._source.link(self._digest)

    def read(self, start: int, stop: int) -> Generator[bytes]:
        """Give some of the bytes, in pieces of at most 1 MiB.

        Raises:
            NotFoundError: If they are not there.
            StorageError: If they cannot be read, or end before ``stop``.
        """
        try:
            for data in self._parts(start, stop):
                start += len(data)
                yield from _pieces(data)
        except NotFoundError:
            # Somebody has pushed it again meanwhile, and what was there before is being swept away.
            for data in self._parts(start, stop):
                yield from _pieces(data)

    def _parts(self, start: int, stop: int) -> Generator[bytes]:
        segments = self._source.find(self._digest)
        size = sum(segment.size for segment in segments)
        if stop > size:
            raise StorageError(f"blob {self._digest}: the store has {size} bytes of it, not {stop}")
        waiting: deque[_Awaited] = deque()
        wanted = spans(segments, start, stop)
        try:
            while self._ask(waiting, wanted):
                first = waiting.popleft()
                try:
                    yield first.data.result()
                finally:
                    self._source.allowance.give_back(first.allowed)
        finally:
            for part in waiting:
                part.data.cancel()
                self._source.allowance.give_back(part.allowed)

    def _ask(self, waiting: deque[_Awaited], wanted: "Spans") -> bool:
        """Ask for as many parts as there is memory for, and for a small one if there is none; tell if any are due."""
        while len(waiting) < AHEAD and self._source.allowance.take(PART):
            span = wanted.take(PART)
            if span is None:
                self._source.allowance.give_back(PART)
                break
            waiting.append(self._awaited(span, PART))
        if not waiting:
            span = wanted.take(SMALL)
            if span is not None:
                waiting.append(self._awaited(span, 0))
        return bool(waiting)

    def _awaited(self, span: Span, allowed: int) -> _Awaited:
        return _Awaited(self._source.pool.submit(self._source.get, span.key, span.start, span.stop), span, allowed)


class Spans:
    """The bytes that a reader wants, taken from the front in parts as large as it likes; none crosses objects."""

    def __init__(self, pieces: Iterator[Span]) -> None:
        self._pieces = pieces
        self._rest: Span | None = None

    def take(self, size: int) -> Span | None:
        """Give the next bytes, at most so many; none at the end."""
        span = self._rest or next(self._pieces, None)
        if span is None:
            return None
        middle = min(span.start + size, span.stop)
        self._rest = Span(span.key, middle, span.stop) if middle < span.stop else None
        return Span(span.key, span.start, middle)


def spans(segments: tuple[Segment, ...], start: int, stop: int) -> Spans:
    """Find the objects that hold some bytes, in order."""

    def found() -> Iterator[Span]:
        offset = 0
        for segment in segments:
            first, last = max(start - offset, 0), min(stop - offset, segment.size)
            if first < last:
                yield Span(segment.key, first, last)
            offset += segment.size

    return Spans(found())


def _pieces(data: bytes) -> Iterator[bytes]:
    if len(data) <= _PIECE:
        yield data
        return
    for offset in range(0, len(data), _PIECE):
        yield data[offset : offset + _PIECE]
