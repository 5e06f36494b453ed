"""The first page: what to search in, what was done lately, and the repositories."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from orchard.hub.access import Kind, Principal
from orchard.hub.http.pages.addresses import search_url
from orchard.hub.http.pages.forms import onward
from orchard.hub.http.pages.glances import Shelf, news
from orchard.hub.http.pages.ports import Registry
from orchard.hub.http.pages.rendering import Renderer

RECENT: Final = 6


class HomePage:
    """Makes the first page."""

    def __init__(self, registry: Registry, renderer: Renderer, *, login: bool) -> None:
        self._registry = registry
        self._renderer = renderer
        self._login = login

    def show(self, request: Request, who: Principal) -> Response:
        """Show what was done lately and the repositories; whoever comes to search goes where that is done."""
        asked = request.query_params
        if asked.get("q", "").strip():
            return onward(search_url(asked["q"]))
        showcase = self._registry.showcase
        shelf = Shelf.of(self._registry, request, who)
        first = shelf.glances and not shelf.earlier and "before" not in asked
        return self._renderer.page(
            request,
            "home.html",
            shelf=shelf,
            recent=[news(one) for one in showcase.lately(who, limit=RECENT)] if first else [],
            login=self._login,
            stranger=self._login and who.kind is Kind.ANONYMOUS,
        )
