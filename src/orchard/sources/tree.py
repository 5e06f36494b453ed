"""Files that are elsewhere, sorted into layers exactly as ``project.Context`` sorts those of a directory.

The order, the ancestors and the rule that the most specific layer owns a file are the same, so a repository that is
streamed into layers gives the digests that it would give if it were downloaded and packed.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from orchard.archive import Entry
from orchard.errors import NotFoundError, UnsafePathError
from orchard.formats import clean_path

FILE_MODE: Final = 0o644
DIRECTORY_MODE: Final = 0o755


class Sized(Protocol):
    """A file that is elsewhere."""

    @property
    def path(self) -> str:
        """Below the root of its repository."""
        ...

    @property
    def size(self) -> int:
        """In bytes."""
        ...


class Ignored(Protocol):
    """Which paths stay out."""

    def matches(self, path: str, /) -> bool:
        """Tell whether a path is left out."""
        ...


# What is in a directory, by name: the size of a file, or what is in a directory. There may be 100,000 of them.
_Branch = dict[str, "int | _Branch"]


class Tree:
    """All files of a repository.

    Args:
        files: Their paths are plain and relative, and no file is a directory too.
        ignored: What stays out.
        claimed: Every path that has a layer of its own.

    Raises:
        UnsafePathError: If a claimed path is absolute or leaves the repository.
    """

    def __init__(self, files: Iterable[Sized], *, ignored: Ignored, claimed: Iterable[str]) -> None:
        self._ignored = ignored
        self._claimed = {_parts(path) for path in claimed}
        self._root: _Branch = {}
        for file in files:
            *above, name = file.path.split("/")
            branch = self._root
            for part in above:
                below = branch.setdefault(part, {})
                assert isinstance(below, dict)
                branch = below
            branch[name] = file.size

    def layer(self, path: str) -> list[Entry]:
        """List what a layer holds: the ancestors of its path, the path itself, and all below it in byte order.

        Raises:
            NotFoundError: If there is nothing at the path.
            UnsafePathError: If the path is ignored.
        """
        parts = _parts(path)
        others = frozenset("/".join(other) for other in self._claimed if parts[: len(other)] != other)
        entries: list[Entry] = []
        node: int | _Branch = self._root
        for depth, part in enumerate(parts, 1):
            name = "/".join(parts[:depth])
            if not isinstance(node, dict) or part not in node:
                raise NotFoundError(f"{path}: the Kitfile names this path, but the repository does not have it")
            if self._ignored.matches(name):
                raise UnsafePathError(f"{path}: the Kitfile claims this path but .kitignore leaves it out")
            node = node[part]
            entries.append(_entry(name, node))
        entries.extend(self._below("/".join(parts), node, others))
        return entries

    def _below(self, name: str, node: int | _Branch, others: frozenset[str]) -> Iterator[Entry]:
        if not isinstance(node, dict):
            return
        for part in sorted(node, key=str.encode):
            below = f"{name}/{part}" if name else part
            if below in others or self._ignored.matches(below):
                continue
            child = node[part]
            yield _entry(below, child)
            yield from self._below(below, child, others)


def _entry(name: str, node: int | _Branch) -> Entry:
    if isinstance(node, dict):
        return Entry(name=name, mode=DIRECTORY_MODE, is_directory=True)
    return Entry(name=name, mode=FILE_MODE, size=node)


def _parts(path: str) -> tuple[str, ...]:
    try:
        clean = clean_path(path)
    except UnsafePathError as error:
        raise UnsafePathError(f"{path}: {error}") from error
    return () if clean == "." else tuple(clean.split("/"))
