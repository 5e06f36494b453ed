"""One request to a registry, done properly: authorized, redirected, retried, and its refusal turned into our errors."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Final

from orchard.errors import OrchardError
from orchard.oci import read_bounded
from orchard.remote.allowance import Allowance, Means
from orchard.remote.auth import MAX_TOKEN, Authenticator, Scope
from orchard.remote.backoff import Backoff, Timing, retry_after
from orchard.remote.challenge import parse_challenges
from orchard.remote.credentials import Credential, Credentials
from orchard.remote.exchange import Body, Exchanges, Sending, first_bytes
from orchard.remote.failures import Refusal, TransientError, printable
from orchard.remote.options import Options
from orchard.remote.origin import Url
from orchard.remote.unfinished import Unfinished

if TYPE_CHECKING:
    from orchard.remote.transport import Response

MAX_WARNINGS: Final = 20  # different ones that a registry may show
MAX_WARNING: Final = 4096  # characters of all warnings of one answer (distribution spec, "Warnings")


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
        self.timing = timing
        self.means = Means(Allowance(options.ranges), options.retry, timing)
        self.unfinished = None if options.unfinished is None else Unfinished(options.unfinished, timing.wall)
        self._exchanges = Exchanges(host, self.origin, options=options, timing=timing)
        self._lock = Lock()
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
        return self.means.backoff()

    def close(self) -> None:
        """Close every idle connection; the client stays usable."""
        self._exchanges.close()

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

    def send_on(self, request: Request, url: Url) -> "Response | None":
        """Ask a storage that the registry has sent us to before, without any credential.

        Returns:
            Its answer; nothing if it does not give what is wanted (any more): then ``send`` finds the way anew.
        """
        try:
            response = self._follow(replace(request, url=url), None)
        except OrchardError:
            return None
        if response.status in request.wanted:
            return response
        response.close()
        return None

    def _follow(self, request: Request, authorization: str | None) -> "Response":
        patience = self.options.timeouts.commit if request.commits else self.options.timeouts.read
        sending = Sending(
            method=request.method, url=request.url, headers=request.headers, body=request.body, patience=patience
        )
        return self._exchanges.follow(sending, authorization)

    def _refused(self, response: "Response", request: str, *, known: bool, sent_on: bool = False) -> OrchardError:
        challenges = parse_challenges(response.lines("WWW-Authenticate"))
        refusal = Refusal(
            host=self.host,
            request=request,
            sent_on=sent_on,
            scarce=any(challenge.parameters.get("error") == "insufficient_scope" for challenge in challenges),
            status=response.status,
            body=first_bytes(response),
            content_type=response.headers.get("Content-Type", ""),
            retry_after=retry_after(response.headers.get("Retry-After"), self.timing),
            known=known,
        )
        return refusal.error(self._auth.scrub)

    def _ask_token(self, method: str, url: Url, *, headers: Mapping[str, str], form: bytes | None) -> bytes:
        request = {"User-Agent": self.options.user_agent, "Accept-Encoding": "identity", **headers}
        patience = self.options.timeouts.read
        with self._exchanges.once(method, url, headers=request, body=form, patience=patience) as response:
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
