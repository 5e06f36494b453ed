"""The pages of the manual: what there is, and one page for each chapter."""

import re
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Final

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from orchard.errors import NotFoundError
from orchard.hub.access import Principal
from orchard.hub.http.pages.addresses import Place
from orchard.hub.http.pages.apidocs.manual import Chapter, Manual
from orchard.hub.http.pages.rendering import Link, Renderer
from orchard.hub.http.pages.sections import Door

PATH: Final = "/docs/api"
_LONGEST: Final = 100  # characters of what is looked for
_REMEMBERED: Final = 64  # chapters, each for one address of the hub: 60 KB
_CODE: Final = re.compile(r"`([^`]+)`")


class ApiDocs:
    """The manual of the JSON API.

    Args:
        document: Gives the OpenAPI document; asked for once, when the first page is.
        login: Whether clients log in at this hub.
    """

    def __init__(self, document: Callable[[], bytes], *, login: bool) -> None:
        self._document = document
        self._login = login

    def links(self, _: Principal, /) -> Sequence[Link]:
        """Lead here from the foot of every page."""
        return (Link("API", PATH, foot=True),)

    def doors(self, renderer: Renderer, /) -> Sequence[Door]:
        """Make the pages; what is the same for everybody is rendered once."""

        @lru_cache(_REMEMBERED)
        def body(slug: str, hub: str) -> Markup:
            return renderer.fragment(
                "apidocs-entries.html", chapter=self._chapter(slug), hub=hub, login=self._login, inline=inline
            )

        def contents(request: Request, _: Principal) -> Response:
            query = request.query_params.get("q", "")[:_LONGEST]
            return renderer.page(
                request,
                "apidocs.html",
                manual=self._manual,
                inline=inline,
                about=_prose(self._manual.about),
                query=query,
                found=self._found(query),
            )

        def chapter(request: Request, _: Principal) -> Response:
            found = self._chapter(request.path_params["chapter"])
            place = Place.of(request)
            hub = f"{'https' if place.secure else 'http'}://{place.host}"
            return renderer.page(
                request, "apidocs-chapter.html", manual=self._manual, chapter=found, body=body(found.slug, hub)
            )

        return [Door(PATH, contents), Door(PATH + "/{chapter}", chapter)]

    @cached_property
    def _manual(self) -> Manual:
        return Manual.parse(self._document())

    def _chapter(self, slug: str) -> Chapter:
        found = self._manual.chapter(slug)
        if found is None:
            raise NotFoundError(f"the API has no chapter {slug[:_LONGEST]}; {PATH} lists those that there are")
        return found

    def _found(self, query: str) -> Sequence[tuple[Chapter, Sequence[object]]]:
        """Choose the operations in which all words of a query are, by chapter."""
        words = query.lower().split()
        chosen = [(one, [entry for entry in one.entries if entry.has(words)]) for one in self._manual.chapters]
        return [(one, entries) for one, entries in chosen if entries]


def inline(text: str) -> Markup:
    """Show what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 -- escaped just before


def _prose(text: str) -> Markup:
    """Show paragraphs."""
    return Markup("").join(Markup("<p>{}</p>").format(inline(one)) for one in text.strip().split("\n\n"))
