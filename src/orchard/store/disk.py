"""Calls to the file system, with its complaints turned into ours."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from orchard.errors import StorageError

# Read and written by everybody who may, as the umask allows: keeping others out is the business of the directory.
MODE: Final = 0o644

# Besides a full disk: a spent quota, and a file larger than the process may write. All three ask for the same remedy.
_FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Translate what the file system says about a path.

    Raises:
        StorageError: In place of any ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(_complaint(error, path)) from error


def make_directory(path: Path) -> None:
    """Make a directory and those above it, unless they are there; their names survive a power cut.

    Raises:
        StorageError: If it cannot be made.
    """
    with guarded(path):
        if path.is_dir():
            return
        make_directory(path.parent)
        path.mkdir(exist_ok=True)
        with suppress(StorageError):  # a directory may be written that may not be read
            sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a power cut.

    Raises:
        StorageError: If the file system cannot promise it.
    """
    with guarded(path):
        directory = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def write_all(file: int, data: memoryview, offset: int) -> None:
    """Write every byte, however few a call takes."""
    while data:
        written = os.pwrite(file, data, offset)
        data = data[written:]
        offset += written


def replace_file(path: Path, data: bytes) -> None:
    """Give a file new content, at once and for good; a reader meets the old bytes or the new ones.

    The caller makes sure that nobody else does the same meanwhile.

    Raises:
        StorageError: If it cannot be written; the old content stays.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        with guarded(path):
            _write(temporary, data)
            temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()
    sync_directory(path.parent)


def _write(path: Path, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    try:
        write_all(file, memoryview(data), 0)
        os.fsync(file)
    finally:
        os.close(file)


def _complaint(error: OSError, path: Path) -> str:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return f"disk full: {path}: {reason}; free some space and try again"
    return f"{path}: {reason}"
