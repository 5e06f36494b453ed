"""What versions that were found have in common, as links: each adds a term to the query, or takes it away."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from orchard.hub.registry import Common, Query, narrowed, widened

_TITLES: Final = {
    "format": "Format",
    "license": "Licence",
    "architecture": "Architecture",
    "framework": "Framework",
    "dataset": "Dataset",
    "kind": "Kind",
    "tag": "Tag",
    "namespace": "Namespace",
}
_OFTEN_UNLIKE: Final = ("dataset", "tag")  # most of their values say nothing: only what several versions share is shown
_LONGEST: Final = 300  # characters of a value that a link can ask for


@dataclass(frozen=True, slots=True)
class Choice:
    """One value.

    Attributes:
        url: Asks for it, or no longer asks for it; empty if the query would be too long.
        active: Whether the query asks for it.
    """

    value: str
    versions: int
    url: str
    active: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """Values of one field."""

    key: str
    title: str
    choices: Sequence[Choice]


def facets(common: Common, query: Query, address: Callable[[str], str]) -> list[Facet]:
    """Offer what tells the versions apart that were found, and what the query asks for already.

    Args:
        common: What they have in common.
        query: What found them.
        address: Gives the address of a query.
    """
    made = [
        Facet(key, title, [_choice(query, key, one, address=address) for one in common.values.get(key, ())])
        for key, title in _TITLES.items()
    ]
    shared = [_shared(facet) for facet in made]
    return [facet for facet in shared if _tells(facet, common)]


def _choice(query: Query, key: str, found: tuple[str, int], *, address: Callable[[str], str]) -> Choice:
    value, versions = found
    less = widened(query, key, value)
    if less is not None:
        return Choice(value, versions, address(less), active=True)
    more = narrowed(query, key, value) if len(value) <= _LONGEST else None
    return Choice(value, versions, "" if more is None else address(more), active=False)


def _shared(facet: Facet) -> Facet:
    if facet.key not in _OFTEN_UNLIKE:
        return facet
    return Facet(facet.key, facet.title, [one for one in facet.choices if one.active or one.versions > 1])


def _tells(facet: Facet, common: Common) -> bool:
    """Tell whether to choose one of its values would change anything."""
    return any(one.active or one.versions < common.total for one in facet.choices)
