"""The one module that knows urllib3: connections, TLS, proxies, and what their failures mean.

It is imported with the first request, because urllib3 and ssl cost 66 ms and most commands need no network. One call
here is one exchange: no retry, no redirect, no authorization.
"""

import logging
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import BadStatusLine, HTTPException, RemoteDisconnected
from threading import Lock
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InsecureRequestWarning,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from orchard.errors import RemoteError, StorageError, UsageError
from orchard.oci import CHUNK
from orchard.remote.failures import TransientError, printable
from orchard.remote.options import Options, Timeouts
from orchard.remote.origin import Origin, Url
from orchard.remote.routed import pools

# It logs request lines with signed queries, and warns of what a server does wrong on a terminal that is not its own;
# ``Options.trace`` tells of each request without its query, and errors say what matters.
logging.getLogger("urllib3").setLevel(logging.ERROR)

LINGER: Final = 0.05  # seconds that one read may collect small pieces for
SPARE: Final = 4  # connections for documents and tokens
MANY_PLACES: Final = 8  # origins of one registry whose connections are kept: itself, its token service, its storage
_NO_PROXY: Final = "the proxy is not a URL (example: http://proxy.example.com:3128)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One request, ready to be sent.

    Attributes:
        method: HTTP method.
        url: Where to.
        headers: All headers, authorization included.
        body: Bytes, or an iterator whose length is in ``headers``.
        patience: Seconds to wait for the answer.
    """

    method: str
    url: Url
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | Iterator[bytes] | None = field(default=None, repr=False)
    patience: float


class Response:
    """An answer whose body has not been read; closing it early gives the connection up.

    Attributes:
        status: HTTP status.
        headers: By name, in any case.
        url: What was asked.
    """

    def __init__(self, raw: urllib3.BaseHTTPResponse, url: Url, pace: "Pace") -> None:
        self._raw = raw
        self._pace = pace
        self._broken: TransientError | None = None
        self.status = raw.status
        self.headers: Mapping[str, str] = raw.headers
        self.url = url

    def lines(self, name: str) -> list[str]:
        """Give every line of a header."""
        return [line for key, line in self._raw.headers.iteritems() if key.lower() == name.lower()]

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes of the body, as sent.

        Small pieces are collected, for 50 ms at most: TLS gives 16 KiB at a time, and each further step of a transfer
        costs the same for a small piece as for a large one.

        Raises:
            TransientError: If the connection breaks, ends early, or is too slow; what came before is given first.
        """
        if self._broken is not None:
            raise self._broken
        parts: list[bytes] = []
        left, until = size, self._pace.now() + LINGER
        try:
            while left > size // 2 and (piece := self._piece(left)):
                parts.append(piece)
                left -= len(piece)
                if self._pace.now() > until:
                    break
        except TransientError as error:
            self._broken = error
            if not parts:
                raise
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _piece(self, size: int) -> bytes:
        before = self._pace.now()
        try:
            piece = self._raw.read1(size, decode_content=False)
        except HTTPError as error:
            failure = _translated(error, self.url.origin, self._pace.timeouts)
            raise failure from error
        self._pace.took(self._pace.now() - before, len(piece))
        return piece

    def close(self) -> None:
        """Give the connection back if the body was read, else up: reading the rest may take for ever."""
        if self._raw.length_remaining == 0:
            with suppress(HTTPError):
                self._raw.read1(1, decode_content=False)  # urllib3 notices the end when it is asked for more
        self._raw.close()
        self._raw.release_conn()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Pace:
    """Judges whether a peer gives bytes fast enough; the time that we take ourselves does not count.

    A server that drips a byte a second never meets a read timeout, and would hold a transfer for years.
    """

    def __init__(self, timeouts: Timeouts, host: str, now: Callable[[], float]) -> None:
        self.timeouts = timeouts
        self.now = now
        self._host = host
        self._seconds = 0.0
        self._bytes = 0

    def took(self, seconds: float, count: int) -> None:
        """Note that so many bytes took so long.

        Raises:
            TransientError: If too few came in the last ``stall`` seconds of waiting.
        """
        self._seconds += seconds
        self._bytes += count
        if self._seconds < self.timeouts.stall:
            return
        if self._bytes < self.timeouts.floor * self._seconds:
            raise TransientError(f"{self._host}: stalled: {self._bytes} bytes in {self._seconds:.0f} s")
        self._seconds, self._bytes = 0.0, 0


class Transport:
    """Connections to one registry and to the places it sends us to.

    Args:
        registry: The origin that the client certificate is for.
        options: TLS, proxies, timeouts.
        now: Seconds that only grow.
    """

    def __init__(self, registry: Origin, options: Options, now: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._options = options
        self._now = now
        self._lock = Lock()
        self._managers: dict[tuple[str | None, bool, bool], urllib3.PoolManager] = {}
        if not options.tls_verify:
            urllib3.disable_warnings(InsecureRequestWarning)  # the user asked for it; the command line says so once

    def exchange(self, sent: Outgoing) -> Response:
        """Send one request and give the answer, whatever its status.

        Raises:
            TransientError: If the connection broke or was silent for too long.
            RemoteError: If there can be no connection.
            StorageError: If a certificate file cannot be read.
            UsageError: If the proxy is not an http or https URL.
        """
        origin, timeouts = sent.url.origin, self._options.timeouts
        manager = self._manager(origin)
        try:
            raw = manager.urlopen(
                sent.method,
                str(sent.url),
                body=sent.body,
                headers=dict(sent.headers),
                timeout=urllib3.Timeout(connect=timeouts.connect, read=sent.patience),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except HTTPError as error:
            failure = _translated(error, origin, timeouts)
            raise failure from error
        return Response(raw, sent.url, Pace(timeouts, origin.authority, self._now))

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            for manager in self._managers.values():
                manager.clear()
            self._managers.clear()

    def _manager(self, origin: Origin) -> urllib3.PoolManager:
        proxy, own, tls = self._options.proxy_for(origin), origin == self._registry, origin.scheme == "https"
        with self._lock:
            if (proxy, own, tls) not in self._managers:
                context = _context(self._options, certificate=own) if tls else None
                self._managers[proxy, own, tls] = self._make(proxy, context)
            return self._managers[proxy, own, tls]

    def _make(self, proxy: str | None, context: ssl.SSLContext | None) -> urllib3.PoolManager:
        settings: dict[str, Any] = {
            "num_pools": MANY_PLACES,
            # a copy within one registry reads and writes at once
            "maxsize": SPARE + 2 * self._options.concurrency + self._options.ranges,
            "blocksize": CHUNK,
            "ssl_context": context,
        }
        if proxy is None:
            manager = urllib3.PoolManager(**settings)
            if self._options.route is not None:
                manager.pool_classes_by_scheme = pools(self._options.route)
            return manager
        url = _proxy(proxy)
        headers = None if url.auth is None else urllib3.make_headers(proxy_basic_auth=unquote(url.auth))
        own = _context(self._options, certificate=False) if url.scheme == "https" else None
        plain = url._replace(auth=None).url
        return urllib3.ProxyManager(plain, proxy_headers=headers, proxy_ssl_context=own, **settings)


def _proxy(text: str) -> urllib3.util.Url:
    """Read the URL of a proxy; without a scheme it is http.

    Raises:
        UsageError: If it is not one, or of a kind that is not supported.
    """
    try:
        url = urllib3.util.parse_url(text if "://" in text else f"http://{text}")
    except HTTPError as error:
        raise UsageError(_NO_PROXY) from error
    if not url.host:
        raise UsageError(_NO_PROXY)
    if url.scheme not in {"http", "https"}:
        raise UsageError(f"a proxy must be an http or https URL, not {url.scheme}")
    return url


def _context(options: Options, *, certificate: bool) -> ssl.SSLContext:
    """Make the TLS settings: system authorities and ours, and the client certificate where it may be shown.

    Raises:
        StorageError: If a file cannot be read or holds no certificate.
    """
    context = ssl.create_default_context()
    for path in options.ca_files:
        try:
            context.load_verify_locations(path)
        except (OSError, ssl.SSLError) as error:
            raise StorageError(f"{path}: no certificate of an authority can be read from it") from error
    if certificate and options.client_cert is not None:
        try:
            context.load_cert_chain(options.client_cert, options.client_key, password=_no_passphrase)
        except (OSError, ssl.SSLError, ValueError) as error:
            key = options.client_key or options.client_cert
            raise StorageError(
                f"{options.client_cert}, {key}: no client certificate with its key, unencrypted"
            ) from error
    if not options.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _no_passphrase() -> str:
    """Answer OpenSSL, which would otherwise ask on the terminal."""
    return ""


def _translated(error: HTTPError, origin: Origin, timeouts: Timeouts) -> RemoteError:
    """Say what happened, to which host, and whether to try again."""
    host = origin.authority
    match error:
        case SSLError():
            return _tls(error, host)
        case NewConnectionError() | ConnectTimeoutError():
            return _unconnected(error, host, timeouts)
        case ReadTimeoutError():
            return TransientError(f"{host}: silent for too long (timeout)")
        case ProxyError():
            return _behind_proxy(error.original_error, host)
        case _:
            return _broken(error, host)


def _unconnected(error: ConnectTimeoutError, host: str, timeouts: Timeouts) -> RemoteError:
    if isinstance(error, NameResolutionError):
        return RemoteError(f"{host}: unknown host; check its name, and that this machine is online")
    if isinstance(error, NewConnectionError):
        return RemoteError(f"{host}: {_reason(error.__cause__)}; is the registry running, and the port right?")
    return TransientError(f"{host}: no connection within {timeouts.connect:g} s")


def _broken(error: HTTPError, host: str) -> RemoteError:
    cause = error.args[-1] if error.args else error
    if isinstance(error, LocationValueError):
        return RemoteError(f"{host}: cannot be a host")
    if isinstance(cause, BadStatusLine) and not isinstance(cause, RemoteDisconnected):
        return RemoteError(f"{host}: the answer is not HTTP; does it speak https?")
    return TransientError(f"{host}: the connection broke: {_reason(cause)}")


def _behind_proxy(cause: Exception, host: str) -> RemoteError:
    """Tell a proxy that cannot be used from a connection that broke on its way through it; urllib3 does not."""
    if isinstance(cause, (ConnectionError, TimeoutError, HTTPException)):
        return TransientError(f"{host}: the connection through the proxy broke: {_reason(cause)}")
    if isinstance(cause, NewConnectionError):  # its own text names a class
        return RemoteError(f"{host}: the proxy failed: {_reason(cause.__cause__)}")
    return RemoteError(f"{host}: the proxy failed: {_reason(cause)}")


def _tls(error: SSLError, host: str) -> RemoteError:
    cause = error.args[0] if error.args else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = cause.verify_message.rstrip(".")
        return RemoteError(f"{host}: certificate verify failed: {why}; give its authority with --tls-cert FILE")
    reason = str(getattr(cause, "reason", None) or cause)
    if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return TransientError(f"{host}: the connection broke during TLS")
    if "WRONG_VERSION_NUMBER" in reason or "RECORD_LAYER_FAILURE" in reason:
        return RemoteError(f"{host}: does not speak TLS; if it is a plain http registry, use --plain-http")
    if "CERTIFICATE_REQUIRED" in reason:
        return RemoteError(f"{host}: wants a client certificate: give --cert and --key")
    return RemoteError(f"{host}: TLS failed: {printable(reason, 200)}")


def _reason(error: BaseException | None) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    return printable(text[:1].lower() + text[1:], 200)
