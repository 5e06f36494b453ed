"""Requests on their way: sent, traced, and redirected without taking the authorization across a border.

Both the client of registries and that of other services (``web``) stand on this, so that there is one place where a
secret could leave its origin, and it does not.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from orchard.errors import OrchardError, RemoteError
from orchard.oci import wire
from orchard.remote.backoff import Timing
from orchard.remote.failures import TransientError
from orchard.remote.options import Options
from orchard.remote.origin import Origin, Url
from orchard.remote.realm import check_redirect

if TYPE_CHECKING:
    from orchard.remote.transport import Response, Transport

MAX_HOPS: Final = 5

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One request, before it is known who we are.

    Attributes:
        method: HTTP method.
        url: Where to.
        headers: Further headers.
        body: What to send.
        patience: Seconds to wait for the answer.
    """

    method: str
    url: Url
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    patience: float


class Exchanges:
    """All that is asked of one service; safe to use from many threads.

    Args:
        host: The service as the user named it.
        origin: Where it is.
        options: How to reach it.
        timing: Clock, sleep and chance.
    """

    def __init__(self, host: str, origin: Origin, *, options: Options, timing: Timing) -> None:
        self.host = host
        self.origin = origin
        self.options = options
        self.timing = timing
        self._lock = Lock()
        self._transport: Transport | None = None

    def close(self) -> None:
        """Close every idle connection; the service stays usable."""
        with self._lock:
            if self._transport is not None:
                self._transport.close()

    def follow(self, sending: Sending, authorization: str | None) -> "Response":
        """Send a request and follow the redirects of a download, leaving the authorization behind at the border.

        Raises:
            RemoteError: If there are too many, or something else than a download is redirected.
            DeniedError: If it is redirected to where nothing may lead.
        """
        url = sending.url
        for _ in range(MAX_HOPS + 1):
            response = self._exchange(sending, url, authorization)
            if response.status not in _REDIRECTS:
                return response
            with response:
                target = url.join(response.headers.get("Location", ""))
            if sending.method not in _SAFE:
                where = f"{sending.method} {sending.url.path}"
                raise RemoteError(f"{self.host}: {where} is redirected to {target.origin}; use that host")
            check_redirect(target.origin, url.origin, self.origin)
            authorization = authorization if target.origin == url.origin else None
            url = target
        raise RemoteError(f"{self.host}: {sending.method} {sending.url.path}: more than {MAX_HOPS} redirects")

    def once(
        self,
        method: str,
        url: Url,
        *,
        headers: Mapping[str, str],
        body: bytes | Iterator[bytes] | None,
        patience: float,
    ) -> "Response":
        """Send a request as it is and give the answer, whatever it is.

        Raises:
            OrchardError: If there is none.
        """
        from orchard.remote.transport import Outgoing  # noqa: PLC0415 -- urllib3 and ssl load with the first request

        sent = Outgoing(method=method, url=url, headers=headers, body=body, patience=patience)
        trace = self.options.trace
        if trace is None:
            return self._connections().exchange(sent)
        before = self.timing.monotonic()
        try:
            response = self._connections().exchange(sent)
        except OrchardError as error:
            trace(f"{method} {url.where} -> {type(error).__name__}")
            raise
        trace(f"{method} {url.where} -> {response.status} ({1000 * (self.timing.monotonic() - before):.1f} ms)")
        return response

    def _exchange(self, sending: Sending, url: Url, authorization: str | None) -> "Response":
        headers = {"User-Agent": self.options.user_agent, "Accept-Encoding": "identity", **sending.headers}
        if authorization is not None:
            headers["Authorization"] = authorization
        if sending.body is None:
            return self.once(sending.method, url, headers=headers, body=None, patience=sending.patience)
        headers["Content-Length"] = str(sending.body.size)
        with sending.body.open() as body:
            return self.once(sending.method, url, headers=headers, body=body, patience=sending.patience)

    def _connections(self) -> "Transport":
        from orchard.remote.transport import Transport  # noqa: PLC0415 -- urllib3 and ssl load with the first request

        with self._lock:
            if self._transport is None:
                self._transport = Transport(self.origin, self.options, self.timing.monotonic)
            return self._transport


def first_bytes(response: "Response", limit: int = wire.MAX_ERROR_BODY) -> bytes:
    """Read the beginning of an error document; whatever goes wrong there, the status stays the news."""
    parts: list[bytes] = []
    left = limit
    with suppress(TransientError):
        while left and (chunk := response.read(left)):
            parts.append(chunk)
            left -= len(chunk)
    return b"".join(parts)
