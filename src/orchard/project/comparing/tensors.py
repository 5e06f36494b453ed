"""Tensors that differ: by name, type and shape, from headers; by content where that is known or cheap to know."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from orchard.formats import IndexedFile
from orchard.insight import Tensor
from orchard.project.comparing.differences import TensorChange, TensorDiff, TensorFacts
from orchard.project.comparing.effort import Effort
from orchard.project.comparing.files import Holdings
from orchard.project.comparing.values import Kind

MAX_LISTED: Final = 1000  # tensors that are named; all are counted

_PIECE: Final = 4 << 20
_ORDER: Final = {kind: at for at, kind in enumerate((Kind.REMOVED, Kind.ADDED, Kind.CHANGED, Kind.UNKNOWN))}


@dataclass(frozen=True, slots=True)
class Weights:
    """One file of tensors.

    Attributes:
        file: The file.
        tensors: What is in it.
    """

    file: IndexedFile
    tensors: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class _Placed:
    file: IndexedFile
    tensor: Tensor

    @property
    def facts(self) -> TensorFacts:
        tensor = self.tensor
        return TensorFacts(self.file.path, tensor.dtype, tensor.shape, tensor.size)

    def name(self, *, full: bool) -> str:
        return f"{self.file.path}: {self.tensor.name}" if full else self.tensor.name


_Pair = tuple[str, _Placed, _Placed]


def compare_tensors(
    before: Iterable[Weights], after: Iterable[Weights], holdings: tuple[Holdings, Holdings], *, effort: Effort
) -> TensorDiff | None:
    """Compare the tensors of two versions; None if there are none.

    Args:
        before: Files of the first version.
        after: Files of the second version.
        holdings: Where the files of each are.
        effort: How much content may be read.

    Raises:
        OrchardError: If content cannot be read.
    """
    one, two = _by_name(before, after)
    if not one and not two:
        return None
    found = [TensorChange(Kind.REMOVED, name, before=one[name].facts) for name in one if name not in two]
    found += [TensorChange(Kind.ADDED, name, after=two[name].facts) for name in two if name not in one]
    alike: list[_Pair] = []
    for name, old in one.items():
        new = two.get(name)
        if new is None:
            continue
        if (old.tensor.dtype, old.tensor.shape) == (new.tensor.dtype, new.tensor.shape):
            alike.append((name, old, new))
        else:
            found.append(TensorChange(Kind.CHANGED, name, old.facts, new.facts))
    found += _compare_content(alike, holdings, effort)
    found.sort(key=lambda change: (_ORDER[change.kind], change.name))
    count = {kind: sum(change.kind is kind for change in found) for kind in Kind}
    return TensorDiff(
        added=count[Kind.ADDED],
        removed=count[Kind.REMOVED],
        changed=count[Kind.CHANGED],
        same=len(one) - count[Kind.REMOVED] - count[Kind.CHANGED] - count[Kind.UNKNOWN],
        unknown=count[Kind.UNKNOWN],
        parameters_before=sum(placed.tensor.elements for placed in one.values()),
        parameters_after=sum(placed.tensor.elements for placed in two.values()),
        listed=tuple(found[:MAX_LISTED]),
    )


def _by_name(before: Iterable[Weights], after: Iterable[Weights]) -> tuple[dict[str, _Placed], dict[str, _Placed]]:
    """Give the tensors of both versions by name; a name that one of them has twice gets its file before it."""
    sides = [[_Placed(one.file, tensor) for one in files for tensor in one.tensors] for files in (before, after)]
    twice: set[str] = set()
    for side in sides:
        seen: set[str] = set()
        for placed in side:
            (twice if placed.tensor.name in seen else seen).add(placed.tensor.name)
    named = [{placed.name(full=placed.tensor.name in twice): placed for placed in side} for side in sides]
    return named[0], named[1]


def _compare_content(
    pairs: Iterable[_Pair], holdings: tuple[Holdings, Holdings], effort: Effort
) -> Iterator[TensorChange]:
    left = inf if effort.tensors is None else effort.tensors
    counted = effort.tensor_reads is not None and any(one.distant for one in holdings)
    reads = effort.tensor_reads if counted and effort.tensor_reads is not None else inf
    for name, old, new in sorted(pairs, key=lambda pair: (pair[1].tensor.size, pair[0])):
        same = _known_same(old, new)
        if same is None and old.tensor.size and old.tensor.size <= left and reads > 0:
            left, reads = left - old.tensor.size, reads - 1
            same = _same_bytes(old, new, holdings)
        if not same:
            yield TensorChange(Kind.UNKNOWN if same is None else Kind.CHANGED, name, old.facts, new.facts)


def _known_same(old: _Placed, new: _Placed) -> bool | None:
    if old.tensor.offset is None or new.tensor.offset is None:
        # not plain bytes in these files; False would claim too much
        return None
    if old.tensor.size != new.tensor.size:
        return False
    if old.tensor.elements == 0:
        return True
    same_file = old.file.digest is not None and old.file.digest == new.file.digest
    return True if same_file and old.tensor.offset == new.tensor.offset else None


def _same_bytes(old: _Placed, new: _Placed, holdings: tuple[Holdings, Holdings]) -> bool | None:
    start, there = old.tensor.offset, new.tensor.offset
    if start is None or there is None:
        return None
    for at in range(0, old.tensor.size, _PIECE):
        size = min(_PIECE, old.tensor.size - at)
        if holdings[0].read(old.file, start + at, size) != holdings[1].read(new.file, there + at, size):
            return False
    return True


def weights_of(examined: Mapping[str, tuple[IndexedFile, object]]) -> list[Weights]:
    """Choose the files of tensors among those that were examined, by path."""
    found = []
    for path in sorted(examined):
        file, insight = examined[path]
        tensors = getattr(insight, "tensors", None)
        if isinstance(tensors, tuple):
            found.append(Weights(file, tensors))
    return found
