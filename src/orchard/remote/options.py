"""What a caller may choose about a registry connection: values only, no behaviour that needs a network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final, Self

from orchard.errors import UsageError
from orchard.remote.origin import Origin, split_host

MIB: Final = 1 << 20

Route = Callable[[Origin], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long the other side may be silent or slow; nothing limits how long a big transfer takes.

    Attributes:
        connect: Seconds for a connection, and for each 256 KiB that we send.
        read: Seconds without a single byte.
        commit: Seconds for the answer to the last byte of an upload: registries hash and move the blob then.
        stall: Seconds of waiting over which the least throughput is judged.
        floor: Bytes a second that a peer must give, else it counts as stalled (a server that drips one byte a second
            never meets a read timeout).
    """

    connect: float = 30.0
    read: float = 60.0
    commit: float = 900.0
    stall: float = 60.0
    floor: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How stubborn to be. Counted from the last progress: a transfer may break any number of times if it advances.

    Attributes:
        attempts: Tries in all.
        first: Seconds before the second try; doubles with each further one.
        longest: Seconds that our own delay never exceeds.
        deadline: Seconds after which no further try is made; caps what a server may ask with ``Retry-After``.
    """

    attempts: int = 5
    first: float = 0.25
    longest: float = 8.0
    deadline: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunking:
    """When and how a blob is uploaded in pieces; ``kit`` uses the same first two numbers.

    Attributes:
        threshold: Blobs of at least this many bytes are sent in chunks.
        size: Bytes of the first chunk; the next ones are larger while they arrive promptly. A registry's
            ``OCI-Chunk-Min-Length`` raises it.
        ceiling: Bytes that a chunk grows to, and that a registry may raise it to; if it wants more, the blob is sent
            in one piece.
    """

    threshold: int = 100 * MIB
    size: int = 100 * MIB
    ceiling: int = 1024 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """Proxies as the environment names them.

    Attributes:
        http: Proxy for http origins.
        https: Proxy for https origins.
        excepted: Entries of ``NO_PROXY``.
    """

    http: str | None = field(default=None, repr=False)
    https: str | None = field(default=None, repr=False)
    excepted: tuple[str, ...] = ()

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Read ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``, in upper or lower case.

        ``HTTP_PROXY`` is not believed under CGI (``REQUEST_METHOD``), where a client can set it.
        """
        cgi = "REQUEST_METHOD" in environ
        http = environ.get("http_proxy") or (None if cgi else environ.get("HTTP_PROXY"))
        https = environ.get("https_proxy") or environ.get("HTTPS_PROXY")
        names = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
        excepted = tuple(name.strip().lower() for name in names.split(",") if name.strip())
        return cls(http=http or None, https=https or None, excepted=excepted)

    def choose(self, origin: Origin) -> str | None:
        """Give the proxy for an origin. This machine is never reached through one, as in Go's and curl's clients."""
        if origin.is_loopback or any(_covers(entry, origin) for entry in self.excepted):
            return None
        return self.https if origin.scheme == "https" else self.http


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to reach a registry.

    Whether TLS is used follows from the host: everything is https, except that a **loopback** host is spoken to in
    plain http, because that is what a registry on one's own machine nearly always is (``orchard push localhost:5000/x``
    just works; ``kit`` needs ``--plain-http`` there). Give any TLS option (``ca_files``, ``client_cert``,
    ``tls_verify=False``), port 443 or ``plain_http=False``, and loopback is https too. There is no automatic fall-back
    from https to http anywhere: it would hand a password to whoever blocks a port.

    Attributes:
        plain_http: ``True`` for http, ``False`` for https, ``None`` to decide by host.
        tls_verify: Whether certificates are checked.
        ca_files: PEM files of authorities to trust beside those of the system.
        client_cert: PEM certificate that is shown to the registry, and to nobody that it redirects to.
        client_key: Its key; may be absent if ``client_cert`` holds it.
        proxy: Proxy for everything; replaces what the environment says, ``NO_PROXY`` included.
        proxies: Proxies by scheme, from the environment.
        concurrency: Transfers at once, so connections kept open.
        ranges: Connections at once through which large blobs are read, where more than one make it faster.
        user_agent: How we introduce ourselves.
        timeouts: See ``Timeouts``.
        retry: See ``Retry``.
        chunking: See ``Chunking``.
        realms: Registry host to a further host that may issue tokens for it; see ``auth``.
        unfinished: Directory for notes of interrupted uploads, so that another run goes on with them; none without it.
        trace: Called with one line a request; secrets and query strings are not in it.
        warn: Called with the text of a ``Warning`` header of a registry.
        route: Called before each connection: gives the addresses that it may lead to, or raises. The name is not looked
            up again, and no proxy is used. Without it, the system's resolver and the proxies decide.

    Raises:
        UsageError: If ``concurrency`` or ``ranges`` is below 1, or there is a client key without a certificate.
    """

    plain_http: bool | None = None
    tls_verify: bool = True
    ca_files: tuple[Path, ...] = ()
    client_cert: Path | None = None
    client_key: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    proxies: Proxies = Proxies()
    concurrency: int = 5
    ranges: int = 8
    user_agent: str = "orchard"
    timeouts: Timeouts = Timeouts()
    retry: Retry = Retry()
    chunking: Chunking = Chunking()
    realms: Mapping[str, str] = field(default_factory=dict)
    unfinished: Path | None = None
    trace: Callable[[str], None] | None = None
    warn: Callable[[str], None] | None = None
    route: Route | None = None

    def __post_init__(self) -> None:
        for name, number in (("concurrency", self.concurrency), ("ranges", self.ranges)):
            if number < 1:
                raise UsageError(f"invalid argument for {name} ({number}): must be at least 1")
        if self.client_key is not None and self.client_cert is None:
            raise UsageError(f"the client key {self.client_key} needs a certificate: give both --cert and --key")

    def with_environment(self, environ: Mapping[str, str]) -> Self:
        """Fill in what was not chosen: ``KITOPS_CLIENT_CERT``, ``KITOPS_CLIENT_KEY`` and the proxies.

        A certificate and its key come from one place: explicit options hide both variables.
        """
        filled = replace(self, proxies=Proxies.of(environ))
        cert = environ.get("KITOPS_CLIENT_CERT")
        if self.client_cert is not None or not cert:
            return filled
        key = environ.get("KITOPS_CLIENT_KEY")
        return replace(filled, client_cert=Path(cert), client_key=Path(key) if key else None)

    def origin(self, host: str) -> Origin:
        """Decide how to speak to a registry host.

        Raises:
            InvalidReferenceError: If the text is not ``host`` or ``host:port``.
        """
        secure = split_host(host, "https")
        wants_tls = bool(self.ca_files or self.client_cert) or not self.tls_verify or host.endswith(":443")
        plain = self.plain_http
        if plain is None:
            plain = secure.is_loopback and not wants_tls
        return split_host(host, "http") if plain else secure

    def proxy_for(self, origin: Origin) -> str | None:
        """Give the URL of the proxy to use, if any."""
        if self.route is not None:
            return None
        return self.proxies.choose(origin) if self.proxy is None else self.proxy


def _covers(entry: str, origin: Origin) -> bool:
    """Tell whether an entry of ``NO_PROXY`` covers an origin: a host with its subdomains, an address, a network."""
    if entry in {"*", f"{origin.host}:{origin.port}"}:
        return True
    if origin.address is not None:
        return _contains(entry, origin.host)
    name, _, port = entry.partition(":")
    if port and port != str(origin.port):
        return False
    suffix = name.removeprefix("*")
    if suffix.startswith("."):
        return origin.host.endswith(suffix)
    return origin.host == suffix or origin.host.endswith("." + suffix)


def _contains(entry: str, address: str) -> bool:
    try:
        return ip_address(address) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False
