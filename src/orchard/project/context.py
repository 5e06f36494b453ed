"""The context: the directory that a Kitfile speaks about, and which of its files belong to which layer.

The order, the ancestors and the intersection rule are those of ``kit`` 1.7 (KitOps notes, 2.5 and 3.3), so that the
same tree gives the same tar. Where ``kit`` loses files in silence we do not: paths are compared by component, symbolic
links are followed inside the context and refused outside it, and what cannot be packed is an error.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from orchard.archive import DEFAULTS, Entry, FileStamp
from orchard.errors import LimitExceededError, NotFoundError, StorageError, UnsafePathError
from orchard.formats import clean_path

ROOT: Final = ""
MAX_DEPTH: Final = DEFAULTS.depth  # what cannot be unpacked is not packed
_MODE_BITS: Final = 0o7777


class Ignored(Protocol):
    """Which paths stay out."""

    def matches(self, path: str, /) -> bool:
        """Tell whether a path, relative to the context, is left out."""
        ...

    def may_descend(self, path: str, /) -> bool:
        """Tell whether something below a directory that is left out may be let in again."""
        ...


class _Found(NamedTuple):
    name: str
    path: str
    status: os.stat_result


class Context:
    """A directory to pack, with what is ignored in it and which paths have a layer of their own.

    Raises:
        NotFoundError: If there is no such directory.
    """

    def __init__(self, root: Path, *, ignored: Ignored, claimed: Iterable[str] = ()) -> None:
        self.root = Path(os.path.realpath(root))
        if not self.root.is_dir():
            raise NotFoundError(f"{root}: no such directory")
        self._ignored = ignored
        self._claimed = {_parts(path) for path in claimed}

    def entries(self, path: str) -> list[Entry]:
        """List what a layer holds: the ancestors of its path, the path itself, and all below it in byte order.

        Args:
            path: Path of the layer, relative to the context; ``.`` is the whole context.

        Raises:
            NotFoundError: If the path does not exist.
            UnsafePathError: If a link leads out of the context or in a circle, or a file is neither a file nor a
                directory, or the layer's own path is ignored.
            StorageError: If a directory cannot be read.
            LimitExceededError: If directories are nested deeper than ``MAX_DEPTH``.
        """
        parts = _parts(path)
        others = frozenset(other for other in self._claimed if parts[: len(other)] != other)
        walk = _Walk(self.root, self._ignored, others)
        for length in range(1, len(parts)):
            walk.add(walk.look("/".join(parts[:length])))
        if not parts:
            walk.descend(ROOT, str(self.root), ())
            return walk.entries
        name = "/".join(parts)
        if any(self._ignored.matches("/".join(parts[:length])) for length in range(1, len(parts) + 1)):
            raise UnsafePathError(
                f"{name}: the Kitfile claims this path but .kitignore leaves it out; remove it from one of the two"
            )
        walk.visit(walk.look(name), ())
        return walk.entries


class _Walk:
    """One pass over the files of one layer."""

    def __init__(self, root: Path, ignored: Ignored, others: frozenset[tuple[str, ...]]) -> None:
        self.entries: list[Entry] = []
        self._root = str(root)
        self._ignored = ignored
        self._others = frozenset("/".join(other) for other in others)

    def look(self, name: str) -> _Found:
        """Find out what stands at a name, through links that stay inside.

        Raises:
            NotFoundError: If nothing does.
            UnsafePathError: If a link leads outside.
            StorageError: If the file system refuses to say.
        """
        path = f"{self._root}/{name}"
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode) or os.path.realpath(path) != path:
                path = self._follow(name, path)
                status = os.stat(path)  # noqa: PTH116 -- a string path, on the hot path
        except FileNotFoundError as error:
            raise NotFoundError(f"{name}: the Kitfile names this path, but it does not exist") from error
        except OSError as error:
            raise StorageError(f"{name}: {error.strerror}") from error
        return _Found(name, path, status)

    def visit(self, found: _Found, above: tuple[tuple[int, int], ...]) -> None:
        """Add what was found and, if it is a directory, all below it.

        Raises:
            UnsafePathError: If it is neither a file nor a directory, or a link led back to a directory above.
            LimitExceededError: If it is nested too deeply.
        """
        self.add(found)
        if not stat.S_ISDIR(found.status.st_mode):
            return
        identity = (found.status.st_dev, found.status.st_ino)
        if identity in above:
            raise UnsafePathError(f"{found.name}: this link leads back to a directory above it")
        if len(above) >= MAX_DEPTH:
            raise LimitExceededError(f"{found.name}: directories are nested deeper than {MAX_DEPTH} levels")
        self.descend(found.name, found.path, (*above, identity))

    def descend(self, name: str, path: str, above: tuple[tuple[int, int], ...]) -> None:
        """Visit all that is in a directory, in byte order.

        Raises:
            StorageError: If it cannot be read.
        """
        try:
            children = sorted(os.scandir(path), key=lambda child: os.fsencode(child.name))
        except OSError as error:
            raise StorageError(f"{name or '.'}: cannot be read: {error.strerror}") from error
        for child in children:
            below = f"{name}/{child.name}" if name else child.name
            if below in self._others:
                continue
            if not self._ignored.matches(below):
                self.visit(self._found(below, child), above)
            elif child.is_dir(follow_symlinks=False) and self._ignored.may_descend(below):
                self.descend(below, child.path, above)

    def add(self, found: _Found) -> None:
        """Add one entry.

        Raises:
            UnsafePathError: If it is neither a file nor a directory.
        """
        name, path, status = found
        is_directory = stat.S_ISDIR(status.st_mode)
        if not is_directory and not stat.S_ISREG(status.st_mode):
            raise UnsafePathError(
                f"{name}: only files and directories can be packed; list it in .kitignore to leave it"
            )
        self.entries.append(
            Entry(
                name=name,
                mode=status.st_mode & _MODE_BITS,
                size=0 if is_directory else status.st_size,
                is_directory=is_directory,
                source=None if is_directory else path,
                stamp=FileStamp.of(status),
            )
        )

    def _found(self, name: str, child: os.DirEntry[str]) -> _Found:
        if child.is_symlink():
            return self._through(name)
        try:
            return _Found(name, child.path, child.stat(follow_symlinks=False))
        except OSError as error:
            raise StorageError(f"{name}: {error.strerror}") from error

    def _through(self, name: str) -> _Found:
        try:
            return self.look(name)
        except NotFoundError as error:
            raise UnsafePathError(
                f"{name}: this link leads nowhere; mend it, or list it in .kitignore to leave it out"
            ) from error

    def _follow(self, name: str, path: str) -> str:
        target = os.path.realpath(path, strict=True)
        if target != self._root and not target.startswith(self._root + "/"):
            raise UnsafePathError(
                f"{name}: this link leads out of the project, to {target}; "
                "copy the file in, or list it in .kitignore to leave it out"
            )
        return target


def _parts(path: str) -> tuple[str, ...]:
    """Split a layer's path into components; the context itself has none.

    Raises:
        UnsafePathError: If it is absolute or leaves the context.
    """
    try:
        clean = clean_path(path)
    except UnsafePathError as error:
        raise UnsafePathError(f"{path}: {error}") from error
    return () if clean == "." else tuple(clean.split("/"))
