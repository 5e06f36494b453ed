"""Parts of the site beside the repositories: each has its pages, and its links in the head of all pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response

from orchard.hub.access import Principal
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.live import Stream
from orchard.hub.http.pages.rendering import Link, Renderer

MOST: Final = 64  # characters of a name that is asked for


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who looks at a page."""

    request: Request
    who: Principal

    def asked(self, name: str, most: int = MOST) -> str:
        """Give a parameter of the query, without blanks around it."""
        return self.request.query_params.get(name, "").strip()[:most]

    def place(self, name: str) -> str:
        """Give a parameter of the path."""
        return str(self.request.path_params[name])


@dataclass(frozen=True, slots=True)
class Door:
    """One page. Both views run in a thread, may wait, and raise an ``OrchardError`` where something may not be.

    Somebody who has not logged in and may not see a page is sent to log in, and comes back to it.

    Attributes:
        path: Its address, with parameters as Starlette writes them: ``/admin/users/{user}``.
        show: Shows it.
        take: Takes a form that was filled in there, if there is one. Ends with ``forms.onward`` to a page that shows
            what has changed; or shows the page again, with what was typed and why it cannot be.
    """

    path: str
    show: Callable[[Request, Principal], Response]
    take: Callable[[Request, Principal, Form], Response] | None = None


class Section(Protocol):
    """Pages that belong together."""

    def links(self, who: Principal, /) -> Sequence[Link]:
        """Give what stands in the head of every page for somebody; asked for each page, so it must not wait long."""
        ...

    def doors(self, renderer: Renderer, /) -> Sequence[Door | Stream]:
        """Make the pages, and where they are told that something on them has changed."""
        ...
