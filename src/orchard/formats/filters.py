"""Choosing layers of a kit: the ``--filter`` of KitOps.

    filter = type *( "," type ) [ ":" value *( "," value ) ]
    type   = "kitfile" | "model" | "datasets" | "code" | "docs" | "prompts" | "mcpservers"
    value  = the name or the path of an entry

Several filters are alternatives. ``model`` takes the parts of the model along. A path may be written in any way that
means the same (KitOps compares its text only).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from orchard.errors import UnsafePathError, UsageError
from orchard.formats.kitpath import clean_path
from orchard.formats.layertype import LayerKind
from orchard.formats.modelkit import Layer

KITFILE: Final = "kitfile"
_KINDS: Final[dict[str, frozenset[LayerKind]]] = {
    KITFILE: frozenset(),
    "model": frozenset((LayerKind.MODEL, LayerKind.PART)),
    "datasets": frozenset((LayerKind.DATASET,)),
    "code": frozenset((LayerKind.CODE,)),
    "docs": frozenset((LayerKind.DOCS,)),
    "prompts": frozenset((LayerKind.PROMPT,)),
    "mcpservers": frozenset((LayerKind.MCP_SERVER,)),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter.

    Attributes:
        kinds: Of the layers that it takes.
        values: Names and paths of those that it takes; all of its kinds if there are none.
        kitfile: Whether it takes the Kitfile itself.
    """

    kinds: frozenset[LayerKind]
    values: frozenset[str] = frozenset()
    kitfile: bool = False

    def selects(self, layer: Layer) -> bool:
        """Tell whether it takes a layer."""
        if self.names(layer.kind, path=layer.path, name=layer.name):
            return True
        return bool(layer.entry) and self.names(layer.kind, path=layer.entry, name=layer.name)

    def names(self, kind: LayerKind, *, path: str, name: str) -> bool:
        """Tell whether it takes an entry."""
        if kind not in self.kinds:
            return False
        if not self.values or path in self.values or (name and name in self.values):
            return True
        return _clean(path) in {_clean(value) for value in self.values}


@dataclass(frozen=True, slots=True)
class Filters:
    """Any number of filters; without one, everything is taken."""

    filters: tuple[Filter, ...] = ()

    @property
    def kitfile(self) -> bool:
        """Whether the Kitfile is taken."""
        return not self.filters or any(one.kitfile for one in self.filters)

    def selects(self, layer: Layer) -> bool:
        """Tell whether a layer is taken."""
        return not self.filters or any(one.selects(layer) for one in self.filters)

    def within(self, kind: str) -> "Filters | None":
        """Take only layers of one type, such as ``model``, of what is taken; None if nothing can be left."""
        kinds = _KINDS[kind]
        if not self.filters:
            return Filters((Filter(kinds),))
        left = tuple(Filter(one.kinds & kinds, one.values) for one in self.filters if one.kinds & kinds)
        return Filters(left) if left else None

    def names(self, kind: LayerKind, *, path: str, name: str) -> bool:
        """Tell whether an entry is asked for by its type, path or name, whether it has a layer or not."""
        return not self.filters or any(one.names(kind, path=path, name=name) for one in self.filters)


def parse_filter(text: str) -> Filter:
    """Read one filter.

    Raises:
        UsageError: If it breaks the grammar.
    """
    types, _, rest = text.partition(":")
    if ":" in rest:
        raise UsageError(f"invalid filter {text[:128]!r}: should be <type1>,<type2>[:<value1>,<value2>]")
    words = types.split(",")
    for word in words:
        if word not in _KINDS:
            raise UsageError(f"invalid filter type {word[:64]!r} (must be one of {', '.join(_KINDS)})")
    kinds = frozenset[LayerKind]().union(*(_KINDS[word] for word in words))
    return Filter(kinds, frozenset(rest.split(",")) - {""}, kitfile=KITFILE in words)


def parse_filters(texts: Iterable[str]) -> Filters:
    """Read the filters of a command line.

    Raises:
        UsageError: If one of them breaks the grammar.
    """
    return Filters(tuple(parse_filter(text) for text in texts))


def _clean(path: str) -> str:
    try:
        return clean_path(path)
    except UnsafePathError:
        return path
