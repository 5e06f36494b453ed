"""Other people's files onto our disk, never outside one directory.

No path is ever resolved: each component is opened relative to the directory before it, without following links, so
that neither a link that an archive brought nor one that was there before leads out. Needs a system with ``openat``:
Linux, macOS.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Final

from orchard.archive.bigfile import BIG, Pieces, write_big, write_small
from orchard.archive.descent import Admit, Claims, Descent, give_up
from orchard.archive.limits import DEFAULTS, Limits
from orchard.archive.names import safe_name, shown
from orchard.archive.reader import Member, members
from orchard.archive.stream import gathered
from orchard.errors import LimitExceededError
from orchard.oci import CHUNK, Readable, chunks

# Of what an archive says: no setuid, no writing for others. The owner can always go on working with it.
_ALLOWED: Final = 0o755
_DIRECTORY_AT_LEAST: Final = 0o700
_RAW_MODE: Final = 0o644


class Extractor:
    """All the layers of one unpack, put into one fresh directory, or each into one of its own.

    One object for all of them, because a layer must neither overwrite nor write through what another one brought;
    several threads may put one layer each. Anything that is not allowed ends the unpack with an error; what was written
    until then stays, inside the destination, for the caller to remove. Nothing is flushed to the disk here; times and
    owners are not restored. Modes are cut to ``0o755``, the owner may always change a directory, and the umask applies.

    Attributes:
        destination: Where everything is put.
        limits: What all the layers together may have.
    """

    def __init__(
        self, destination: Path, limits: Limits = DEFAULTS, *, portable: bool = True, admit: Admit | None = None
    ) -> None:
        """Prepare an unpack; the destination is not touched yet.

        Args:
            destination: A directory that the caller has made and that nobody else writes to, best an empty one.
            limits: What all the layers together may have.
            portable: Whether to refuse what some systems cannot hold: names that Windows reserves, and two names that
                differ only by case or by Unicode form.
            admit: Asked about each path when it first comes, before anything of it is written; it raises to refuse.
        """
        self.destination = destination
        self.limits = limits
        self._claims = Claims(limits, portable=portable, admit=admit)
        self._left = limits.total
        self._lock = Lock()

    def reserve(self, path: str, *, what: str) -> None:
        """Keep a path from all layers; it is not made here.

        Raises:
            UnsafeArchiveError: If a layer has brought it already.
        """
        self._claims.claim(path, is_directory=False, what=what, ask=False)

    def extract_tar(
        self, body: Readable, *, prefix: str = "", what: str = "the archive", into: Path | None = None
    ) -> list[str]:
        """Unpack an uncompressed tar and give the paths of its files, below the destination, in their order.

        Args:
            body: The tar. It is read to its very end, so a body that verifies itself has done so on return.
            prefix: A path below the destination that the archive's names are relative to.
            what: How messages call the archive.
            into: The directory of this layer, in place of the destination.

        Raises:
            InvalidError: If it is not a sound tar.
            LimitExceededError: If it passes a limit.
            StorageError: If the disk does not take it.
            UnsafeArchiveError: If a member must not be extracted.
        """
        root = self._safe(prefix, what=what) if prefix else ""
        files = []
        with Descent(into or self.destination, self._claims, what=what) as descent:
            for member in members(body, self.limits, what=what):
                path = f"{root}/{member.name}" if root and member.name else root or member.name
                if member.is_directory:
                    descent.enter(path, member.mode & _ALLOWED | _DIRECTORY_AT_LEAST)
                else:
                    self._account(member.size, path, what=what)
                    _write_member(descent.create(path, _file_mode(member.mode)), member, path)
                    files.append(path)
        return files

    def extract_raw(
        self,
        body: Readable,
        path: str,
        *,
        size: int | None = None,
        mode: int = _RAW_MODE,
        what: str = "the layer",
        into: Path | None = None,
    ) -> None:
        """Write a body that is one file, as the layers of ModelPack are.

        Args:
            body: The content. It is read to its very end, so a body that verifies itself has done so on return.
            path: Where to put it, below the destination.
            size: How many bytes to expect, if that is known; only the way of writing depends on it.
            mode: Its permission bits, cut as those of an archive are.
            what: How messages call the layer.
            into: The directory of this layer, in place of the destination.

        Raises:
            LimitExceededError: If it passes a limit.
            StorageError: If the disk does not take it.
            UnsafeArchiveError: If the path is unsafe or taken.
        """
        path = self._safe(path, what=what)
        with Descent(into or self.destination, self._claims, what=what) as descent:
            descriptor = descent.create(path, _file_mode(mode))
            write = write_big if (size or 0) >= BIG else write_small
            _write(descriptor, gathered(self._counted(body, path, what)), path, write=write)

    def _safe(self, path: str, *, what: str) -> str:
        return safe_name(os.fsencode(path), self.limits, what=what)

    def _counted(self, body: Readable, path: str, what: str) -> Iterator[bytes]:
        for chunk in chunks(body):
            self._account(len(chunk), path, what=what)
            yield chunk

    def _account(self, size: int, path: str, *, what: str) -> None:
        """Take bytes from what all the layers together may have.

        Raises:
            LimitExceededError: If there is not that much left.
        """
        with self._lock:
            self._left -= size
            left = self._left
        if left < 0:
            raise LimitExceededError(f"{what}: {shown(path)} passes the limit of {self.limits.total} bytes in all")


def _file_mode(mode: int) -> int:
    return mode & _ALLOWED


def _write_member(descriptor: int, member: Member, path: str) -> None:
    if member.size < CHUNK:
        _write(descriptor, (member.content.read_whole(),), path, write=write_small)
    else:
        write = write_big if member.size >= BIG else write_small
        _write(descriptor, gathered(member.content.pieces()), path, write=write)


def _write(descriptor: int, pieces: Pieces, path: str, *, write: Callable[[int, Pieces, str], None]) -> None:
    """Write a file and close it, whatever happens.

    Raises:
        StorageError: If the disk does not take it.
    """
    try:
        write(descriptor, pieces, path)
    except BaseException:
        os.close(descriptor)
        raise
    try:
        os.close(descriptor)
    except OSError as error:  # where a network file system says that it had no space
        give_up(error, path)
