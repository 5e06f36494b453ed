"""Moving staged trees into place: all of them, or nothing.

Each layer is extracted and verified in a tree of its own, in a staging directory inside the destination. As soon as it
is whole, it is placed: a journal says what will move where, each directory that it needs is made, and each file is
renamed. A failure undoes all that was placed by the journal; a process that was killed is undone by the next one that
unpacks there. Whoever places something holds the destination until its end, so that two of them never mix.

    destination/.orchard-<16 hex>/        locked while its process lives
        <number>/…                        a tree that will move
        journal                           a line for each tree, written before the first move of it
        replaced/<number>                 files that were overwritten, until all is done
"""

import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from threading import Lock
from typing import Final, Literal

from orchard.errors import ConflictError, StorageError, UnsafePathError
from orchard.project.undoing import (
    PREFIX,
    PRIVATE,
    REPLACED,
    Step,
    forget,
    lock,
    remove_empty,
    undo,
    undo_the_dead,
    write_journal,
)

_SHOWN: Final = 3

Found = Literal["nothing", "directory", "link", "file"]


class Existing(Enum):
    """What to do with a file that is already there."""

    REFUSE = "refuse"
    OVERWRITE = "overwrite"
    KEEP = "keep"


@contextmanager
def all_or_nothing(destination: Path, existing: Existing = Existing.REFUSE) -> Iterator["Placement"]:
    """Place any number of trees below a destination while the block runs; if it fails, none of them.

    What killed processes left behind in the destination is undone first.

    Raises:
        StorageError: If the destination cannot be written.
    """
    made: list[Path] = []
    try:
        made = _make_parents(destination)
        with _held(destination):
            undo_the_dead(destination)
            stage = destination / f"{PREFIX}{secrets.token_hex(8)}"
            stage.mkdir(mode=PRIVATE)
            alive = lock(stage)
    except OSError as error:
        remove_empty(made)
        raise StorageError(f"{destination}: cannot be written: {error.strerror}") from error
    placement = Placement(stage, destination, existing)
    try:
        yield placement
        placement.commit()
    except BaseException:
        placement.undo()
        raise
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        os.close(alive)
        placement.release()
        remove_empty(made)


class Placement:
    """What is being placed below one destination. Several threads may stage, check and place.

    Attributes:
        destination: Where it goes.
        existing: What to do with files that are already there.
    """

    def __init__(self, stage: Path, destination: Path, existing: Existing) -> None:
        self.destination = destination
        self.existing = existing
        self._stage = stage
        self._root = str(destination)
        self._lock = Lock()
        self._held: int | None = None  # the destination, while nobody else may place anything there
        self._trees = 0
        self._moves = 0
        self._new: set[str] = set()  # directories that were not there when they were first asked about

    def tree(self) -> Path:
        """Make an empty directory on the file system of the destination.

        Raises:
            StorageError: If it cannot be made.
        """
        with self._lock:
            tree = self._stage / str(self._trees)
            self._trees += 1
        try:
            tree.mkdir()
        except OSError as error:
            raise StorageError(f"{self._root}: cannot be written: {error.strerror}") from error
        return tree

    def check(self, path: str, *, is_directory: bool) -> None:
        """Look whether something is in the way of a path, long before it is placed.

        Raises:
            ConflictError: If something is, and nobody said what to do with it.
            UnsafePathError: If it is a directory and a symbolic link is there, or it has a name of ours.
        """
        parent = path.rpartition("/")[0]
        if parent in self._new:
            if is_directory:
                self._new.add(path)
            return
        found = look(self._root, path, is_directory=is_directory)
        if found == "nothing" and is_directory:
            self._new.add(path)
        if found in {"file", "link"} and not is_directory and self.existing is Existing.REFUSE:
            raise self._in_the_way([path])

    def check_all(self, paths: Iterable[str]) -> None:
        """Look whether files are in the way of any of these paths, be they files or directories.

        Raises:
            ConflictError: If some are, and nobody said what to do with them.
        """
        if self.existing is not Existing.REFUSE:
            return
        there = [path for path in paths if _is_file(f"{self._root}/{path}")]
        if there:
            raise self._in_the_way(there)

    def place(self, tree: Path) -> list[str]:
        """Move all that is in a staged tree to the same names below the destination.

        Returns:
            The files that were placed, relative to the destination, in order.

        Raises:
            ConflictError: If something is in the way and nobody said what to do with it.
            UnsafePathError: If a directory of the destination that a file would go through is a symbolic link.
            StorageError: If the file system fails.
        """
        with self._lock:
            try:
                self._held = _take(self.destination) if self._held is None else self._held
                return self._place(tree)
            except OSError as error:
                what = error.filename or self._root
                raise StorageError(f"{what}: cannot be written: {error.strerror}; nothing was changed") from error

    def commit(self) -> None:
        """Let all that was placed stay.

        Raises:
            StorageError: If the file system fails.
        """
        try:
            forget(self._stage)
        except OSError as error:
            raise StorageError(f"{self._root}: cannot be written: {error.strerror}; nothing was changed") from error

    def undo(self) -> None:
        """Put everything back."""
        with self._lock:
            undo(self._stage, self._root)

    def release(self) -> None:
        """Let others place something in the destination."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _place(self, tree: Path) -> list[str]:
        directories, files = _list(tree)
        new: dict[str, int] = {}
        for name, mode in directories:
            if name.rpartition("/")[0] in new or look(self._root, name, is_directory=True) == "nothing":
                new[name] = mode
        # What goes into a directory that is made now cannot meet anything.
        met = [name for name in files if name.rpartition("/")[0] not in new]
        there = [name for name in met if look(self._root, name, is_directory=False) != "nothing"]
        if there and self.existing is Existing.REFUSE:
            raise self._in_the_way(there)
        keep = set(there) if self.existing is Existing.KEEP else set()
        placed = [name for name in files if name not in keep]
        write_journal(self._stage, Step(tree.name, list(new), placed))
        for name, mode in new.items():
            os.mkdir(f"{self._root}/{name}", mode)  # noqa: PTH102 -- a string path, on the hot path
        watched = frozenset(met)
        for name in placed:
            if name in watched:
                self._put_aside(name)
            os.replace(f"{tree}/{name}", f"{self._root}/{name}")  # noqa: PTH105 -- likewise
            self._moves += 1
        return placed

    def _put_aside(self, name: str) -> None:
        target, aside = f"{self._root}/{name}", self._stage / REPLACED / str(self._moves)
        if not os.path.lexists(target):
            return
        aside.parent.mkdir(exist_ok=True)
        try:
            # A second name keeps the old file without a moment in which it is gone.
            os.link(target, aside, follow_symlinks=False)
        except OSError:
            os.rename(target, aside)  # noqa: PTH104 -- likewise

    def _in_the_way(self, names: list[str]) -> ConflictError:
        shown = "', '".join(names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return ConflictError(
            f"path '{shown}'{more} already exists in {self._root}; nothing was changed. "
            "Use --overwrite to replace, --ignore-existing to keep, or --dir for another directory"
        )


def look(root: str, path: str, *, is_directory: bool) -> Found:
    """Say what is where something shall be placed.

    Args:
        root: The destination.
        path: Below it.
        is_directory: Whether a directory shall be there.

    Raises:
        ConflictError: If what is there is of another kind.
        UnsafePathError: If files would be written through a link, or into a directory of ours.
        StorageError: If the file system refuses to say.
    """
    if path.startswith(PREFIX):
        raise UnsafePathError(f"{path}: names that start with {PREFIX} are reserved")
    target = f"{root}/{path}"
    try:
        mode = os.lstat(target).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "nothing"
    except OSError as error:
        raise StorageError(f"{target}: cannot be looked at: {error.strerror}; nothing was changed") from error
    if stat.S_ISLNK(mode):
        if is_directory:
            raise UnsafePathError(f"{target}: is a symbolic link; files are not written through it")
        return "link"
    if is_directory and not stat.S_ISDIR(mode):
        raise ConflictError(f"path '{target}' already exists and is not a directory")
    if not is_directory and stat.S_ISDIR(mode):
        raise ConflictError(f"path '{target}' already exists and is a directory")
    return "directory" if is_directory else "file"


@contextmanager
def _held(directory: Path) -> Iterator[None]:
    """Keep others who unpack into a directory waiting until the block is left.

    Raises:
        OSError: If it cannot be opened.
    """
    descriptor = _take(directory)
    try:
        yield
    finally:
        os.close(descriptor)


def _is_file(path: str) -> bool:
    """Tell whether a file or a link is there; nothing is under a name that no file can have."""
    try:
        return not stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _take(directory: Path) -> int:
    """Wait until nobody else holds a directory, and hold it until the descriptor is closed.

    Raises:
        OSError: If it cannot be opened.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _list(tree: Path) -> tuple[list[tuple[str, int]], list[str]]:
    directories: list[tuple[str, int]] = []
    files: list[str] = []
    start = len(str(tree)) + 1
    for here, below, names in os.walk(tree):
        below.sort(key=os.fsencode)
        prefix = f"{here[start:]}/" if len(here) > start else ""
        directories += [(f"{prefix}{name}", stat.S_IMODE(os.lstat(f"{here}/{name}").st_mode)) for name in below]
        files += sorted(f"{prefix}{name}" for name in names)
    return directories, files


def _make_parents(destination: Path) -> list[Path]:
    missing = []
    here = destination
    while not here.exists():
        missing.append(here)
        here = here.parent
    made: list[Path] = []
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        made.append(path)
    return made
