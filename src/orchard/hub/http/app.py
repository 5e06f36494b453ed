"""The hub as one ASGI application: who may come in, and where each request goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from orchard.errors import OrchardError, UnauthenticatedError
from orchard.hub.access import ANONYMOUS, Kind, Principal
from orchard.hub.http.asgi import App, Message, Receive, Scope, Send
from orchard.hub.http.cookies import SESSION, read_cookie
from orchard.hub.http.distribution import Distribution, Service
from orchard.hub.http.distribution.errors import error_reply
from orchard.hub.http.guard import Guard
from orchard.hub.http.origin import origin_of
from orchard.hub.http.replies import send_reply
from orchard.hub.http.surface import Surface
from orchard.hub.http.threads import Threads
from orchard.hub.http.watched import ACCOUNT, ENDPOINT
from orchard.hub.registry import Registry
from orchard.oci import wire

# For whatever is not the API and says nothing else: no script, no frame, no guess about a type.
_SAFE: Final = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
_PULLS: Final = frozenset(("GET", "HEAD"))
_SPECIAL: Final = frozenset((b"if-none-match", b"transfer-encoding"))
_VERSION: Final = (wire.API_VERSION_HEADER.lower().encode(), wire.API_VERSION.encode())


class Access(Protocol):
    """Who may come in."""

    @property
    def challenge(self) -> str | None:
        """How to log in (``WWW-Authenticate``) but for ``/v2/``, if that is possible."""
        ...

    def recall(self, authorization: bytes | None, /) -> Principal | None:
        """Recognise somebody without waiting."""
        ...

    def is_slow(self, authorization: bytes | None, /) -> bool:
        """Tell whether a password would be looked at."""
        ...

    def login(self, authorization: bytes | None, address: str, /) -> Principal:
        """Find out who somebody is; takes a while.

        Raises:
            UnauthenticatedError: If the hub must know and does not.
            RateLimitedError: If too many tries failed.
        """
        ...

    def visit(self, session: str, /) -> Principal | None:
        """Recognise somebody by the session of their browser, if it has not ended.

        Raises:
            StorageError: If that cannot be told.
        """
        ...

    def lapsed(self, authorization: bytes | None, /) -> Principal | None:
        """Recognise somebody by a registry token that was good and has only run out.

        Nobody comes in by that; it lets uploads end whose client got its token when they began.

        Raises:
            StorageError: If that cannot be told.
        """
        ...

    def invite(self, origin: str, scopes: Sequence[str], error: str | None = None, /) -> str | None:
        """Say how a registry's client comes in (``WWW-Authenticate`` on ``/v2/``), if that is possible.

        Args:
            origin: The address that it asked.
            scopes: What it wants to do.
            error: What was wrong with the token that it showed.
        """
        ...


def _plain(request: Request, error: OrchardError) -> Response:  # noqa: ARG001 -- pages may look at it
    answer = error_reply(error, "")
    return PlainTextResponse(f"{error}\n", answer.status)


@dataclass(frozen=True, slots=True)
class Site:
    """What people see.

    Attributes:
        routes: Pages and their like. ``request.state.who`` says who asks; ``request.state.again``, where they are
            somebody, finds out once more and raises ``UnauthenticatedError`` if they are not any longer. What a page
            sends piece by piece is read in ``request.state.threads``.
        problem: Tells a person why somebody may not come in.
        public: Beginnings of the paths that everybody may see, such as style sheets.
    """

    routes: Sequence[BaseRoute] = ()
    problem: Callable[[Request, OrchardError], Response] = field(default=_plain)
    public: tuple[str, ...] = ()


def build_app(  # noqa: PLR0913 -- every part of the front is named once, here
    registry: Registry,
    access: Access,
    threads: Threads,
    *,
    guard: Guard,
    site: Site,
    timeout: float,
    surfaces: Sequence[Surface] = (),
    min_chunk: int = 0,
) -> App:
    """Put the hub's surfaces together.

    Args:
        registry: What is served.
        access: Who may come in.
        threads: Where waiting is done.
        guard: What is refused from everybody.
        site: What people see.
        surfaces: What programs see, beside the registry's API; the first that holds a path answers.
        timeout: Seconds without one byte of a body after which the hub gives up on it.
        min_chunk: Bytes that chunks of an upload should have at least; smaller ones are taken all the same.
    """
    distribution = Distribution(Service(registry, threads, min_chunk), access, body_timeout=timeout)
    return _Front(distribution, access, threads, guard=guard, site=site, surfaces=surfaces)


class _Front:
    """The front: everything that comes in passes here."""

    def __init__(
        self,
        distribution: Distribution,
        access: Access,
        threads: Threads,
        *,
        guard: Guard,
        site: Site,
        surfaces: Sequence[Surface],
    ) -> None:
        self._distribution = distribution
        self._access = access
        self._threads = threads
        self._guard = guard
        self._site = site
        self._surfaces = tuple(surfaces)
        self._pages = Starlette(routes=list(site.routes))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path: str = scope["path"]
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if path == "/v2" or path.startswith("/v2/"):
            if not self._is_plain(scope, headers) or not await self._serve_hot(scope, send, headers=headers):
                await self._serve_api(scope, receive, _with(send, (_VERSION,)), headers=headers)
            return
        surface = next((one for one in self._surfaces if one.holds(path)), None)
        if surface is not None:
            await self._serve_surface(scope, receive, _with(send, _SAFE), surface=surface, headers=headers)
        else:
            await self._serve_page(scope, receive, _with(send, _SAFE), headers=headers)

    @staticmethod
    def _is_plain(scope: Scope, headers: dict[bytes, bytes]) -> bool:
        """Tell whether this may be a pull of a manifest with nothing special about it."""
        return (
            "/manifests/" in scope["path"]
            and scope["method"] in _PULLS
            and not scope["query_string"]
            and headers.get(b"content-length", b"0") == b"0"
            and _SPECIAL.isdisjoint(headers)
        )

    async def _serve_hot(self, scope: Scope, send: Send, *, headers: dict[bytes, bytes]) -> bool:
        """Answer from memory, if it is known who asks and what is asked for; tell whether that was done."""
        authorization = headers.get(b"authorization")
        who = self._access.recall(authorization) or (ANONYMOUS if authorization is None else None)
        if who is None or not self._guard.passes(scope["method"], headers):
            return False
        found = self._distribution.hot(scope, who)
        if found is None:
            return False
        scope[ACCOUNT] = who.name
        answer, raw = found
        answer.append(_VERSION)
        await send({"type": "http.response.start", "status": 200, "headers": answer})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else raw})
        return True

    async def _serve_api(self, scope: Scope, receive: Receive, send: Send, *, headers: dict[bytes, bytes]) -> None:
        refusal = None
        try:
            try:
                who = await self._admit(scope, headers, anonymous=True)
            except UnauthenticatedError as error:
                who = await self._late(scope, headers, error)
                refusal = error_reply(error, wire.UNAUTHORIZED, self._invite(scope, headers))
        except OrchardError as error:
            answer = error_reply(error, wire.UNAUTHORIZED, self._invite(scope, headers))
            await send_reply(answer, receive, send, head=scope["method"] == "HEAD", threads=self._threads)
            return
        await self._distribution(scope, receive, send, headers=headers, who=who, refusal=refusal)

    def _invite(self, scope: Scope, headers: dict[bytes, bytes]) -> str | None:
        """Say how to come in to whoever showed something wrong."""
        shown = headers.get(b"authorization", b"")
        return self._access.invite(
            origin_of(scope, headers), (), "invalid_token" if shown[:7].lower() == b"bearer " else None
        )

    async def _serve_surface(
        self, scope: Scope, receive: Receive, send: Send, *, surface: Surface, headers: dict[bytes, bytes]
    ) -> None:
        try:
            if not surface.open and scope["path"] not in surface.public:
                who = await self._visit(scope, headers) or await self._admit(
                    scope, headers, anonymous=surface.anonymous
                )
                scope.setdefault("state", {})["who"] = who
        except OrchardError as error:
            answer = surface.problem(error, self._access.challenge)
            await send_reply(answer, receive, send, head=scope["method"] == "HEAD", threads=self._threads)
            return
        await surface.app(scope, receive, send)

    async def _serve_page(self, scope: Scope, receive: Receive, send: Send, *, headers: dict[bytes, bytes]) -> None:
        scope[ENDPOINT] = "page"
        try:
            if scope["path"].startswith(self._site.public or "\0"):
                if scope["method"] not in {"GET", "HEAD"}:  # what is read there says nothing of anybody
                    self._guard.check(scope["method"], headers)
            else:
                who = await self._visit(scope, headers) or await self._admit(scope, headers, anonymous=True)
                state = scope.setdefault("state", {})
                state.update(who=who, threads=self._threads)
                if who.kind is not Kind.ANONYMOUS:
                    state["again"] = self._again(scope, headers)
        except OrchardError as error:
            await self._refuse_page(scope, error)(scope, receive, send)
            return
        await self._pages(scope, receive, send)

    def _refuse_page(self, scope: Scope, error: OrchardError) -> Response:
        """Tell whoever asks for a page what is wrong, and how to come in."""
        response = self._site.problem(Request(scope), error)
        challenge = self._access.challenge
        if response.status_code == 401 and challenge is not None:  # noqa: PLR2004 -- Unauthorized
            response.headers["www-authenticate"] = challenge
        return response

    async def _visit(self, scope: Scope, headers: dict[bytes, bytes]) -> Principal | None:
        """Find out who asks by the session of their browser, if that is all that they show.

        Raises:
            DeniedError: If a page of another site made the browser ask.
        """
        if b"authorization" in headers or b"cookie" not in headers:
            return None
        session = read_cookie(headers, SESSION, secure=origin_of(scope, headers).startswith("https:"))
        if session is None:
            return None
        self._guard.check(scope["method"], headers)
        who = await self._threads.run(lambda: self._access.visit(session))
        if who is not None:
            self._guard.check_session(scope["method"], headers)
            scope[ACCOUNT] = who.name
            scope.setdefault("state", {})["session"] = True
        return who

    def _again(self, scope: Scope, headers: dict[bytes, bytes]) -> Callable[[], Principal]:
        """Make what finds out once more who asks; takes a while.

        It is for answers that take long: what was shown may have been revoked since.
        """
        authorization = headers.get(b"authorization")
        if authorization is not None:
            address: str = (scope.get("client") or ("unknown", 0))[0]
            return lambda: self._access.recall(authorization) or self._access.login(authorization, address)
        session = read_cookie(headers, SESSION, secure=origin_of(scope, headers).startswith("https:")) or ""

        def again() -> Principal:
            who = self._access.visit(session)
            if who is None:
                raise UnauthenticatedError("the session has ended: log in again")
            return who

        return again

    async def _late(self, scope: Scope, headers: dict[bytes, bytes], error: UnauthenticatedError) -> Principal:
        """Find out who goes on with an upload by a token that ran out since; the upload's address is the proof.

        Raises:
            UnauthenticatedError: The error, if it is something else.
            StorageError: If that cannot be told.
        """
        authorization = headers.get(b"authorization")
        if authorization is None or not self._distribution.continues(scope["path"]):
            raise error
        who = await self._threads.run(lambda: self._access.lapsed(authorization))
        if who is None:
            raise error
        scope[ACCOUNT] = who.name
        return who

    async def _admit(self, scope: Scope, headers: dict[bytes, bytes], *, anonymous: bool = False) -> Principal:
        """Find out who asks; whoever shows nothing is anonymous, if that will do.

        Raises:
            DeniedError: If somebody is tricked into asking, or not known.
            RateLimitedError: If too many tries failed.
        """
        self._guard.check(scope["method"], headers)
        authorization = headers.get(b"authorization")
        who = self._access.recall(authorization)
        if who is None and authorization is None and anonymous:
            who = ANONYMOUS
        if who is None:
            address: str = (scope.get("client") or ("unknown", 0))[0]
            work = self._threads.login if self._access.is_slow(authorization) else self._threads.run
            who = await work(lambda: self._access.login(authorization, address))
        scope[ACCOUNT] = who.name
        return who


def _with(send: Send, defaults: Sequence[tuple[bytes, bytes]]) -> Send:
    """Add headers to whatever answer does not have them."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(pair for pair in defaults if pair[0] not in present)]
        await send(message)

    return sending
