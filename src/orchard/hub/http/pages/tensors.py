"""The tensors of a model, grouped by the module that they belong to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchard.insight import Tensor

MAX_SHOWN: Final = 2000  # tensors on one page
_BAR: Final = 100.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart.

    Attributes:
        count: Numbers.
        size: Bytes.
        width: How long it is, in hundredths.
    """

    name: str
    count: int
    size: int
    width: str


@dataclass(frozen=True, slots=True)
class Module:
    """Tensors that belong together.

    Attributes:
        tensors: Those of them that are shown.
    """

    bar: Bar
    tensors: "Sequence[Tensor]"


@dataclass(frozen=True, slots=True)
class Tensors:
    """All of them.

    Attributes:
        total: How many there are, or meet the search.
        shown: How many of these are shown.
        dtypes: How much there is of each type.
    """

    total: int
    shown: int
    dtypes: Sequence[Bar]
    modules: Sequence[Module]


def tensors_of(found: "Sequence[Tensor]", query: str) -> Tensors:
    """Group tensors whose names hold what is searched for."""
    wanted = query.lower()
    chosen = [tensor for tensor in found if wanted in tensor.name.lower()]
    groups: dict[str, list[Tensor]] = {}
    for tensor in chosen:
        groups.setdefault(module_of(tensor.name), []).append(tensor)
    types: dict[str, list[Tensor]] = {}
    for tensor in found:
        types.setdefault(tensor.dtype, []).append(tensor)
    bars = _bars(groups.items())
    left, modules = MAX_SHOWN, []
    for bar in bars:
        shown = groups[bar.name][: max(0, left)]
        left -= len(shown)
        modules.append(Module(bar, shown))
    dtypes = sorted(_bars(types.items()), key=lambda bar: -bar.size)
    return Tensors(len(chosen), min(len(chosen), MAX_SHOWN), dtypes, modules)


def module_of(name: str) -> str:
    """Give the module of a tensor: up to its first number (``model.layers.0``), else without its last word."""
    parts = name.split(".")
    number = next((at for at, part in enumerate(parts[:-1]) if part.isdecimal()), None)
    return ".".join(parts[: len(parts) - 1 if number is None else number + 1]) or name


def _bars(groups: "Iterable[tuple[str, Sequence[Tensor]]]") -> list[Bar]:
    made = [(name, sum(one.elements for one in held), sum(one.size for one in held)) for name, held in groups]
    most = max((size or count for _, count, size in made), default=0) or 1
    return [Bar(name, count, size, f"{max(0.5, _BAR * (size or count) / most):.1f}") for name, count, size in made]
