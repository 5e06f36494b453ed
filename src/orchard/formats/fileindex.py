"""The file index: for one version every file, with the layer that holds it and its place in there.

It says what unpacking would write: what unpacking refuses as unsafe is refused here too.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec

from orchard.errors import NotFoundError, UnsafeArchiveError
from orchard.formats.layertype import LayerKind
from orchard.formats.modelkit import Layer

_SHOWN: Final = 200  # characters of a path in a message


class LayerFile(msgspec.Struct, frozen=True, array_like=True):
    """One file of one layer.

    Attributes:
        path: Below the directory that the layer is unpacked into, ``/`` between its parts.
        size: Bytes of its content.
        mode: Permission bits, as the layer says them; unpacking cuts them.
        offset: Bytes from the start of the *uncompressed* layer to its content.
        digest: Of its content, as text, if it is known.
    """

    path: str
    size: int
    mode: int
    offset: int
    digest: str | None = None


class LayerFiles(msgspec.Struct, frozen=True):
    """What one layer holds.

    Attributes:
        files: In the order of the layer.
        directories: Those that the layer names itself, in its order.
    """

    files: tuple[LayerFile, ...]
    directories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """One file of a version.

    Attributes:
        path: Below the directory that the version is unpacked into.
        size: Bytes of its content.
        mode: Permission bits, as the layer says them.
        offset: Bytes from the start of the *uncompressed* layer to its content.
        digest: Of its content, as text, if it is known: always for a layer that is one bare file, else once the whole
            layer has been read.
        layer: The layer that holds it.
    """

    path: str
    size: int
    mode: int
    offset: int
    digest: str | None
    layer: Layer

    @property
    def kind(self) -> LayerKind:
        """What the layer holds."""
        return self.layer.kind


class FileIndex:
    """Every file of a version, sorted by path.

    Attributes:
        files: The files.
    """

    def __init__(self, layers: Iterable[tuple[Layer, LayerFiles]]) -> None:
        """Put the files of all layers together.

        Raises:
            UnsafeArchiveError: If a file is there twice, or where a directory is.
        """
        files: dict[str, IndexedFile] = {}
        directories: dict[str, None] = {}
        for layer, held in layers:
            directories |= dict.fromkeys(held.directories)
            for file in held.files:
                if file.path in files:
                    raise UnsafeArchiveError(f"{layer.path}: {file.path[:_SHOWN]!r} is in the version twice")
                files[file.path] = IndexedFile(file.path, file.size, file.mode, file.offset, file.digest, layer)
        self.files = tuple(sorted(files.values(), key=lambda file: file.path))
        self._directories = _with_parents(files, directories)
        for path in self._directories:
            if path in files:
                raise UnsafeArchiveError(f"{files[path].layer.path}: {path[:_SHOWN]!r} is a file and a directory")

    @property
    def directories(self) -> tuple[str, ...]:
        """Every directory, sorted, those that only a path implies included."""
        return tuple(sorted(self._directories))

    @cached_property
    def _paths(self) -> list[str]:
        return [file.path for file in self.files]

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[IndexedFile]:
        return iter(self.files)

    def find(self, path: str) -> IndexedFile | None:
        """Give the file of a path, if there is one."""
        at = bisect_left(self._paths, path)
        return self.files[at] if at < len(self.files) and self.files[at].path == path else None

    def file(self, path: str) -> IndexedFile:
        """Give the file of a path.

        Raises:
            NotFoundError: If there is none.
        """
        found = self.find(path)
        if found is None:
            what = "is a directory" if self.is_directory(path) else "is not in this version"
            raise NotFoundError(f"{path[:_SHOWN]!r} {what}; see: orchard files")
        return found

    def is_directory(self, path: str) -> bool:
        """Tell whether files lie below a path; ``""`` is the root."""
        return not path or path in self._directories

    def below(self, path: str) -> tuple[IndexedFile, ...]:
        """Give the files below a directory, or the one file of that path; ``""`` is the root."""
        if not path:
            return self.files
        start, end = bisect_left(self._paths, path + "/"), bisect_left(self._paths, path + "0")  # "0" follows "/"
        found = self.find(path)
        return (found,) if found is not None else self.files[start:end]


def _with_parents(files: Iterable[str], named: Iterable[str]) -> frozenset[str]:
    found = set(named)
    for path in (*files, *tuple(found)):
        parent = path.rpartition("/")[0]
        while parent and parent not in found:
            found.add(parent)
            parent = parent.rpartition("/")[0]
    return frozenset(found - {""})
