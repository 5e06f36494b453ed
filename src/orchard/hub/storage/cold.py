"""Reading a file past the page cache: it sees what the disk has, and pushes nothing out of memory."""

import errno
import mmap
import os
from collections.abc import Generator
from pathlib import Path
from typing import Final

from orchard.errors import NotFoundError, StorageError

BLOCK: Final = 1 << 20  # bytes read at once; a multiple of any disk's sector
_UNABLE: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP})


def read_cold(path: Path) -> Generator[memoryview]:
    """Give the bytes of a file, whole, in pieces of at most 1 MiB; each is valid until the next is asked for.

    Raises:
        NotFoundError: If there is no such file.
        StorageError: If it cannot be read.
    """
    try:
        handle = _open(path)
    except FileNotFoundError as error:
        raise NotFoundError(f"the bytes of {path.name} are not there") from error
    except OSError as error:
        raise StorageError(f"{path.name}: {error.strerror}") from error
    try:
        yield from _pieces(handle, path.name)
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    """Open a file past the page cache, where the file system can; one in memory cannot.

    Raises:
        OSError: If that fails for another reason.
    """
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECT)
    except OSError as error:
        if error.errno not in _UNABLE:
            raise
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _pieces(handle: int, name: str) -> Generator[memoryview]:
    block = memoryview(mmap.mmap(-1, BLOCK))  # aligned, as reading past the cache wants it
    offset = 0
    while True:
        try:
            count = os.preadv(handle, [block], offset)
        except OSError as error:
            raise StorageError(f"{name}: {error.strerror} at byte {offset}") from error
        if count:
            yield block[:count]
        offset += count
        if count < BLOCK:
            return
