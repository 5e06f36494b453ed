"""The pages as a whole: their routes, and what is shown instead of a page."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from orchard.errors import DeniedError, OrchardError, UnauthenticatedError
from orchard.hub.access import Kind, Principal
from orchard.hub.http.pages.answers import ELSEWHERE, UNFORESEEN, WRONG_METHOD, problem_of
from orchard.hub.http.pages.assets import PREFIX, Assets
from orchard.hub.http.pages.forms import Form, onward
from orchard.hub.http.pages.live import Live, Stream
from orchard.hub.http.pages.ports import Registry
from orchard.hub.http.pages.rendering import Link, Renderer
from orchard.hub.http.pages.sections import Door, Section
from orchard.hub.http.pages.signing import OUT, PATH, WELCOME, SignIn, Signing, login_url
from orchard.hub.http.pages.views import Views

STATIC: Final = Path(__file__).parent.parent / "static"


@cache
def _files() -> Assets:
    """Read what pages need; once in a process, for it never changes."""
    return Assets(STATIC)


class Pages:
    """The pages of one hub.

    Args:
        registry: What is shown.
        now: The time.
        login: Whether clients must log in before they push.
        sign_in: Lets people in, if they have to log in here and not elsewhere.
        sections: What there is beside the repositories.
        live: Who listens to what goes on.

    Attributes:
        public: Beginnings of the paths that everybody may see; there is nothing of an artifact below them.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        now: Callable[[], datetime],
        login: bool,
        sign_in: SignIn | None = None,
        sections: Sequence[Section] = (),
        live: Live | None = None,
    ) -> None:
        self.public: tuple[str, ...] = (PREFIX,) if sign_in is None else (PREFIX, PATH, OUT, f"{WELCOME}/")
        self._login = None if sign_in is None else login_url
        self._sign_in = sign_in
        self._sections = tuple(sections)
        self._live = Live() if live is None else live
        self._assets = _files()
        self._renderer = Renderer(self._assets, now, login=self._login, links=self._links)
        self._views = Views(registry, self._renderer, login=login)

    def routes(self) -> list[BaseRoute]:
        """Give the routes to mount, after all others: they answer whatever nobody else does.

        A request must say who asks in ``request.state.who``, but for what is public; also if it is nobody.
        """
        inside = Starlette(
            routes=[
                Route("/", self._endpoint(self._views.home)),
                self._door(Stream("/live/r/{reference:path}", self._views.progress)),
                *(self._door(door) for section in self._sections for door in section.doors(self._renderer)),
                Route("/r/{reference:path}", self._endpoint(self._views.place)),
                *self._signing(),
                Route(PREFIX + "{name}", self._assets.answer),
            ],
            exception_handlers={HTTPException: self._refused, Exception: self._unforeseen},
        )
        return [Mount("/", inside)]

    def _signing(self) -> list[BaseRoute]:
        if self._sign_in is None:
            return []
        signing = Signing(self._sign_in, self._renderer)
        return [
            Route(PATH, self._open(signing.login), methods=["GET", "POST"]),
            Route(PATH + "/{key}", self._open(signing.elsewhere)),
            Route(PATH + "/{key}/callback", self._open(signing.back)),
            Route(WELCOME + "/{invitation}", self._open(signing.welcome), methods=["GET", "POST"]),
            Route(OUT, self._open(signing.logout), methods=["POST"]),
        ]

    def _links(self, who: Principal) -> list[Link]:
        return [link for section in self._sections for link in section.links(who)]

    def _door(self, door: Door | Stream) -> BaseRoute:
        if isinstance(door, Stream):
            return self._live.route(door, self.problem)
        take = door.take
        if take is None:
            return Route(door.path, self._inside(door.show))

        async def endpoint(request: Request) -> Response:
            if request.method != "POST":
                return await run_in_threadpool(self._inside(door.show), request)
            try:
                form = await Form.read(request)
            except OrchardError as error:
                return self.problem(request, error)
            return await run_in_threadpool(self._inside(lambda request, who: take(request, who, form)), request)

        return Route(door.path, endpoint, methods=["GET", "POST"])

    def _inside(self, view: Callable[[Request, Principal], Response]) -> Callable[[Request], Response]:
        """Make an endpoint that sends whoever is not known yet to log in, where that would help."""

        def endpoint(request: Request) -> Response:
            try:
                return view(request, request.state.who)
            except (DeniedError, UnauthenticatedError) as error:
                stranger = request.state.who.kind is Kind.ANONYMOUS
                login = self._renderer.login_url(request) if stranger and request.method != "POST" else ""
                return onward(login) if login else self.problem(request, error)
            except OrchardError as error:
                return self.problem(request, error)

        return endpoint

    def _open(self, view: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Make an endpoint for whoever is not known yet."""

        async def endpoint(request: Request) -> Response:
            try:
                return await view(request)
            except OrchardError as error:
                return self.problem(request, error)

        return endpoint

    def problem(self, request: Request, error: OrchardError) -> Response:
        """Tell a person what went wrong."""
        return self._renderer.problem(request, problem_of(error))

    def _endpoint(self, view: Callable[[Request, Principal], Response]) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            try:
                return view(request, request.state.who)
            except OrchardError as error:
                return self.problem(request, error)

        return endpoint

    def _refused(self, request: Request, error: Exception) -> Response:
        """Answer what no route takes."""
        assert isinstance(error, HTTPException)
        return self._renderer.problem(request, ELSEWHERE if error.status_code == 404 else WRONG_METHOD)  # noqa: PLR2004 -- Not Found; the router raises no other but 405

    def _unforeseen(self, request: Request, _: Exception) -> Response:
        """Show that something broke; the framework raises the error again, for the log."""
        return self._renderer.problem(request, UNFORESEEN)
