"""The bytes of a layer, read straight into memory: a tar of our own, or one bare file."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Final, NoReturn, Self

from orchard.archive.names import shown
from orchard.archive.writer import BLOCK, END, Entry, FileStamp, header
from orchard.errors import ConflictError, InvalidError, StorageError
from orchard.oci import CHUNK

_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Body:
    """The content of a layer, from ``offset`` on; the same bytes each time, or an error. Close it.

    Reading raises ``ConflictError`` if a file is not what its entry says, or changes while it is read, ``InvalidError``
    if a name is not UTF-8, ``StorageError`` if a file cannot be read and ``UnsafePathError`` if a name is not a plain
    relative path.
    """

    def __init__(self, parts: Iterator["_Part"], offset: int = 0) -> None:
        self._parts = parts
        self._waiting = b""  # bytes of headers and padding that come before the content of the file
        self._file: _File = _NO_FILE
        self._skip(offset)

    @classmethod
    def tar(cls, entries: Iterable[Entry], offset: int = 0) -> Self:
        """Make the tar of these entries."""
        return cls(_tar_parts(entries), offset)

    @classmethod
    def raw(cls, entry: Entry, offset: int = 0) -> Self:
        """Give the content of one file as it is.

        Raises:
            InvalidError: If the entry is a directory.
        """
        if entry.source is None:
            raise InvalidError(f"{entry.name}: one file is needed here, and this is a directory")
        return cls(iter((_Part(b"", entry),)), offset)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file that is being read."""
        self._file.close()
        self._file = _NO_FILE

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill a buffer, and tell how many bytes that were: fewer than it takes at the end of the content only."""
        filled, size = 0, len(buffer)
        while filled < size:
            if self._waiting:
                piece = self._waiting[: size - filled]
                buffer[filled : filled + len(piece)] = piece
                self._waiting = self._waiting[len(piece) :]
                filled += len(piece)
            elif self._file.left:
                filled += self._file.readinto(buffer[filled:])
            elif not self._next():
                break
        return filled

    def __iter__(self) -> Iterator[bytes]:
        buffer = memoryview(bytearray(CHUNK))
        while count := self.readinto(buffer):
            yield bytes(buffer[:count])

    def _next(self) -> bool:
        part = next(self._parts, None)
        if part is None:
            return False
        self._waiting = part.head
        if part.entry is not None:
            self._file = _File(part.entry)
        return True

    def _skip(self, offset: int) -> None:
        """Pass over bytes without reading them."""
        while offset and (part := next(self._parts, None)) is not None:
            content = part.entry.size if part.entry is not None else 0
            if offset < len(part.head) + content:
                self._waiting = part.head[offset:]
                if part.entry is not None:
                    self._file = _File(part.entry, max(0, offset - len(part.head)))
                return
            offset -= len(part.head) + content


class _Part:
    """Bytes of a header, and a file whose content follows them."""

    __slots__ = ("entry", "head")

    def __init__(self, head: bytes, entry: Entry | None = None) -> None:
        self.head = head
        self.entry = entry


def write_tar(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Give the tar of these entries, in pieces of ``CHUNK`` bytes, as ``Body.tar`` does."""
    with Body.tar(entries) as body:
        yield from body


def read_file(entry: Entry) -> Iterator[bytes]:
    """Give the content of one file as it is, without a tar around it, as ``Body.raw`` does.

    Raises:
        InvalidError: If the entry is a directory.
    """
    return _pieces(Body.raw(entry))


def _pieces(body: Body) -> Iterator[bytes]:
    with body:
        yield from body


def _tar_parts(entries: Iterable[Entry]) -> Iterator[_Part]:
    padding = b""
    for entry in entries:
        # An empty file is looked at too: it may have grown.
        yield _Part(padding + header(entry), entry if entry.source is not None else None)
        padding = bytes(-entry.size % BLOCK)
    yield _Part(padding + END)


class _File:
    """A file that must stay as it is while we read it.

    Raises:
        ConflictError: If it is not what its entry says.
        StorageError: If it cannot be read.
    """

    __slots__ = ("_descriptor", "_entry", "_stamp", "left")

    def __init__(self, entry: Entry, offset: int = 0) -> None:
        assert entry.source is not None
        self._entry = entry
        self.left = entry.size - offset
        try:
            self._descriptor = os.open(entry.source, _OPEN)
        except OSError as error:
            _give_up(error, entry)
        try:
            self._stamp = entry.stamp or FileStamp.of(os.fstat(self._descriptor))
            if not 0 < entry.size <= CHUNK:  # of a file that comes in one read, the look after it tells all
                self._require_same()
            if offset:
                os.lseek(self._descriptor, offset, os.SEEK_SET)
        except BaseException:
            os.close(self._descriptor)
            raise
        if not self.left:
            self.close()

    def readinto(self, buffer: memoryview) -> int:
        """Read some of it.

        Raises:
            ConflictError: If it has changed.
            StorageError: If it cannot be read.
        """
        try:
            count = os.readv(self._descriptor, [buffer[: self.left]])
            self.left -= count
            if not count:
                raise ConflictError(_changed(self._entry))
            if not self.left:
                self._require_same()
                self.close()
        except OSError as error:
            _give_up(error, self._entry)
        return count

    def close(self) -> None:
        """Let go of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _require_same(self) -> None:
        """Make sure that it is still the file of its stamp, and as long as its header says.

        Raises:
            ConflictError: If it is not.
        """
        status, stamp = os.fstat(self._descriptor), self._stamp
        same = (
            status.st_size == self._entry.size == stamp.size
            and status.st_mtime_ns == stamp.mtime_ns
            and status.st_ino == stamp.inode
            and status.st_dev == stamp.device
            and stat.S_ISREG(status.st_mode)
        )
        if not same:
            raise ConflictError(_changed(self._entry))


class _NoFile(_File):
    """What stands there while no file is open."""

    __slots__ = ()

    def __init__(self) -> None:
        self.left = 0
        self._descriptor = -1


_NO_FILE: Final = _NoFile()


def _changed(entry: Entry) -> str:
    return f"{shown(entry.name)} changed while it was being packed; try again"


def _give_up(error: OSError, entry: Entry) -> NoReturn:
    """Say why a file cannot be read.

    Raises:
        ConflictError: If it has vanished or has become something else.
        StorageError: If the system does not give it.
    """
    # Gone; a link now; a part of its path is a file now; a socket now.
    if error.errno in {errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENXIO}:
        raise ConflictError(_changed(entry)) from error
    raise StorageError(f"cannot read {shown(entry.name)}: {error.strerror}") from error
