"""Directories below one place, made and opened component by component, never through a link."""

import errno
import os
from pathlib import Path
from threading import Lock
from typing import Final, NoReturn, Protocol, Self

from orchard.archive.limits import Limits
from orchard.archive.names import folded, is_portable, shown
from orchard.errors import LimitExceededError, StorageError, UnsafeArchiveError

IMPLIED_MODE: Final = 0o755  # of a directory that an archive has no entry for

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_DIRECTORY: Final = (errno.ENOTDIR, errno.ELOOP)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class Admit(Protocol):
    """Asked about each path before anything of it is written."""

    def __call__(self, path: str, *, is_directory: bool) -> None:
        """Raise to refuse it."""
        ...


class Claims:
    """Which paths one unpack has made so far, and what they are. Layers may be unpacked in several threads."""

    def __init__(self, limits: Limits, *, portable: bool, admit: Admit | None = None) -> None:
        self._limits = limits
        self._portable = portable
        self._admit = admit
        self._taken: dict[str, tuple[str, bool]] = {}
        self._lock = Lock()

    def claim(self, path: str, *, is_directory: bool, what: str, ask: bool = True) -> None:
        """Take a path whose parents are taken; a directory may be taken again as a directory.

        Args:
            path: Safe and relative.
            is_directory: Whether it is one.
            what: How messages call what brings it.
            ask: Whether it has to be admitted.

        Raises:
            LimitExceededError: If there are too many.
            UnsafeArchiveError: If it is taken already, under this name or one that some system takes for the same, or
                if some system cannot hold it.
        """
        key = folded(path) if self._portable else path
        with self._lock:
            there = self._taken.get(key)
            if there is None:
                self._take(key, path, is_directory=is_directory, what=what)
        if there is None:
            if ask and self._admit is not None:
                self._admit(path, is_directory=is_directory)
            return
        if there[0] != path:
            raise UnsafeArchiveError(
                f"{what}: {shown(path)} and {shown(there[0])} are one name on some systems; --any-names accepts them"
            )
        if not (there[1] and is_directory):
            raise UnsafeArchiveError(f"{what}: {shown(path)} stands twice; the second would replace the first")

    def _take(self, key: str, path: str, *, is_directory: bool, what: str) -> None:
        if self._portable and not is_portable(path.rpartition("/")[2]):
            raise UnsafeArchiveError(
                f"{what}: the name {shown(path)} means something else on Windows; --any-names accepts it"
            )
        if len(self._taken) >= self._limits.members:
            raise LimitExceededError(f"{what}: more than {self._limits.members} files and directories")
        self._taken[key] = (path, is_directory)


class Descent:
    """The open directories from a destination down to the one that was entered last.

    Archives list a directory's content in one go, so most members find their directory open already. At most as many
    directories are open as a path is deep.
    """

    def __init__(self, destination: Path, claims: Claims, *, what: str) -> None:
        self._claims = claims
        self._what = what
        self._parts: list[str] = []
        self._path = ""
        self._open: list[int] = []
        try:
            self._open.append(os.open(destination, _DIRECTORY))
        except OSError as error:
            raise StorageError(f"cannot unpack into {destination}: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        while self._open:
            os.close(self._open.pop())

    def enter(self, path: str, mode: int = IMPLIED_MODE) -> int:
        """Open a directory, making what is missing; "" is the destination. The descriptor is not the caller's.

        Args:
            path: A safe relative path.
            mode: Of the directory itself, if it is made; its parents get ``IMPLIED_MODE``.

        Raises:
            LimitExceededError: If there are too many paths.
            StorageError: If the system does not make it.
            UnsafeArchiveError: If something else is there.
        """
        if path != self._path:
            parts = path.split("/") if path else []
            self._leave(parts)
            while len(self._parts) < len(parts):
                last = len(self._parts) + 1 == len(parts)
                self._step(parts[len(self._parts)], mode if last else IMPLIED_MODE)
        return self._open[-1]

    def create(self, path: str, mode: int) -> int:
        """Make a new file and open it for writing; its directories are made where they are missing.

        Raises:
            LimitExceededError: If there are too many paths.
            StorageError: If the system does not make it.
            UnsafeArchiveError: If something is there already.
        """
        parent, _, base = path.rpartition("/")
        directory = self.enter(parent)
        self._claims.claim(path, is_directory=False, what=self._what)
        try:
            return os.open(base, _NEW_FILE, mode, dir_fd=directory)
        except FileExistsError as error:
            raise UnsafeArchiveError(f"{self._what}: something is there already: {shown(path)}") from error
        except OSError as error:
            give_up(error, path)

    def _leave(self, parts: list[str]) -> None:
        """Go up to the last directory that the way to the next one shares."""
        shared = 0
        for ours, theirs in zip(self._parts, parts, strict=False):
            if ours != theirs:
                break
            shared += 1
        while len(self._parts) > shared:
            self._parts.pop()
            os.close(self._open.pop())
        self._path = "/".join(self._parts)

    def _step(self, part: str, mode: int) -> None:
        path = f"{self._path}/{part}" if self._path else part
        self._claims.claim(path, is_directory=True, what=self._what)
        self._open.append(self._make(part, mode, path))
        self._parts.append(part)
        self._path = path

    def _make(self, part: str, mode: int, path: str) -> int:
        """Make a directory, or find it there, and open it.

        Raises:
            StorageError: If the system does not make it.
            UnsafeArchiveError: If a file or a link is there.
        """
        parent = self._open[-1]
        try:
            os.mkdir(part, mode, dir_fd=parent)
        except FileExistsError:
            pass  # the open tells whether it is a directory
        except OSError as error:
            give_up(error, path)
        try:
            return os.open(part, _DIRECTORY, dir_fd=parent)
        except OSError as error:
            if error.errno in _NO_DIRECTORY:
                raise UnsafeArchiveError(f"{self._what}: no directory, but a file or a link: {shown(path)}") from error
            give_up(error, path)


def give_up(error: OSError, path: str) -> NoReturn:
    """Say that the disk does not take a path.

    Raises:
        StorageError: Always.
    """
    if error.errno in _FULL:
        raise StorageError(f"disk full: cannot write {shown(path)}; free some space and try again") from error
    raise StorageError(f"cannot write {shown(path)}: {error.strerror}") from error
