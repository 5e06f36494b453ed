"""Comparing two versions: their layers, their files, their Kitfiles and what else their manifests say.

Layers are compared by digest, so nothing of the same layer is looked at twice. Of the layers that differ, the file
indexes are compared; content is read only where two files have one size and no digest is known, and only so much of it
as the caller allows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Protocol

from msgspec.structs import replace

from orchard.errors import NotFoundError
from orchard.formats import FileIndex, IndexedFile, Layer, to_value
from orchard.oci import JSON, Digest, Reference
from orchard.project.comparing.differences import FileDiff, Sections
from orchard.project.comparing.effort import USUAL, Effort
from orchard.project.comparing.files import ContentComparison, FileChange, Holdings, diff_file
from orchard.project.comparing.holdings import StoredHoldings
from orchard.project.comparing.sections import Subject, compare_sections
from orchard.project.comparing.values import Change, Kind, changes, flatten
from orchard.project.indexcache import IndexCache
from orchard.project.indexing import Indexer
from orchard.project.versions import Version
from orchard.store import Store

_PREFIXES: Final = {"local://": False, "remote://": True}
_SHOWN: Final = 200  # characters of a path in a message


class Level(Enum):
    """How deep to look."""

    LAYERS = "layers"
    FILES = "files"
    KITFILE = "kitfile"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two versions, and what it holds.

    Attributes:
        name: What it was called.
        version: The version.
        holdings: What its layers hold.
    """

    name: str
    version: Version
    holdings: Holdings


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
        sections: The same by what people ask: licences, parameters, metrics, data, model, code, prompts, docs; without
            files where those were not compared, None where Kitfiles were not.
    """

    first: Side
    second: Side
    shared: tuple[Layer, ...] = ()
    only_first: tuple[Layer, ...] = ()
    only_second: tuple[Layer, ...] = ()
    kitfile: tuple[Change, ...] | None = None
    annotations: tuple[Change, ...] = ()
    files: tuple[FileChange, ...] | None = None
    sections: Sections | None = None

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
    indexer = Indexer(source, cache=IndexCache.beside(finder.home, source))
    return Side(str(reference), version, StoredHoldings(source, indexer, distant=hasattr(source, "host")))


def compare(first: Side, second: Side, *, level: Level = Level.ALL, effort: Effort = USUAL) -> Comparison:
    """Compare two versions.

    Args:
        first: The one that changes are counted from.
        second: The one that they lead to.
        level: How deep to look.
        effort: How much may be read.

    Raises:
        OrchardError: As the holdings raise it.
    """
    one, two = first.version, second.version
    shared, only_first, only_second = _layers(one.kit.layers, two.kit.layers)
    kitfile = files = sections = None
    if level in {Level.KITFILE, Level.ALL}:
        kitfile = tuple(changes(flatten(to_value(one.kit.kitfile)), flatten(to_value(two.kit.kitfile))))
    try:
        if level in {Level.FILES, Level.ALL}:
            files = tuple(_files(first, second, only=(only_first, only_second), content=effort.content))
        if kitfile is not None:
            subjects = (Subject(one, first.holdings), Subject(two, second.holdings))
            sections = compare_sections(*subjects, kitfile=kitfile, files=files or (), effort=effort)
    finally:
        first.holdings.close()
        second.holdings.close()
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
        sections=sections,
    )


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
) -> Sequence[FileChange]:
    before = FileIndex((layer, first.holdings.index(layer)) for layer in only[0])
    after = FileIndex((layer, second.holdings.index(layer)) for layer in only[1])
    found = [FileChange(Kind.ADDED, file.path, after=file) for file in after if before.find(file.path) is None]
    pairs: list[tuple[IndexedFile, IndexedFile]] = []
    for old in before:
        new = after.find(old.path)
        if new is None:
            found.append(FileChange(Kind.REMOVED, old.path, before=old))
        else:
            pairs.append((old, new))
    found += ContentComparison(first.holdings, second.holdings, content).compare(pairs)
    return sorted(found, key=lambda change: change.path)


def compare_file(first: Side, second: Side, path: str, *, effort: Effort = USUAL) -> FileDiff:
    """Compare one file of two versions, line by line if it is a text; layers that both have are not looked into.

    Args:
        first: The one that changes are counted from.
        second: The one that they lead to.
        path: Below the directory that the versions are unpacked into.
        effort: How much may be read.

    Raises:
        NotFoundError: If it is the same in both versions, or in none.
        OrchardError: As the holdings raise it.
    """
    _, *only = _layers(first.version.kit.layers, second.version.kit.layers)
    sides = (first, second)
    try:
        old, new = (
            FileIndex((layer, one.holdings.index(layer)) for layer in layers).find(path)
            for one, layers in zip(sides, only, strict=True)
        )
        change = _change(old, new, ContentComparison(first.holdings, second.holdings, effort.content))
        if change is None:
            raise NotFoundError(f"{path[:_SHOWN]!r} is the same in both versions, or in none of them")
        return diff_file(change, first.holdings, second.holdings)
    finally:
        first.holdings.close()
        second.holdings.close()


def _change(old: IndexedFile | None, new: IndexedFile | None, contents: ContentComparison) -> FileChange | None:
    if old is None:
        return None if new is None else FileChange(Kind.ADDED, new.path, after=new)
    if new is None:
        return FileChange(Kind.REMOVED, old.path, before=old)
    return next(contents.compare([(old, new)]), None)
