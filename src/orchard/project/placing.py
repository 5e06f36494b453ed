"""Moving a staged tree into place: all of it, or nothing.

Everything is extracted and verified in a staging directory inside the destination first. Then a journal says what will
move where, each directory that the tree needs is made, and each file is renamed. A failure half-way is undone by the
journal; a process that was killed half-way is undone by the next one that unpacks there.

    destination/.orchard-<16 hex>/        locked while its process lives
        tree/…                            what will move
        journal                           written before the first move
        replaced/<number>                 files that were overwritten, until all is done
"""

import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

from orchard.errors import ConflictError, StorageError, UnsafePathError
from orchard.oci import convert, dumps, loads

PREFIX: Final = ".orchard-"
_TREE: Final = "tree"
_JOURNAL: Final = "journal"
_REPLACED: Final = "replaced"
_MAX_JOURNAL: Final = 1 << 30  # bytes; it is ours
_PRIVATE: Final = 0o700
_SHOWN: Final = 3


class _Journal(msgspec.Struct, frozen=True):
    directories: list[str]
    files: list[str]


class Existing(Enum):
    """What to do with a file that is already there."""

    REFUSE = "refuse"
    OVERWRITE = "overwrite"
    KEEP = "keep"


@contextmanager
def staging(destination: Path) -> Iterator[Path]:
    """Make an empty tree on the file system of a destination, and remove it afterwards, with what is left in it.

    What killed processes left behind in the destination is undone first.

    Raises:
        StorageError: If it cannot be made.
    """
    made: list[Path] = []
    try:
        made = _make_parents(destination)
        with _held(destination):
            _undo_the_dead(destination)
            stage = destination / f"{PREFIX}{secrets.token_hex(8)}"
            stage.mkdir(mode=_PRIVATE)
            (stage / _TREE).mkdir()
            lock = _lock(stage)
    except OSError as error:
        _remove_empty(made)
        raise StorageError(f"{destination}: cannot be written: {error.strerror}") from error
    try:
        yield stage / _TREE
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        os.close(lock)
        _remove_empty(made)


def place(tree: Path, destination: Path, existing: Existing = Existing.REFUSE) -> list[str]:
    """Move all that is in a staged tree to the same names below ``destination``.

    Returns:
        The files that were placed, relative to the destination, in order.

    Raises:
        ConflictError: If something is in the way and ``existing`` does not say what to do with it.
        UnsafePathError: If a directory of the destination that a file would go through is a symbolic link.
        StorageError: If the file system fails; what was moved has been moved back.
    """
    try:
        with _held(destination):
            return _place(tree, destination, existing)
    except OSError as error:
        raise StorageError(f"{destination}: cannot be written: {error.strerror}; nothing was changed") from error


def _place(tree: Path, destination: Path, existing: Existing) -> list[str]:
    stage = tree.parent
    try:
        directories, files = _list(tree)
        keep = _check(destination, directories, files, existing=existing)
        placed = [name for name in files if name not in keep]
        new = [(name, mode) for name, mode in directories if not (destination / name).exists()]
        _write_journal(stage, [name for name, _ in new], placed)
        for name, mode in new:
            (destination / name).mkdir(mode=mode)
        for number, name in enumerate(placed):
            _move(stage, destination, number=number, name=name)
    except BaseException as error:
        _undo(stage, destination)
        if isinstance(error, OSError):
            what = f"{error.filename}: cannot be written: {error.strerror}; nothing was changed"
            raise StorageError(what) from error
        raise
    (stage / _JOURNAL).unlink()
    return placed


@contextmanager
def _held(directory: Path) -> Iterator[None]:
    """Keep others who unpack into a directory waiting until the block is left.

    Raises:
        OSError: If it cannot be opened.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _move(stage: Path, destination: Path, *, number: int, name: str) -> None:
    source, target = stage / _TREE / name, destination / name
    if os.path.lexists(target):
        aside = stage / _REPLACED / str(number)
        aside.parent.mkdir(exist_ok=True)
        try:
            # A second name keeps the old file without a moment in which it is gone.
            os.link(target, aside, follow_symlinks=False)
        except OSError:
            target.rename(aside)
    source.replace(target)


def _write_journal(stage: Path, directories: list[str], files: list[str]) -> None:
    journal = stage / _JOURNAL
    with journal.with_suffix(".new").open("wb") as file:
        file.write(dumps({"directories": [*directories], "files": [*files]}))
        file.flush()
        os.fsync(file.fileno())
    journal.with_suffix(".new").replace(journal)


def _undo(stage: Path, destination: Path) -> None:
    """Put everything back to where the journal says it was; without a journal, nothing had moved."""
    journal = stage / _JOURNAL
    if not journal.exists():
        return
    plan = convert(loads(journal.read_bytes(), what=str(journal), limit=_MAX_JOURNAL), _Journal, what=str(journal))
    for number, name in enumerate(plan.files):
        aside = stage / _REPLACED / str(number)
        if os.path.lexists(aside):
            aside.replace(destination / name)
        elif not os.path.lexists(stage / _TREE / name):
            (destination / name).unlink(missing_ok=True)
    _remove_empty([destination / name for name in plan.directories])


def _undo_the_dead(destination: Path) -> None:
    for stage in destination.glob(f"{PREFIX}{'[0-9a-f]' * 16}"):
        if not _is_ours(stage.lstat()):
            continue
        try:
            lock = _lock(stage)
        except OSError:
            continue  # its process lives
        _undo(stage, destination)
        shutil.rmtree(stage, ignore_errors=True)
        os.close(lock)


def _is_ours(status: os.stat_result) -> bool:
    """Tell a staging directory of ours from one that came with somebody's files, whose journal must not be obeyed."""
    private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == _PRIVATE
    return private and status.st_uid == os.geteuid()


def _lock(stage: Path) -> int:
    descriptor = os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _list(tree: Path) -> tuple[list[tuple[str, int]], list[str]]:
    directories: list[tuple[str, int]] = []
    files: list[str] = []
    for here, below, names in os.walk(tree):
        below.sort(key=os.fsencode)
        prefix = Path(here).relative_to(tree)
        directories += [(str(prefix / name), stat.S_IMODE((Path(here) / name).lstat().st_mode)) for name in below]
        files += sorted(str(prefix / name) for name in names)
    return directories, files


def _check(destination: Path, directories: list[tuple[str, int]], files: list[str], *, existing: Existing) -> set[str]:
    """Look at everything that is in the way before anything moves, and give the files that stay as they are.

    Raises:
        ConflictError: If something is in the way.
        UnsafePathError: If a directory is a symbolic link.
    """
    for name, _ in directories:
        target = destination / name
        if name.startswith(PREFIX):
            raise UnsafePathError(f"{name}: names that start with {PREFIX} are reserved")
        if target.is_symlink():
            raise UnsafePathError(f"{target}: is a symbolic link; files are not written through it")
        if target.exists() and not target.is_dir():
            raise ConflictError(f"path '{target}' already exists and is not a directory")
    there = [name for name in files if os.path.lexists(destination / name)]
    for name in there:
        if (destination / name).is_dir() and not (destination / name).is_symlink():
            raise ConflictError(f"path '{destination / name}' already exists and is a directory")
    if there and existing is Existing.REFUSE:
        shown = "', '".join(there[:_SHOWN])
        more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
        raise ConflictError(
            f"path '{shown}'{more} already exists in {destination}; nothing was changed. "
            "Use --overwrite to replace, --ignore-existing to keep, or --dir for another directory"
        )
    return set(there) if existing is Existing.KEEP else set()


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


def _remove_empty(made: list[Path]) -> None:
    """Remove directories that we made, innermost first, as long as nothing came of them."""
    for path in reversed(made):
        try:
            path.rmdir()
        except OSError:
            continue
