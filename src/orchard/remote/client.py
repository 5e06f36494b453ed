"""One request to a registry, done properly: authorized, redirected, retried, and its refusal turned into our errors."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from orchard.errors import OrchardError, RemoteError
from orchard.oci import read_bounded, wire
from orchard.remote.auth import MAX_TOKEN, Authenticator, Scope
from orchard.remote.backoff import Backoff, Timing, retry_after
from orchard.remote.challenge import parse_challenges
from orchard.remote.credentials import Credential, Credentials
from orchard.remote.failures import Refusal, TransientError, printable
from orchard.remote.options import Options
from orchard.remote.origin import Url
from orchard.remote.realm import check_redirect

if TYPE_CHECKING:
    from orchard.remote.transport import Response, Transport

MAX_HOPS: Final = 5
MAX_WARNINGS: Final = 20  # different ones that a registry may show
MAX_WARNING: Final = 4096  # characters of all warnings of one answer (distribution spec, "Warnings")

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SAFE: Final = frozenset({"GET", "HEAD"})


class Body(Protocol):
    """What a request sends; it can be opened again when the request has to be repeated."""

    @property
    def size(self) -> int:
        """Bytes in all."""
        ...

    def open(self) -> AbstractContextManager[bytes | Iterator[bytes]]:
        """Give the bytes from the start."""
        ...


@dataclass(frozen=True, slots=True)
class Data:
    """A body that is in memory."""

    data: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes in all."""
        return len(self.data)

    def open(self) -> AbstractContextManager[bytes]:
        """Give the bytes."""
        return nullcontext(self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask a registry.

    Attributes:
        method: HTTP method.
        url: Where; at the registry's origin.
        scope: What it does, for the token.
        headers: Further headers.
        body: What to send.
        wanted: Statuses that are answers; any other one is raised as an error.
        limit: Bytes of the answer's body that ``ask`` reads.
        commits: Whether the answer may take as long as a registry needs to hash and move a blob.
    """

    method: str
    url: Url
    scope: Scope
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    wanted: frozenset[int] = frozenset({200})
    limit: int = 0
    commits: bool = False

    @property
    def where(self) -> str:
        """Method and place, for messages."""
        return f"{self.method} {self.url.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that has been read.

    Attributes:
        status: HTTP status.
        headers: By name, in any case.
        url: Who gave it.
        body: As many bytes as were asked for.
    """

    status: int
    headers: Mapping[str, str]
    url: Url
    body: bytes = field(default=b"", repr=False)


class Client:
    """Speaks to one registry; safe to use from many threads.

    No credential crosses an origin (scheme, host, port): a redirect elsewhere is followed without, and nothing else
    than a download is redirected at all.

    Args:
        host: The registry as the user names it.
        api: Host that speaks the registry API, if it is another one.
        options: How to reach it.
        credentials: Who we may be.
        timing: Clock, sleep and chance.
    """

    def __init__(
        self, host: str, *, api: str | None = None, options: Options, credentials: Credentials, timing: Timing
    ) -> None:
        self.host = host
        self.options = options
        self.origin = options.origin(api or host)
        self._timing = timing
        self._lock = Lock()
        self._transport: Transport | None = None
        self._warned: set[str] = set()
        self._auth = Authenticator(
            self.origin, host, credentials=credentials, ask=self._ask_token, timing=timing, realms=options.realms
        )

    @property
    def root(self) -> Url:
        """``/v2/``, below which the whole API lies."""
        return Url(self.origin, "/v2/")

    def credential(self, repository: str) -> Credential | None:
        """Give who we are at a repository."""
        return self._auth.credential(repository)

    def backoff(self) -> Backoff:
        """Start counting the tries of an operation."""
        return Backoff(self.options.retry, self._timing)

    def close(self) -> None:
        """Close every idle connection; the client stays usable."""
        with self._lock:
            if self._transport is not None:
                self._transport.close()

    def ask(self, request: Request) -> Answer:
        """Send a request and read the answer, with as many tries as the options allow.

        Raises:
            OrchardError: As ``ask_once``.
            LimitExceededError: If the answer is larger than ``request.limit``.
        """
        backoff = self.backoff()
        while True:
            try:
                return self.ask_once(request)
            except TransientError as error:
                backoff.pause(error)

    def ask_once(self, request: Request) -> Answer:
        """Send a request and read the answer, with one try.

        Raises:
            OrchardError: What ``send`` raises.
            LimitExceededError: If the answer is larger than ``request.limit``.
        """
        with self.send(request) as response:
            body = b""
            if request.limit:
                body = read_bounded(response, limit=request.limit, what=f"{self.host}: answer to {request.where}")
            return Answer(response.status, response.headers, response.url, body)

    def send(self, request: Request) -> "Response":
        """Send a request and give the answer with its body unread, with one try.

        Raises:
            UnauthenticatedError: If a login is needed, or ours is refused.
            DeniedError: If we may not do this.
            NotFoundError: If there is no such thing.
            UnsupportedError: If the registry does not offer this.
            ConflictError: If something is in the way.
            TransientError: If it may work later: the connection broke, or the registry is overloaded.
            RemoteError: If it failed in another way, or could not be reached.
        """
        used = self._auth.header(request.scope)
        response = self._follow(request, used)
        if response.status == 401 and response.url.origin == self.origin:  # noqa: PLR2004 -- the HTTP status
            with response:
                fresh = self._auth.answer(response.lines("WWW-Authenticate"), request.scope, rejected=used)
            response = self._follow(request, fresh)
        if response.status in request.wanted:
            self._pass_warnings(response)
            return response
        with response:
            known = self._auth.credential(request.scope.repository) is not None
            sent_on = response.url.origin != self.origin
            where = f"{request.where}, sent on to {response.url.origin}" if sent_on else request.where
            raise self._refused(response, where, known=known, sent_on=sent_on)

    def _follow(self, request: Request, authorization: str | None) -> "Response":
        """Send a request and follow the redirects of a download, leaving the authorization behind at the border.

        Raises:
            RemoteError: If there are too many, or something else than a download is redirected.
        """
        url = request.url
        for _ in range(MAX_HOPS + 1):
            response = self._exchange(request, url, authorization)
            if response.status not in _REDIRECTS:
                return response
            with response:
                target = url.join(response.headers.get("Location", ""))
            if request.method not in _SAFE:
                raise RemoteError(f"{self.host}: {request.where} is redirected to {target.origin}; use that host")
            check_redirect(target.origin, url.origin, self.origin)
            authorization = authorization if target.origin == url.origin else None
            url = target
        raise RemoteError(f"{self.host}: {request.where}: more than {MAX_HOPS} redirects")

    def _exchange(self, request: Request, url: Url, authorization: str | None) -> "Response":
        headers = {"User-Agent": self.options.user_agent, "Accept-Encoding": "identity", **request.headers}
        if authorization is not None:
            headers["Authorization"] = authorization
        patience = self.options.timeouts.commit if request.commits else self.options.timeouts.read
        if request.body is None:
            return self._traced(request.method, url, headers=headers, body=None, patience=patience)
        headers["Content-Length"] = str(request.body.size)
        with request.body.open() as body:
            return self._traced(request.method, url, headers=headers, body=body, patience=patience)

    def _traced(
        self, method: str, url: Url, *, headers: dict[str, str], body: bytes | Iterator[bytes] | None, patience: float
    ) -> "Response":
        from orchard.remote.transport import Outgoing  # noqa: PLC0415 -- urllib3 and ssl load with the first request

        sent = Outgoing(method=method, url=url, headers=headers, body=body, patience=patience)
        trace = self.options.trace
        if trace is None:
            return self._connections().exchange(sent)
        before = self._timing.monotonic()
        try:
            response = self._connections().exchange(sent)
        except OrchardError as error:
            trace(f"{method} {url.where} -> {type(error).__name__}")
            raise
        trace(f"{method} {url.where} -> {response.status} ({1000 * (self._timing.monotonic() - before):.1f} ms)")
        return response

    def _connections(self) -> "Transport":
        from orchard.remote.transport import Transport  # noqa: PLC0415 -- urllib3 and ssl load with the first request

        with self._lock:
            if self._transport is None:
                self._transport = Transport(self.origin, self.options, self._timing.monotonic)
            return self._transport

    def _refused(self, response: "Response", request: str, *, known: bool, sent_on: bool = False) -> OrchardError:
        challenges = parse_challenges(response.lines("WWW-Authenticate"))
        refusal = Refusal(
            host=self.host,
            request=request,
            sent_on=sent_on,
            scarce=any(challenge.parameters.get("error") == "insufficient_scope" for challenge in challenges),
            status=response.status,
            body=_first(response),
            content_type=response.headers.get("Content-Type", ""),
            retry_after=retry_after(response.headers.get("Retry-After"), self._timing),
            known=known,
        )
        return refusal.error(self._auth.scrub)

    def _ask_token(self, method: str, url: Url, *, headers: Mapping[str, str], form: bytes | None) -> bytes:
        request = {"User-Agent": self.options.user_agent, "Accept-Encoding": "identity", **headers}
        patience = self.options.timeouts.read
        with self._traced(method, url, headers=request, body=form, patience=patience) as response:
            if response.status == 200:  # noqa: PLR2004 -- the HTTP status
                return read_bounded(response, limit=MAX_TOKEN, what=f"{self.host}: token answer")
            known = "Authorization" in headers or form is not None
            raise self._refused(response, f"login at {url.where}", known=known)

    def _pass_warnings(self, response: "Response") -> None:
        warn: Callable[[str], None] | None = self.options.warn
        if warn is None:
            return
        for line in response.lines("Warning"):
            code, _, text = line[:MAX_WARNING].partition(" ")
            heard = printable(text.removeprefix("- ").strip().strip('"'), MAX_WARNING)
            if code == "299" and self._is_news(heard):
                warn(f"{self.host}: {heard}")

    def _is_news(self, warning: str) -> bool:
        with self._lock:
            news = warning not in self._warned and len(self._warned) < MAX_WARNINGS
            if news:
                self._warned.add(warning)
            return news


def _first(response: "Response") -> bytes:
    """Read the beginning of an error document; whatever goes wrong there, the status stays the news."""
    parts: list[bytes] = []
    left = wire.MAX_ERROR_BODY
    with suppress(TransientError):
        while left and (chunk := response.read(left)):
            parts.append(chunk)
            left -= len(chunk)
    return b"".join(parts)
