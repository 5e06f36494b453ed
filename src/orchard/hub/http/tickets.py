"""The token endpoint: where clients of registries get the tokens that ``/v2/`` asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from urllib.parse import parse_qs

from orchard.errors import InvalidError, OrchardError
from orchard.hub.access import ANONYMOUS, Asked, Principal, Ticket, read_basic
from orchard.hub.http.asgi import Headers, Receive, Scope, Send
from orchard.hub.http.body import Body
from orchard.hub.http.distribution.errors import error_reply, problem
from orchard.hub.http.replies import Reply, reply, send_reply
from orchard.hub.http.threads import Threads
from orchard.hub.http.watched import ACCOUNT, ENDPOINT
from orchard.oci import dumps, wire

MAX_FORM: Final = 64 << 10  # bytes
_FIELDS: Final = 128
_FORM: Final = b"application/x-www-form-urlencoded"
_HEADERS: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))

Parameters = Mapping[str, Sequence[str]]


class Door(Protocol):
    """Who may come in."""

    @property
    def challenge(self) -> str | None:
        """How to log in here."""
        ...

    def login(self, authorization: bytes | None, address: str, /) -> Principal:
        """Find out who shows a header."""
        ...

    def check(self, name: str, password: str, address: str, /) -> Principal:
        """Find out who gives a name and a password, or a token."""
        ...


class Issuer(Protocol):
    """Who makes tickets."""

    def issue(self, who: Principal, asked: Asked, /) -> Ticket:
        """Make one out."""
        ...


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Gives tickets, as distribution's token specification and its OAuth2 variant say.

    Attributes:
        door: Finds out who asks.
        issuer: Makes tickets.
        threads: Where waiting is done.
        timeout: Seconds without one byte of a body after which the hub gives up on it.
    """

    door: Door
    issuer: Issuer
    threads: Threads
    timeout: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope[ENDPOINT] = "token"
        headers: dict[bytes, bytes] = dict(scope["headers"])
        body = Body.of(scope, headers, receive, timeout=self.timeout)
        try:
            answer = await self._answer(scope, headers, body)
        except OrchardError as error:
            answer = error_reply(error, wire.UNAUTHORIZED, self.door.challenge)
        await body.drain()
        await send_reply(answer, receive, send, head=scope["method"] == "HEAD", threads=self.threads)

    async def _answer(self, scope: Scope, headers: Mapping[bytes, bytes], body: Body) -> Reply:
        method = scope["method"]
        if method not in {"GET", "HEAD", "POST"}:
            return problem(405, wire.UNSUPPORTED, f"{method} is not possible here", headers=[(b"allow", b"GET, POST")])
        client = (scope.get("client") or ("unknown", 0))[0]
        if method == "POST":
            parameters = await _form(headers, body)
            who = await self.threads.login(lambda: self._granted(parameters, client))
        else:
            parameters = _parse(scope["query_string"])
            who = await self.threads.login(lambda: self._shown(headers.get(b"authorization"), client))
        scope[ACCOUNT] = who.name
        asked = Asked.parse(parameters.get("scope", ()))
        return _ticket(await self.threads.run(lambda: self.issuer.issue(who, asked)))

    def _shown(self, authorization: bytes | None, address: str) -> Principal:
        """Find out who asks with a header; whoever shows nothing, or nothing but a colon, is anonymous.

        Raises:
            UnauthenticatedError: If what is shown is wrong.
        """
        if authorization is None:
            return ANONYMOUS
        if authorization[:6].lower() == b"basic " and read_basic(authorization) == ("", ""):
            return ANONYMOUS
        return self.door.login(authorization, address)

    def _granted(self, parameters: Parameters, address: str) -> Principal:
        """Find out who asks with a form.

        Raises:
            InvalidError: If it asks in a way that is not known here.
            UnauthenticatedError: If what is shown is wrong.
        """
        kind = _first(parameters, "grant_type")
        if kind == "password":
            return self.door.check(_first(parameters, "username"), _first(parameters, "password"), address)
        if kind == "refresh_token":
            # Only tokens that people made and can revoke are good for that; the hub hands out no hidden ones.
            return self.door.check("", _first(parameters, "refresh_token") or "\0", address)
        raise InvalidError(f"grant_type {kind[:32]!r} is not supported: password or refresh_token")


async def _form(headers: Mapping[bytes, bytes], body: Body) -> Parameters:
    """Read a form.

    Raises:
        InvalidError: If it is none.
        LimitExceededError: If it is too large.
    """
    if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != _FORM:
        raise InvalidError(f"a form is wanted here ({_FORM.decode()})")
    return _parse(await body.read(MAX_FORM, "form"))


def _parse(raw: bytes) -> Parameters:
    """Read parameters.

    Raises:
        InvalidError: If there are too many.
    """
    try:
        return parse_qs(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError as error:
        raise InvalidError(f"the parameters cannot be read: {error}") from error


def _first(parameters: Parameters, name: str) -> str:
    return next(iter(parameters.get(name, ())), "")


def _ticket(ticket: Ticket) -> Reply:
    issued = datetime.fromtimestamp(ticket.issued_at, UTC).isoformat().replace("+00:00", "Z")
    headers: Headers = list(_HEADERS)
    document = {
        "token": ticket.text,
        "access_token": ticket.text,
        "expires_in": ticket.lifetime,
        "issued_at": issued,
    }
    return reply(200, headers, dumps(document))
