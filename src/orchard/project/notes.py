"""Small files that caches consist of: read whole or not at all, replaced at once, bounded in number, and never needed.

Whatever is wrong with one, it is as if it were not there; so that a damaged one is never taken for a sound one, each
begins with a hash of the rest. No locks: who writes last wins, and all write the same.
"""

import os
from contextlib import suppress
from pathlib import Path

from orchard.oci import Hasher


def seal(data: bytes) -> bytes:
    """Put a hash before what a file of a cache shall hold."""
    return f"{_hash(data)}\n".encode() + data


def unseal(data: bytes) -> bytes | None:
    """Give what was sealed; None if that has changed since."""
    said, line, rest = data.partition(b"\n")
    return rest if line and said == _hash(rest).encode() else None


def _hash(data: bytes) -> str:
    hasher = Hasher()
    hasher.update(data)
    return hasher.hex


class Notes:
    """A directory of notes, each under a name of letters and digits.

    Args:
        directory: Where they are; made when the first is written.
        kept: How many there may be; those that were not used for longest go.
        largest: Bytes that one may have.
    """

    def __init__(self, directory: Path, *, kept: int, largest: int) -> None:
        self._directory = directory
        self._kept = kept
        self._largest = largest + len(seal(b""))

    def read(self, name: str) -> bytes | None:
        """Give a note, and let it count as used."""
        try:
            file = os.open(self._directory / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            data = os.read(file, self._largest + 1)
            os.utime(file)
        except OSError:
            return None
        finally:
            os.close(file)
        return unseal(data) if len(data) <= self._largest else None

    def write(self, name: str, data: bytes) -> None:
        """Keep a note, if that is possible."""
        data = seal(data)
        if len(data) > self._largest:
            return
        with suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True)
            self._make_room()
            temporary = self._directory / f".{os.urandom(8).hex()}.new"
            try:
                temporary.write_bytes(data)
                temporary.replace(self._directory / name)
            finally:
                temporary.unlink(missing_ok=True)

    def _make_room(self) -> None:
        paths = list(self._directory.iterdir())
        if len(paths) < self._kept:
            return
        known = []
        for path in paths:
            with suppress(OSError):
                known.append((path.lstat().st_mtime_ns, path))
        for _, path in sorted(known)[: len(known) - self._kept * 3 // 4]:
            with suppress(OSError):
                path.unlink()
