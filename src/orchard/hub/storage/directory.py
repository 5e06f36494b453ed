"""The data directory: made on demand, and held by one hub at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from orchard.errors import ConflictError, StorageError

LOCK: Final = "hub.lock"


@contextmanager
def claim(data: Path, lock: str = LOCK, who: str = "another hub") -> Iterator[None]:
    """Hold a data directory. The lock belongs to the process, so it goes when that dies, however it dies.

    Args:
        data: The directory.
        lock: For what: the name of the file that is locked.
        who: Who else may hold it, in words.

    Raises:
        ConflictError: If somebody else holds it.
        StorageError: If it cannot be made or written to.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(data / lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"the data directory {data} cannot be used: {error.strerror}") from error
    try:
        _lock(handle, data, who)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, data: Path, who: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConflictError(f"{who} is running on {data}; stop it, or give this one another --data") from error
    except OSError as error:
        raise StorageError(f"the data directory {data} cannot be locked: {error.strerror}") from error
