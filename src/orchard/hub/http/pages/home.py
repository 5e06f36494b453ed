"""The first page: what to search in, what came last, and the repositories."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from orchard.hub.access import Kind, Principal
from orchard.hub.http.pages import cells, text
from orchard.hub.http.pages.addresses import Pager
from orchard.hub.http.pages.ports import Registry
from orchard.hub.http.pages.rendering import Renderer
from orchard.hub.registry import Card, Page

REPOSITORIES: Final = 20  # on one page of the list
RECENT: Final = 6
MAX_QUERY: Final = 255
_BATCH: Final = 10_000  # names asked for at once; 1 ms a thousand
_KEYS: Final = ("format", "architecture", "family", "params", "precision", "quantization", "license")


@dataclass(frozen=True, slots=True)
class Glance:
    """A repository in the list.

    Attributes:
        params: How many parameters its newest model has; empty if that is not known.
        traits: Format, architecture and precision of that model, as far as they are known.
    """

    card: Card
    params: str
    traits: str


class HomePage:
    """Makes the first page."""

    def __init__(self, registry: Registry, renderer: Renderer, *, login: bool) -> None:
        self._registry = registry
        self._renderer = renderer
        self._login = login

    def show(self, request: Request, who: Principal) -> Response:
        """Show what came last and all repositories, or those whose names hold what is searched for."""
        query = request.query_params.get("q", "").strip()[:MAX_QUERY]
        wanted = query.lower()
        found = [name for name in self._names(who) if wanted in name]
        pager = Pager.of(request, REPOSITORIES, total=len(found), query=query)
        cards = self._registry.tabling.cards(who, found[pager.bounds], _KEYS)
        first = not query and pager.number == 1
        return self._renderer.page(
            request,
            "home.html",
            query=query,
            glances=[_glance(card) for card in cards],
            recent=self._registry.tabling.recent(who, limit=RECENT) if first and cards else [],
            total=len(found),
            pager=pager,
            login=self._login,
            stranger=self._login and who.kind is Kind.ANONYMOUS,
        )

    def _names(self, who: Principal) -> list[str]:
        names: list[str] = []
        while True:
            more = self._registry.names(who, Page(names[-1] if names else "", _BATCH))
            names += more
            if len(more) < _BATCH:
                return names


def _glance(card: Card) -> Glance:
    params = _first(card, "params")
    traits = [_first(card, "format") or card.latest.model_format, _first(card, "architecture")]
    traits += [_first(card, "quantization") or _first(card, "precision")]
    words = list(dict.fromkeys(text.clip(str(trait), 24) for trait in traits if trait))
    return Glance(card, text.parameters(params) if isinstance(params, float) else "", " · ".join(words))


def _first(card: Card, key: str) -> cells.Fact | None:
    values = card.facts.get(key)
    return values[0] if values else None
