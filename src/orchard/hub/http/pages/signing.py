"""Logging in and out: with a password, at another place, or with an invitation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchard.errors import InvalidError, UnauthenticatedError
from orchard.hub.http.cookies import LOGIN, SESSION, cookie, read_cookie
from orchard.hub.http.origin import origin_of
from orchard.hub.http.pages.answers import SAFE, sentence
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.rendering import Renderer

PATH: Final = "/login"
OUT: Final = "/logout"
WELCOME: Final = "/welcome"
_KEPT: Final = 600.0  # seconds


@dataclass(frozen=True, slots=True)
class Departure:
    """A login that goes on at another place.

    Attributes:
        url: Where the browser goes.
        state: What it keeps meanwhile.
    """

    url: str
    state: str


class SignIn(Protocol):
    """Who comes in, and how. Each method waits, and raises an ``OrchardError`` where somebody may not."""

    @property
    def places(self) -> Mapping[str, str]:
        """Other places that people log in at: their names in addresses, and what their buttons say."""
        ...

    @property
    def url(self) -> str | None:
        """How browsers reach the hub, if it was told."""
        ...

    def enter(self, name: str, password: str, address: str, /, *, instead_of: str | None) -> str:
        """Begin a session with a password; give its secret."""
        ...

    def depart(self, key: str, /, *, redirect: str, onward: str) -> Departure:
        """Begin a login at another place."""
        ...

    def arrive(
        self, kept: str, answer: Mapping[str, str], /, *, redirect: str, instead_of: str | None
    ) -> tuple[str, str]:
        """End such a login; give the secret of a session, and the page that was wanted."""
        ...

    def invited(self, invitation: str, /) -> str:
        """Name the account that an invitation is for."""
        ...

    def welcome(self, invitation: str, password: str, /, *, instead_of: str | None) -> str:
        """Take the password that an invited person chose; give the secret of a session."""
        ...

    def leave(self, session: str, /) -> None:
        """End a session."""
        ...


class Signing:
    """The pages of logging in and out."""

    def __init__(self, sign_in: SignIn, renderer: Renderer) -> None:
        self._sign_in = sign_in
        self._renderer = renderer

    async def login(self, request: Request) -> Response:
        """Show the form, or take it."""
        onward = local(request.query_params.get("next", "/"))
        if request.method != "POST":
            return self._form(request, onward)
        form = await Form.read(request)
        name, password = form.text("name"), form.text("password")
        address = request.client.host if request.client else "unknown"
        before = self._session(request)
        try:
            secret = await run_in_threadpool(lambda: self._sign_in.enter(name, password, address, instead_of=before))
        except UnauthenticatedError:
            return self._form(request, onward, name=name, complaint="No account has this name and this password.")
        return self._onward(request, onward, secret)

    async def elsewhere(self, request: Request) -> Response:
        """Send the browser to another place that people log in at."""
        key = request.path_params["key"]
        onward = local(request.query_params.get("next", "/"))
        redirect = self._callback(request, key)
        begun = await run_in_threadpool(lambda: self._sign_in.depart(key, redirect=redirect, onward=onward))
        answer = RedirectResponse(begun.url, 303, SAFE)
        answer.headers.append("set-cookie", cookie(LOGIN, begun.state, secure=self._secure(request), seconds=_KEPT))
        return answer

    async def back(self, request: Request) -> Response:
        """Take somebody who comes back from there.

        Raises:
            UnauthenticatedError: If the other place says that they may not.
        """
        answer = dict(request.query_params)
        if "error" in answer:
            said = answer.get("error_description") or answer["error"]
            raise UnauthenticatedError(f"the other place did not let you in: {said[:200]}")
        kept = read_cookie(dict(request.scope["headers"]), LOGIN, secure=self._secure(request)) or ""
        redirect = self._callback(request, request.path_params["key"])
        before = self._session(request)
        secret, onward = await run_in_threadpool(
            lambda: self._sign_in.arrive(kept, answer, redirect=redirect, instead_of=before)
        )
        found = self._onward(request, local(onward), secret)
        found.headers.append("set-cookie", cookie(LOGIN, "", secure=self._secure(request)))
        return found

    async def welcome(self, request: Request) -> Response:
        """Let an invited person choose a password."""
        invitation = request.path_params["invitation"]
        name = await run_in_threadpool(lambda: self._sign_in.invited(invitation))
        if request.method != "POST":
            return self._invited(request, name)
        form = await Form.read(request)
        password = form.text("password")
        if password != form.text("again"):
            return self._invited(request, name, "The two passwords are not the same.")
        before = self._session(request)
        try:
            secret = await run_in_threadpool(lambda: self._sign_in.welcome(invitation, password, instead_of=before))
        except InvalidError as error:
            return self._invited(request, name, sentence(error))
        return self._onward(request, local(request.query_params.get("next", "/")), secret)

    def _invited(self, request: Request, name: str, complaint: str = "") -> Response:
        status = 400 if complaint else 200
        page = self._renderer.page(request, "welcome.html", status, name=name, complaint=complaint)
        page.headers["cache-control"] = "no-store"  # its address lets somebody in
        return page

    async def logout(self, request: Request) -> Response:
        """End the session of this browser."""
        session = self._session(request)
        if session is not None:
            await run_in_threadpool(lambda: self._sign_in.leave(session))
        answer = RedirectResponse(PATH, 303, SAFE)
        answer.headers.append("set-cookie", cookie(SESSION, "", secure=self._secure(request)))
        return answer

    def _form(self, request: Request, onward: str, *, name: str = "", complaint: str = "") -> Response:
        places = [
            (title, f"{PATH}/{quote(key)}?{urlencode({'next': onward})}") for key, title in self._sign_in.places.items()
        ]
        return self._renderer.page(
            request,
            "login.html",
            401 if complaint else 200,
            action=login_url(onward),
            places=places,
            name=name,
            complaint=complaint,
        )

    def _onward(self, request: Request, onward: str, secret: str) -> Response:
        answer = RedirectResponse(onward, 303, SAFE)
        answer.headers.append("set-cookie", cookie(SESSION, secret, secure=self._secure(request)))
        return answer

    def _origin(self, request: Request) -> str:
        return self._sign_in.url or origin_of(request.scope, dict(request.scope["headers"]))

    def _secure(self, request: Request) -> bool:
        return self._origin(request).startswith("https:")

    def _session(self, request: Request) -> str | None:
        return read_cookie(dict(request.scope["headers"]), SESSION, secure=self._secure(request))

    def _callback(self, request: Request, key: str) -> str:
        return f"{self._origin(request)}{PATH}/{quote(key)}/callback"


def login_url(onward: str) -> str:
    """Name the page to log in at, and the one that is wanted after it."""
    return PATH if onward == "/" else f"{PATH}?{urlencode({'next': onward})}"


def local(onward: str) -> str:
    """Give a page of this hub: whatever leads elsewhere leads home (open redirects)."""
    plain = onward.isprintable() and onward.startswith("/") and not onward.startswith(("//", "/\\"))
    return onward if plain and "\\" not in onward else "/"
