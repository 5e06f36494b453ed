"""What a header reader needs of a file: its size, and bytes from any place of it."""

import os
from pathlib import Path
from typing import Final, Protocol, Self

from orchard.errors import InvalidDocumentError, StorageError

FIRST: Final = 64 << 10  # bytes of the first window; holds the whole header of most files
LARGEST: Final = 8 << 20  # bytes of a window that has grown
_GROWTH: Final = 8  # each read may be a request: 64 KiB, 512 KiB, 4 MiB, 8 MiB


class RandomAccess(Protocol):
    """A file, or a part of a stored layer, that can be read from any place."""

    @property
    def size(self) -> int:
        """Bytes in all."""
        ...

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Read exactly ``size`` bytes from ``offset`` on, which lie within the file.

        Raises:
            OrchardError: If they cannot be had.
        """
        ...


class InMemory:
    """Bytes that are in memory already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """Bytes in all."""
        return len(self._data)

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Give the bytes."""
        return self._data[offset : offset + size]


class OnDisk:
    """A file of this machine; close it, or use it as a context. Safe to use from many threads.

    Raises:
        StorageError: If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._size = os.fstat(self._descriptor).st_size
        except OSError as error:
            raise StorageError(f"{path}: cannot be read: {error.strerror}") from error

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self._size

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Read exactly these bytes.

        Raises:
            StorageError: If they cannot be read, or the file has become shorter.
        """
        parts: list[bytes] = []
        try:
            while size and (part := os.pread(self._descriptor, size, offset)):
                parts.append(part)
                offset += len(part)
                size -= len(part)
        except OSError as error:
            raise StorageError(f"{self._path}: cannot be read: {error.strerror}") from error
        if size:
            raise StorageError(f"{self._path}: has become shorter while it was read")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()


class Cursor:
    """Reads a file forward through a window, so that a header costs few reads, and passes over what nobody wants.

    The window grows while what comes next is wanted, and is small again after a jump.

    Args:
        source: What is read.
        what: How errors call it.
        second: Bytes of the second window, where it is known that much follows if anything does.

    Attributes:
        position: Bytes from the start of the file to what is read next.
        size: Bytes of the file.
        what: How errors call it.
    """

    __slots__ = ("_buffer", "_next", "_second", "_source", "_start", "position", "size", "what")

    def __init__(self, source: RandomAccess, *, what: str, second: int = FIRST * _GROWTH) -> None:
        self._source = source
        self._buffer = b""
        self._start = 0
        self._next = FIRST
        self._second = second
        self.position = 0
        self.size = source.size
        self.what = what

    def take(self, size: int) -> bytes:
        """Read exactly ``size`` bytes; check a claimed size against a limit before.

        Raises:
            InvalidDocumentError: If the file ends before.
        """
        at = self.position - self._start
        if at + size > len(self._buffer):
            self._fill(size)
            at = 0
        self.position += size
        return self._buffer[at : at + size]

    def skip(self, size: int) -> None:
        """Pass over ``size`` bytes without reading them.

        Raises:
            InvalidDocumentError: If the file ends before.
        """
        if size > self.size - self.position:
            raise self._ended()
        self.position += size

    def ahead(self) -> memoryview:
        """Look at what has been read already, from the position on; maybe nothing."""
        return memoryview(self._buffer)[self.position - self._start :]

    def _fill(self, size: int) -> None:
        left = self.size - self.position
        if size > left:
            raise self._ended()
        gap = self.position - (self._start + len(self._buffer))
        self._next = FIRST if gap > FIRST else min(self._next, LARGEST)
        wanted = min(max(size, self._next), left)
        self._buffer = self._source.read_at(self.position, wanted)
        self._start = self.position
        self._next = self._second if self._next == FIRST else self._next * _GROWTH

    def _ended(self) -> InvalidDocumentError:
        return InvalidDocumentError(f"{self.what}: ends at byte {self.size}, within its header")
