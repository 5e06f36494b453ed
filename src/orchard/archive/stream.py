"""Bytes from an iterator, taken in the pieces that a tar has."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from orchard.oci import CHUNK, Readable, chunks

T = TypeVar("T", bytes, memoryview)

_LARGE: Final = CHUNK // 2  # from here on a call of its own costs less than a copy

# Bytes of one read of content that can be read from any place. The first one often holds, after the header of the tar,
# the header of the model file as well; after a jump little more than one header is wanted; many small files in a row
# are read through, because each read may be a request.
FIRST_WINDOW: Final = 256 << 10
_AFTER_JUMP: Final = 64 << 10
_LARGEST_WINDOW: Final = 4 << 20


def gathered(pieces: Iterable[T]) -> Iterator[T | bytes]:
    """Join small pieces to ones of up to ``CHUNK`` bytes; large ones are given as they are."""
    waiting: list[T] = []
    length = 0
    for piece in pieces:
        if waiting and length + len(piece) > CHUNK:
            yield b"".join(waiting)
            waiting, length = [], 0
        if len(piece) >= _LARGE and not waiting:
            yield piece
        else:
            waiting.append(piece)
            length += len(piece)
    if waiting:
        yield b"".join(waiting)


class ChunkReader:
    """A ``Readable`` over an iterable of bytes, which counts what it has given.

    It holds one item of the iterable at a time and gives views of it where the caller can use them. Wrap what
    ``read_ahead`` gives in one, to hash in one thread and write in another.

    Attributes:
        offset: Bytes given or skipped so far.
    """

    __slots__ = ("_at", "_chunk", "_chunks", "offset")

    def __init__(self, source: Iterable[bytes]) -> None:
        self._chunks = iter(source)
        self._chunk = b""
        self._at = 0
        self.offset = 0

    @classmethod
    def over(cls, body: Readable) -> "ChunkReader":
        """Read a body through one; a body that is one already is taken as it is."""
        return body if isinstance(body, cls) else cls(chunks(body))

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes; ``b""`` at the end only."""
        if not size or not self._fill():
            return b""
        return self._take(size)

    def read_exact(self, size: int) -> bytes:
        """Read ``size`` bytes; fewer at the end only."""
        at = self._at
        if at + size <= len(self._chunk):  # what nearly every header and small file takes
            self._at = at + size
            self.offset += size
            return self._chunk[at : at + size]
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[memoryview]:
        """Give the next ``size`` bytes, fewer at the end only, without copying them."""
        while size and self._fill():
            view = memoryview(self._chunk)[self._at : self._at + size]
            self._at += len(view)
            self.offset += len(view)
            size -= len(view)
            yield view

    def skip(self, size: int) -> int:
        """Pass over up to ``size`` bytes and tell how many there were."""
        return sum(map(len, self.pieces(size)))

    def _fill(self) -> bool:
        while self._at >= len(self._chunk):
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._chunk = chunk
            self._at = 0
        return True

    def _take(self, size: int) -> bytes:
        chunk = self._chunk[self._at : self._at + size]  # all of it is no copy
        self._at += len(chunk)
        self.offset += len(chunk)
        return chunk


class SkippingReader(ChunkReader):
    """A ``ChunkReader`` over content that can be read from any place: what is skipped is not read.

    Args:
        read_at: Gives exactly the bytes of an offset and a size, which lie within the content.
        size: Bytes of the content.
    """

    __slots__ = ("_place", "_read_at", "_size", "_window")

    def __init__(self, read_at: Callable[[int, int], bytes], size: int) -> None:
        super().__init__(self._windows())
        self._read_at = read_at
        self._size = size
        self._place = 0  # from where the next window is read
        self._window = FIRST_WINDOW

    def skip(self, size: int) -> int:
        """Pass over up to ``size`` bytes and tell how many there were; what has not been read yet never is."""
        size = min(size, self._size - self.offset)
        gap = size - (len(self._chunk) - self._at)
        if gap > 0:
            self._chunk, self._at = b"", 0
            self._place += gap
            if gap > self._window:
                self._window = _AFTER_JUMP
        else:
            self._at += size
        self.offset += size
        return size

    def _windows(self) -> Iterator[bytes]:
        while self._place < self._size:
            size = min(self._window, self._size - self._place)
            start, self._place = self._place, self._place + size
            self._window = min(2 * self._window, _LARGEST_WINDOW)
            yield self._read_at(start, size)
