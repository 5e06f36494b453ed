"""Comparing two versions: their layers, their files, their Kitfiles and what else their manifests say.

Layers are compared by digest, so nothing of the same layer is looked at twice. Of the layers that differ, the file
indexes are compared; content is read only where two files have one size and no digest is known, and only so much of it
as the caller allows.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Protocol

from msgspec.structs import replace

from orchard.errors import NotFoundError
from orchard.formats import FileIndex, IndexedFile, Layer, to_value
from orchard.oci import JSON, Descriptor, Digest, Hasher, Reference
from orchard.project.indexcache import IndexCache
from orchard.project.indexing import Indexer
from orchard.project.versions import Version
from orchard.store import Ranged, Source, Store

CONTENT: Final = 64 << 20  # bytes of content that are read by default

_PIECE: Final = 4 << 20
_PREFIXES: Final = {"local://": False, "remote://": True}
_KEYS: Final = ("name", "path")  # what entries of a list are known by


class Level(Enum):
    """How deep to look."""

    LAYERS = "layers"
    FILES = "files"
    KITFILE = "kitfile"
    ALL = "all"


class Kind(Enum):
    """What became of something from the first version to the second."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    UNKNOWN = "unknown"  # same size, content not compared


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs.

    Attributes:
        kind: What became of it.
        path: Where it is, such as ``model.parameters.lr`` or ``datasets[train].path``; of an annotation, its key.
        before: Its value in the first version; None if it was added.
        after: Its value in the second version; None if it was removed.
    """

    kind: Kind
    path: str
    before: JSON = None
    after: JSON = None


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that differs.

    Attributes:
        kind: What became of it.
        path: Below the directory that the versions are unpacked into.
        before: The file in the first version; None if it was added.
        after: The file in the second version; None if it was removed.
    """

    kind: Kind
    path: str
    before: IndexedFile | None = None
    after: IndexedFile | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two versions, and where it is.

    Attributes:
        name: What it was called.
        version: The version.
        source: Where its layers are.
        indexer: Lists what they hold.
    """

    name: str
    version: Version
    source: Source
    indexer: Indexer


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two versions differ.

    Attributes:
        first: The one that changes are counted from.
        second: The one that they lead to.
        shared: Layers of both.
        only_first: Layers of the first alone.
        only_second: Layers of the second alone.
        kitfile: What differs in the Kitfiles; None if they were not compared.
        annotations: What differs in the annotations of the manifests, provenance among them.
        files: What differs in the files; None if they were not compared.
    """

    first: Side
    second: Side
    shared: tuple[Layer, ...] = ()
    only_first: tuple[Layer, ...] = ()
    only_second: tuple[Layer, ...] = ()
    kitfile: tuple[Change, ...] | None = None
    annotations: tuple[Change, ...] = ()
    files: tuple[FileChange, ...] | None = None

    @property
    def identical(self) -> bool:
        """Whether both are one version."""
        return self.first.version.digest == self.second.version.digest

    @property
    def same_config(self) -> bool:
        """Whether both have one config."""
        return self.first.version.manifest.config.digest == self.second.version.manifest.config.digest


class Finder(Protocol):
    """Finds versions: a workspace."""

    home: Path

    def find(self, reference: Reference, *, remote: bool | None = None) -> tuple[Version, Store]:
        """Find a version in the local store, in its registry, or in the one and then in the other."""
        ...


def side(finder: Finder, name: str) -> Side:
    """Find one of two versions: ``local://`` and ``remote://`` say where; without, it is the local store that is first.

    Raises:
        NotFoundError: If it is not there.
        OrchardError: As ``Finder.find``.
    """
    remote = next((where for prefix, where in _PREFIXES.items() if name.startswith(prefix)), None)
    reference = Reference.parse(name.removeprefix("local://").removeprefix("remote://")).or_latest()
    try:
        version, source = finder.find(reference, remote=remote)
    except NotFoundError:
        bare = reference.repository.removeprefix("localhost/")
        if remote or not reference.is_local or bare == reference.repository:
            raise
        # kit compares local versions only under this name
        reference = replace(reference, repository=bare)
        version, source = finder.find(reference, remote=False)
    return Side(str(reference), version, source, Indexer(source, cache=IndexCache.beside(finder.home, source)))


def compare(first: Side, second: Side, *, level: Level = Level.ALL, every_byte: bool = False) -> Comparison:
    """Compare two versions.

    Args:
        first: The one that changes are counted from.
        second: The one that they lead to.
        level: How deep to look.
        every_byte: Whether all content is read where nothing else tells, and not only ``CONTENT`` bytes of it.

    Raises:
        OrchardError: As the sources raise it, and as ``Indexer``.
    """
    one, two = first.version, second.version
    shared, only_first, only_second = _layers(one.kit.layers, two.kit.layers)
    kitfile = files = None
    if level in {Level.KITFILE, Level.ALL}:
        kitfile = tuple(changes(flatten(to_value(one.kit.kitfile)), flatten(to_value(two.kit.kitfile))))
    if level in {Level.FILES, Level.ALL}:
        files = tuple(_files(first, second, only=(only_first, only_second), content=None if every_byte else CONTENT))
    noted = tuple(changes(dict[str, JSON](one.manifest.annotations), dict[str, JSON](two.manifest.annotations)))
    return Comparison(
        first,
        second,
        shared=shared,
        only_first=only_first,
        only_second=only_second,
        kitfile=kitfile,
        annotations=noted,
        files=files,
    )


def flatten(value: JSON, path: str = "") -> dict[str, JSON]:
    """Give every leaf of a value by its path: keys with dots between, entries of lists by name, else by path or number.

    A list of plain values is one leaf, an empty list or object too.
    """
    if isinstance(value, dict) and value:
        found: dict[str, JSON] = {}
        for key, item in value.items():
            found |= flatten(item, f"{path}.{key}" if path else key)
        return found
    if isinstance(value, list) and value and any(isinstance(item, dict | list) for item in value):
        found = {}
        for key, item in zip(_names(value), value, strict=True):
            found |= flatten(item, f"{path}[{key}]")
        return found
    return {path: value}


def changes(before: dict[str, JSON], after: dict[str, JSON]) -> Iterator[Change]:
    """Compare flat values, by path; numbers are equal if they are the same number, however they are written."""
    for path in sorted(before.keys() | after.keys()):
        if path not in before:
            yield Change(Kind.ADDED, path, after=after[path])
        elif path not in after:
            yield Change(Kind.REMOVED, path, before=before[path])
        elif not _same(before[path], after[path]):
            yield Change(Kind.CHANGED, path, before[path], after[path])


def _names(items: list[JSON]) -> list[str]:
    """Name the entries of a list: by what they are called, if no two are called the same."""
    for key in _KEYS:
        names = [item.get(key) if isinstance(item, dict) else None for item in items]
        texts = [name for name in names if isinstance(name, str) and name]
        if len(set(texts)) == len(items):
            return texts
    return [str(number) for number in range(len(items))]


def _same(one: JSON, two: JSON) -> bool:
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_same, one, two))
    return one == two


def _layers(
    first: tuple[Layer, ...], second: tuple[Layer, ...]
) -> tuple[tuple[Layer, ...], tuple[Layer, ...], tuple[Layer, ...]]:
    """Tell which layers both have: the same bytes at the same place."""
    keys = {_key(layer) for layer in first} & {_key(layer) for layer in second}
    return (
        tuple(layer for layer in first if _key(layer) in keys),
        tuple(layer for layer in first if _key(layer) not in keys),
        tuple(layer for layer in second if _key(layer) not in keys),
    )


def _key(layer: Layer) -> tuple[Digest, str]:
    # A tar says itself where its files belong, a bare file does not; nor does the tar of an old kit.
    return layer.descriptor.digest, layer.path


def _files(
    first: Side, second: Side, *, only: tuple[tuple[Layer, ...], tuple[Layer, ...]], content: int | None
) -> Iterator[FileChange]:
    before = FileIndex((layer, first.indexer.index(layer)) for layer in only[0])
    after = FileIndex((layer, second.indexer.index(layer)) for layer in only[1])
    found = [FileChange(Kind.ADDED, file.path, after=file) for file in after if before.find(file.path) is None]
    pairs: list[tuple[IndexedFile, IndexedFile]] = []
    for old in before:
        new = after.find(old.path)
        if new is None:
            found.append(FileChange(Kind.REMOVED, old.path, before=old))
        else:
            pairs.append((old, new))
    found += _Contents(first.source, second.source, content).compare(pairs)
    return iter(sorted(found, key=lambda change: change.path))


@dataclass(slots=True)
class _Contents:
    """Compares the content of files, the smallest first, until it has read as much as it may."""

    first: Source
    second: Source
    left: int | None

    def compare(self, pairs: Iterable[tuple[IndexedFile, IndexedFile]]) -> Iterator[FileChange]:
        for old, new in sorted(pairs, key=lambda pair: pair[0].size):
            same = self._is_same(old, new)
            if same is None:
                yield FileChange(Kind.UNKNOWN, old.path, old, new)
            elif not same:
                yield FileChange(Kind.CHANGED, old.path, old, new)

    def _is_same(self, old: IndexedFile, new: IndexedFile) -> bool | None:
        if old.mode & 0o777 != new.mode & 0o777 or old.size != new.size:
            return False
        if not old.size or (old.digest is not None and old.digest == new.digest):
            return True
        if old.digest is not None and new.digest is not None:
            return False
        if self.left is not None and old.size > self.left:
            return None
        return self._read_both(old, new)

    def _read_both(self, old: IndexedFile, new: IndexedFile) -> bool:
        """Read two files side by side, and stop where they differ; one whose digest is known is not read."""
        if old.digest is not None or new.digest is not None:
            source, file, known = (self.second, new, old) if new.digest is None else (self.first, old, new)
            hasher = Hasher(str(known.digest).partition(":")[0])
            for piece in self._pieces(source, file):
                hasher.update(piece)
            return str(hasher.digest) == known.digest
        sides = zip(self._pieces(self.first, old), self._pieces(self.second, new), strict=True)
        return all(one == two for one, two in sides)

    def _pieces(self, source: Source, file: IndexedFile) -> Iterator[bytes]:
        read = _reader(source, file.layer.descriptor)
        for start in range(0, file.size, _PIECE):
            size = min(_PIECE, file.size - start)
            if self.left is not None:
                self.left -= size
            yield read(file.offset + start, size)


def _reader(source: Source, content: Descriptor) -> Callable[[int, int], bytes]:
    assert isinstance(source, Ranged)  # every store is; and a layer that is compressed was hashed when it was listed
    return lambda offset, size: source.read_range(content, offset, size)
