"""Comparing two versions that the hub keeps, out of what it found out about them already."""

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from threading import BoundedSemaphore, Lock
from typing import Final

import msgspec

from orchard.errors import OrchardError, UnsupportedError
from orchard.formats import IndexedFile, Kitfile, Layer, LayerFile, LayerFiles, ModelKit
from orchard.hub.registry.contents import Contents
from orchard.insight import Insight
from orchard.oci import Digest, Manifest
from orchard.project import (
    Change,
    Effort,
    FileDiff,
    Level,
    Sections,
    Side,
    StoredHoldings,
    Version,
    bounded,
    compare,
    compare_file,
)

ROOM: Final = 32 << 20  # bytes of results that are kept, as JSON
EFFORT: Final = Effort(content=16 << 20, tensors=8 << 20, tensor_reads=64, texts=100, lines=20_000, tables=None)
UNPACKED: Final = 32 << 20  # bytes of a compressed layer that is unpacked to read texts in it
_AT_A_TIME: Final = 2  # comparisons: each keeps a core busy
_REASONS: Final = 5
MOST: Final = 1000  # entries of each list of a result


@dataclass(frozen=True, slots=True)
class VersionComparison:
    """How two versions of the hub differ. It says nothing of where they are, so it is the same for everybody.

    Attributes:
        sections: What people ask; of files only what is known.
        annotations: What differs in the annotations of the manifests.
        shared: Layers of both.
        only_base: Layers of the base alone.
        only_head: Layers of the head alone.
        notes: What could not be compared, and why.
    """

    sections: Sections
    annotations: tuple[Change, ...]
    shared: tuple[Layer, ...]
    only_base: tuple[Layer, ...]
    only_head: tuple[Layer, ...]
    notes: tuple[str, ...] = ()


class Comparer:
    """Compares versions, and keeps results: versions never change. Safe to use from many threads.

    Args:
        room: Bytes of results to keep.
    """

    def __init__(self, *, room: int = ROOM) -> None:
        self._room = room
        self._kept: OrderedDict[tuple[Digest, Digest], tuple[VersionComparison, int]] = OrderedDict()
        self._used = 0
        self._lock = Lock()
        self._turns = BoundedSemaphore(_AT_A_TIME)

    def compare(self, base: Contents, head: Contents) -> VersionComparison:
        """Compare two versions; having both is the permission.

        Raises:
            UnsupportedError: If one is an index of several.
            InvalidError: If one cannot be read.
            NotFoundError: If bytes of one are not there.
            StorageError: If the catalog or the storage fails.
        """
        pair = base.digest, head.digest
        with self._lock:
            if pair in self._kept:
                self._kept.move_to_end(pair)
                return self._kept[pair][0]
        with self._turns:
            found, final = _compare(base, head)
        if final:
            self._keep(pair, found)
        return found

    def file(self, base: Contents, head: Contents, path: str) -> FileDiff:
        """Compare one file of two versions, line by line if it is a text.

        Raises:
            NotFoundError: If it is the same in both, or in none.
            OrchardError: As ``compare``.
        """
        with self._turns:
            return compare_file(_side(base), _side(head), path, effort=EFFORT)

    def _keep(self, pair: tuple[Digest, Digest], found: VersionComparison) -> None:
        size = len(msgspec.json.encode((found.sections, found.annotations)))
        with self._lock:
            if size > self._room or pair in self._kept:
                return
            self._kept[pair] = found, size
            self._used += size
            while self._used > self._room:
                self._used -= self._kept.popitem(last=False)[1][1]


def _compare(base: Contents, head: Contents) -> tuple[VersionComparison, bool]:
    """Compare, and tell whether the result is final; where files of one are not known, none are compared."""
    one, two = _side(base), _side(head)
    kept = [{_place(layer) for layer in contents.layers} for contents in (base, head)]
    gaps = [
        gap
        for contents, others in ((base, kept[1]), (head, kept[0]))
        for gap in contents.gaps()
        if _place(gap.layer) not in others
    ]
    found = compare(one, two, level=Level.KITFILE if gaps else Level.ALL, effort=EFFORT)
    assert found.sections is not None
    notes = [f"files were not compared: {gap.layer.path}: {gap.why}" for gap in gaps[:_REASONS]]
    sections, left_out = bounded(found.sections, MOST)
    notes += [f"{name}: {count} more differ and are not listed" for name, count in left_out.items()]
    result = VersionComparison(
        sections,
        found.annotations,
        shared=found.shared,
        only_base=found.only_first,
        only_head=found.only_second,
        notes=tuple(notes),
    )
    return result, all(gap.final for gap in gaps)


def _place(layer: Layer) -> tuple[Digest, str]:
    return layer.descriptor.digest, layer.path


def _side(contents: Contents) -> Side:
    """Give a version as one side of a comparison.

    Raises:
        UnsupportedError: If it is an index.
    """
    document = contents.document
    if not isinstance(document, Manifest):
        raise UnsupportedError(f"{contents.digest} is an index of several versions; compare one of those that it lists")
    kit = contents.kit or ModelKit(Kitfile(), tuple(contents.layers))
    return Side(str(contents.digest), Version(document.describe(), document, kit), _Holdings(contents))


def _is_distant(contents: Contents) -> bool:
    """Tell whether layers are in a bucket, and not on a disk."""
    try:
        return any(contents.blobs.content(layer.descriptor).file is None for layer in contents.layers[:1])
    except OrchardError:  # whoever reads it hears why
        return True


class _Holdings(StoredHoldings):
    """What a version holds, as the hub knows it."""

    def __init__(self, contents: Contents) -> None:
        super().__init__(contents.blobs, self, distant=_is_distant(contents), unpacked=UNPACKED)
        self._contents = contents

    def index(self, layer: Layer, /) -> LayerFiles:
        """List what a layer holds, as far as the hub has looked into it."""
        return LayerFiles(tuple(self._files.get(_place(layer), ())))

    def examine(self, file: IndexedFile) -> Insight | None:
        """Give what the hub found out about a file."""
        return self._insights.get(file.path)

    @cached_property
    def _files(self) -> dict[tuple[Digest, str], list[LayerFile]]:
        found: dict[tuple[Digest, str], list[LayerFile]] = {}
        for file in self._contents.files():
            listed = LayerFile(file.path, file.size, file.mode, file.offset, file.digest)
            found.setdefault(_place(file.layer), []).append(listed)
        return found

    @cached_property
    def _insights(self) -> dict[str, Insight]:
        return self._contents.insights()
