"""Uploads that were not finished, so that another run can go on where this one was cut off: one small file each.

A file holds the address of an upload session. That address may be signed, and whoever has it and our login can add to
the upload, so only its owner can read it, and it is gone as soon as the upload is finished or given up. A token is
never in it. Nothing here makes a push fail: what cannot be written is not remembered.
"""

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchard.errors import InvalidError
from orchard.oci import JSON, Digest, dumps, loads

LEAST: Final = 32 << 20  # bytes of a blob that is worth it
MOST: Final = 64  # files
LIFETIME: Final = 7 * 86400.0  # seconds; registries forget uploads about then (distribution: 168 hours)
MAX_FILE: Final = 16 << 10

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Target:
    """What is uploaded where.

    Attributes:
        registry: Origin of the registry.
        repository: Name there.
        digest: The blob.
    """

    registry: str
    repository: str
    digest: Digest

    def to_json(self) -> dict[str, JSON]:
        """Write it down."""
        return {"registry": self.registry, "repository": self.repository, "digest": str(self.digest)}


class Unfinished:
    """The unfinished uploads of one home directory, shared by all processes.

    Args:
        directory: Where they are kept; made when the first one is.
        now: Seconds since the epoch.
    """

    def __init__(self, directory: Path, now: Callable[[], float]) -> None:
        self._directory = directory
        self._now = now

    def hold(self, target: Target) -> "Note | None":
        """Open the note of one upload; nothing if another process is at it, or notes cannot be kept here."""
        name = Digest.of(dumps(target.to_json())).hex
        path = self._directory / f"{name}.json"
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._tidy()
            file = os.open(path, _FLAGS, 0o600)
        except OSError:
            return None
        if not _take(file, path):
            os.close(file)
            return None
        return Note(file, path, target)

    def _tidy(self) -> None:
        """Delete what is too old, and the oldest of what is too much; what another process holds stays."""
        found = sorted((file.stat().st_mtime, file) for file in self._directory.glob("*.json"))
        for number, (written, file) in enumerate(found):
            if written < self._now() - LIFETIME or number < len(found) - MOST:
                _remove_if_free(file)


class Note:
    """What is known of one upload; held alone until it is closed, even if that is by a crash."""

    def __init__(self, file: int, path: Path, target: Target) -> None:
        self._file = file
        self._path = path
        self._target = target

    def read(self) -> str | None:
        """Give the address of the session, if one is known."""
        with suppress(OSError, InvalidError):
            value = loads(os.pread(self._file, MAX_FILE, 0), what="note", limit=MAX_FILE)
            if isinstance(value, dict) and value == self._target.to_json() | {"location": value.get("location")}:
                location = value["location"]
                return location if isinstance(location, str) else None
        return None

    def write(self, location: str) -> None:
        """Remember the address of the session."""
        with suppress(OSError):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, dumps(self._target.to_json() | {"location": location}), 0)

    def forget(self) -> None:
        """Delete it."""
        with suppress(OSError):
            self._path.unlink()

    def close(self) -> None:
        """Let go of it; an empty one is deleted."""
        with suppress(OSError):
            if not os.fstat(self._file).st_size:
                self._path.unlink()
        os.close(self._file)


def _take(file: int, path: Path) -> bool:
    """Lock an open file, if nobody holds it and it still has its name."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file), path.lstat())
    except OSError:
        return False


def _remove_if_free(path: Path) -> None:
    with suppress(OSError):
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if _take(file, path):
                path.unlink()
        finally:
            os.close(file)
