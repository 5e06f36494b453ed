"""Locks between processes, and between threads: ``flock`` on a file of its own.

Every lock opens the file anew, so two threads exclude each other as two processes do, and a lock dies with its holder.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchard.store.disk import MODE, guarded, make_directory


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock while the block runs; wait for it if others hold it.

    Raises:
        StorageError: If the lock file cannot be opened.
    """
    file = _open(path)
    try:
        with guarded(path):
            fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


@contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Hold a lock alone while the block runs, or tell that somebody else holds it.

    Raises:
        StorageError: If the lock file cannot be opened.
    """
    file = _open(path)
    try:
        yield take(file)
    finally:
        os.close(file)


def take(file: int) -> bool:
    """Lock an open file alone and until it is closed; tell whether it was free."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # taken; or the file system has no locks, and then nobody can know that it is free
        return False
    return True


def _open(path: Path) -> int:
    make_directory(path.parent)
    with guarded(path):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
