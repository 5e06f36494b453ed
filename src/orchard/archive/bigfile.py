"""Writing one file: small ones through the page cache, big ones past it.

Big files go to the disk in aligned blocks of 1 MiB (``O_DIRECT``), so that the disk works while the next block is read
and hashed, and no time goes into pages that nobody asked for. Measured, 4 GiB in two big members, hash and write, 2
cores: 1.0 GB/s and 1.3 CPU-s/GiB through the page cache in calls of 256 KiB, 1.5 and 0.95 past it; in calls of 1 MiB
through the page cache 0.4. A file system that refuses takes the page cache.
"""

import errno
import fcntl
import mmap
import os
from collections.abc import Iterable
from typing import Final

from orchard.archive.descent import give_up
from orchard.oci import CHUNK

BLOCK: Final = 1 << 20
BIG: Final = 8 << 20  # bytes; below, waiting for the disk costs more than the page cache
_DIRECT: Final = getattr(os, "O_DIRECT", 0)


Pieces = Iterable[memoryview | bytes]


def write_small(file: int, pieces: Pieces, path: str) -> None:
    """Write a new file through the page cache, each piece in one call; they are at most ``CHUNK`` bytes.

    Raises:
        StorageError: If the disk does not take it.
    """
    offset = 0
    for piece in pieces:
        try:
            offset = _write_all(file, memoryview(piece), offset)
        except OSError as error:
            give_up(error, path)


def write_big(file: int, pieces: Pieces, path: str) -> None:
    """Write a new file past the page cache.

    Raises:
        StorageError: If the disk does not take it.
    """
    # Aligned to pages, as O_DIRECT wants it. Not closed here: an error on its way out still holds views of it.
    writer = _Blocks(file, memoryview(mmap.mmap(-1, BLOCK)), path)
    for piece in pieces:
        writer.add(memoryview(piece))
    writer.finish()


class _Blocks:
    """A file that grows by whole blocks."""

    def __init__(self, file: int, block: memoryview, path: str) -> None:
        self._file = file
        self._block = block
        self._path = path
        self._used = 0
        self._offset = 0
        self._direct = _set_direct(file, on=True)

    def add(self, view: memoryview) -> None:
        while view:
            taken = min(BLOCK - self._used, len(view))
            self._block[self._used : self._used + taken] = view[:taken]
            self._used += taken
            view = view[taken:]
            if self._used == BLOCK:
                self._flush()

    def finish(self) -> None:
        if self._direct:
            self._direct = _set_direct(self._file, on=False)
        self._flush()

    def _flush(self) -> None:
        data = self._block[: self._used]
        try:
            if not self._past_the_cache(data):
                _write_cached(self._file, data, self._offset)
        except OSError as error:
            give_up(error, self._path)
        self._offset += self._used
        self._used = 0

    def _past_the_cache(self, data: memoryview) -> bool:
        if not self._direct:
            return False
        try:
            _write_all(self._file, data, self._offset)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self._direct = _set_direct(self._file, on=False)  # the file system does not offer it after all
            return False
        return True


def _set_direct(file: int, *, on: bool) -> bool:
    if not _DIRECT:
        return False
    flags = fcntl.fcntl(file, fcntl.F_GETFL)
    try:
        fcntl.fcntl(file, fcntl.F_SETFL, flags | _DIRECT if on else flags & ~_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return False
    return on


def _write_cached(file: int, data: memoryview, offset: int) -> None:
    for start in range(0, len(data), CHUNK):
        _write_all(file, data[start : start + CHUNK], offset + start)


def _write_all(file: int, data: memoryview, offset: int) -> int:
    while data:
        written = os.pwrite(file, data, offset)
        data = data[written:]
        offset += written
    return offset
