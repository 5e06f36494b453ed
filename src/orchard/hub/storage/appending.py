"""A file that grows at its end, in large aligned blocks that go past the page cache where the file is long.

Caching a long blob while it comes in costs: pages must be found and filled, and others given up for them. Measured,
1 GiB received, hashed, written and flushed on a busy machine: 1.4 to 2.1 CPU-s past the cache, 2.1 to 4.1 through it.
What it costs instead: the first reader finds nothing in memory, and pays 2.1 CPU-s where the next ones pay 0.7. So the
head of a file is cached all the same: it is the whole of a small blob, and of a large one what tells what it is.
"""

import errno
import mmap
import os
from pathlib import Path
from typing import Final, Self

HEAD: Final = 32 << 20  # bytes at the beginning of a file that are cached
BLOCK: Final = 1 << 20  # bytes of one write, and of memory for each upload that is being received
_SECTOR: Final = 4096  # what O_DIRECT wants offsets, lengths and memory to be multiples of, on every disk we know
_CACHED: Final = 256 << 10  # bytes of one write through the page cache; far larger ones cost page allocation
_UNABLE: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP})


class GrowingFile:
    """A file open for appending. What is appended may wait in memory until ``flush``.

    Args:
        handle: The file, open for reading and writing.
        direct: The same file, open for writing past the page cache, if that is possible.
        head: Bytes at its beginning that go through the page cache.
    """

    def __init__(self, handle: int, direct: int | None, *, head: int = HEAD) -> None:
        self._handle = handle
        self._direct = direct
        self._head = head
        self._block = memoryview(mmap.mmap(-1, BLOCK))  # aligned, and given back with the last reference to it
        self._written = os.fstat(handle).st_size
        self._filled = 0

    @classmethod
    def open(cls, path: Path, *, new: bool, head: int = HEAD) -> Self:
        """Open a file, or make one that must not be there yet; cache its first ``head`` bytes.

        Raises:
            OSError: If that is not possible.
        """
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if new else 0), 0o600)
        try:
            return cls(handle, _open_direct(path), head=head)
        except OSError:
            os.close(handle)
            raise

    @property
    def size(self) -> int:
        """Bytes of the file, those that wait in memory among them."""
        return self._written + self._filled

    def append(self, piece: bytes) -> None:
        """Add bytes at the end.

        Raises:
            OSError: If they cannot be written; ``rewind`` to a size that was there before makes the file sound again.
        """
        rest = memoryview(piece)
        while rest:
            room = BLOCK - self._written % BLOCK - self._filled  # so that blocks end where aligned ones begin
            part = rest[:room]
            self._block[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            rest = rest[len(part) :]
            if len(part) == room:
                self.flush()

    def rewind(self, size: int) -> None:
        """Forget all bytes but the first ``size``.

        Raises:
            OSError: If the file cannot be cut.
        """
        self._filled = max(0, size - self._written)
        self._written = min(size, self._written)
        os.ftruncate(self._handle, self._written)

    def flush(self) -> None:
        """Write what waits in memory; to the page cache, where it is no aligned block.

        Raises:
            OSError: If it cannot be written.
        """
        done = self._write_past_the_cache()
        while done < self._filled:
            part = self._block[done : min(done + _CACHED, self._filled)]
            done += os.pwrite(self._handle, part, self._written + done)
        self._written += self._filled
        self._filled = 0

    def sync(self) -> None:
        """Write everything, and wait until it is on the disk.

        Raises:
            OSError: If it cannot be written.
        """
        self.flush()
        os.fsync(self._handle)

    def read(self, size: int, offset: int) -> bytes:
        """Read some bytes that are written.

        Raises:
            OSError: If they cannot be read.
        """
        return os.pread(self._handle, size, offset)

    def close(self) -> None:
        """Close the file; what still waits in memory is lost."""
        os.close(self._handle)
        self._give_up_direct()

    def _write_past_the_cache(self) -> int:
        """Write a block that is aligned; give the number of bytes that the disk took.

        Raises:
            OSError: If the disk is full or fails.
        """
        if self._direct is None or not self._filled or self._written < self._head:
            return 0
        if (self._written | self._filled) % _SECTOR:
            return 0
        try:
            return os.pwrite(self._direct, self._block[: self._filled], self._written)
        except OSError as error:
            if error.errno not in _UNABLE:
                raise
            self._give_up_direct()
            return 0

    def _give_up_direct(self) -> None:
        if self._direct is not None:
            os.close(self._direct)
            self._direct = None


def _open_direct(path: Path) -> int | None:
    """Open a file past the page cache, where the file system can; one in memory cannot.

    Raises:
        OSError: If that fails for another reason.
    """
    try:
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_DIRECT)
    except OSError as error:
        if error.errno not in _UNABLE:
            raise
        return None
