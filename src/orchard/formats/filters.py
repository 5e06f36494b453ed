"""Filters: which parts of a kit somebody wants (KitOps notes 3.5).

    filter = type *( "," type ) [ ":" value *( "," value ) ]
    type   = "kitfile" | "model" | "datasets" | "code" | "docs" | "prompts" | "mcpservers"

A value is the name of an entry or its path. Several filters add up; no filter at all selects everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from orchard.errors import UnsafePathError, UsageError
from orchard.formats.kitpath import clean_path
from orchard.formats.layertype import LayerKind
from orchard.formats.modelkit import Layer

_KITFILE: Final = "kitfile"
_KINDS: Final = {
    "model": (LayerKind.MODEL, LayerKind.PART),
    "datasets": (LayerKind.DATASET,),
    "code": (LayerKind.CODE,),
    "docs": (LayerKind.DOCS,),
    "prompts": (LayerKind.PROMPT,),
    "mcpservers": (LayerKind.MCP_SERVER,),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter.

    Attributes:
        types: Words before the colon.
        values: Names and paths after it; none selects all entries of the types.
    """

    types: tuple[str, ...]
    values: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one filter.

        Raises:
            UsageError: If it breaks the grammar.
        """
        words, colon, rest = text.partition(":")
        if ":" in rest or (colon and not rest):
            raise UsageError(f"invalid filter {text!r}: should be in format <type1>,<type2>[:<filter1>,<filter2>]")
        types = tuple(word.strip() for word in words.split(","))
        for word in types:
            if word != _KITFILE and word not in _KINDS:
                known = ", ".join((_KITFILE, *_KINDS))
                raise UsageError(f"invalid filter type {word!r} (must be one of {known})")
        return cls(types, tuple(rest.split(",")) if colon else ())

    def selects(self, layer: Layer) -> bool:
        """Tell whether this filter selects a layer."""
        if not any(layer.kind in _KINDS.get(word, ()) for word in self.types):
            return False
        return not self.values or any(_names(value, layer) for value in self.values)


@dataclass(frozen=True, slots=True)
class Filters:
    """Any number of filters.

    Attributes:
        each: The filters; none selects everything.
    """

    each: tuple[Filter, ...] = ()

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Self:
        """Read filters.

        Raises:
            UsageError: If one breaks the grammar.
        """
        return cls(tuple(Filter.parse(text) for text in texts))

    @property
    def kitfile(self) -> bool:
        """Whether the Kitfile is selected."""
        return not self.each or any(_KITFILE in one.types for one in self.each)

    def wants(self, kind: LayerKind) -> bool:
        """Tell whether any layer of a kind could be selected."""
        return not self.each or any(kind in _KINDS.get(word, ()) for one in self.each for word in one.types)

    def selects(self, layer: Layer) -> bool:
        """Tell whether a layer is selected."""
        return not self.each or any(one.selects(layer) for one in self.each)


def _names(value: str, layer: Layer) -> bool:
    if value in {layer.name, layer.path}:
        return True
    try:
        return clean_path(value) == clean_path(layer.path)
    except UnsafePathError:
        return False
