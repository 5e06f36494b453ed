"""The journal of an unpack: what was moved into place, so that it can be moved back, by us or by the next process."""

import fcntl
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from orchard.oci import convert, dumps, loads

PREFIX: Final = ".orchard-"
PRIVATE: Final = 0o700
REPLACED: Final = "replaced"
_JOURNAL: Final = "journal"
_MAX_JOURNAL: Final = 1 << 30  # bytes of a line; it is ours


class Step(msgspec.Struct, frozen=True):
    """A line of the journal: one tree, the directories that are made for it, and the files that move."""

    tree: str
    directories: list[str]
    files: list[str]


def write_journal(stage: Path, step: Step) -> None:
    """Add a line; one that a kill cut off has no end, and nothing had moved by it."""
    with (stage / _JOURNAL).open("ab") as file:
        file.write(dumps({"tree": step.tree, "directories": [*step.directories], "files": [*step.files]}) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def forget(stage: Path) -> None:
    """Let what was moved stay.

    Raises:
        OSError: If the file system fails.
    """
    (stage / _JOURNAL).unlink(missing_ok=True)


def _read_journal(stage: Path) -> list[Step]:
    try:
        lines = (stage / _JOURNAL).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    what = str(stage / _JOURNAL)
    return [convert(loads(line, what=what, limit=_MAX_JOURNAL), Step, what=what) for line in lines[:-1]]


def undo(stage: Path, root: str) -> None:
    """Put everything back to where the journal says it was; without a journal, nothing had moved."""
    steps = _read_journal(stage)
    number = 0
    for step in steps:
        for name in step.files:
            _put_back(stage, f"{root}/{name}", staged=f"{stage}/{step.tree}/{name}", number=number)
            number += 1
    for step in reversed(steps):
        remove_empty([Path(root, name) for name in step.directories])


def _put_back(stage: Path, target: str, *, staged: str, number: int) -> None:
    """Undo one move, if it happened. Each state between two calls is one that this goes on from."""
    if not os.path.lexists(staged):
        with suppress(FileNotFoundError):
            os.replace(target, staged)  # noqa: PTH105 -- string paths, on the hot path
    aside = f"{stage}/{REPLACED}/{number}"
    if os.path.lexists(aside):
        os.replace(aside, target)  # noqa: PTH105 -- likewise


def undo_the_dead(destination: Path) -> None:
    """Undo what killed processes left half done in a destination.

    Raises:
        OSError: If the file system fails.
    """
    for stage in destination.glob(f"{PREFIX}{'[0-9a-f]' * 16}"):
        if not _is_ours(stage.lstat()):
            continue
        try:
            descriptor = lock(stage)
        except OSError:
            continue  # its process lives
        undo(stage, str(destination))
        shutil.rmtree(stage, ignore_errors=True)
        os.close(descriptor)


def _is_ours(status: os.stat_result) -> bool:
    """Tell a staging directory of ours from one that came with somebody's files, whose journal must not be obeyed."""
    private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == PRIVATE
    return private and status.st_uid == os.geteuid()


def lock(stage: Path) -> int:
    """Show that the process of a staging directory lives, until the descriptor is closed.

    Raises:
        OSError: If it is another process's, which lives.
    """
    descriptor = os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def remove_empty(made: list[Path]) -> None:
    """Remove directories that we made, innermost first, as long as nothing came of them."""
    for path in reversed(made):
        try:
            path.rmdir()
        except OSError:
            continue
