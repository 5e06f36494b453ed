"""Where a request goes: origins and URLs, read once and never by two parsers.

What decides whether a secret may be sent must be what decides where the socket connects. So a URL is taken apart here,
anything unusual in it is refused, and the parts are what the transport is given.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Self
from urllib.parse import quote, urlencode, urljoin, urlsplit

from orchard.errors import InvalidReferenceError, RemoteError

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
MAX_URL: Final = 8192  # characters; signed storage links reach 2000

_VISIBLE: Final = re.compile(r"[!-\[\]-~]+")  # printable ASCII without space and backslash
_HOST: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|[0-9a-f:.]*:[0-9a-f:.]*")
_AUTHORITY: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: the border that no credential crosses.

    Attributes:
        scheme: ``http`` or ``https``.
        host: Lower-case host name, or an address without brackets.
        port: Always present, so that ``https://host`` and ``https://host:443`` are one origin.
    """

    scheme: str
    host: str
    port: int

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The IP address, if the host is one."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine: ``localhost``, 127.0.0.0/8 or ::1."""
        return self.host == "localhost" or (self.address is not None and self.address.is_loopback)

    @property
    def authority(self) -> str:
        """Host and port as written in a URL; a default port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True, repr=False)
class Url:
    """One absolute URL.

    Its text may hold a secret (storage links are signed in the query), so ``repr`` and ``where`` leave the query out.

    Attributes:
        origin: Where it leads.
        path: Starts with ``/``; percent-encoded.
        query: Without the question mark; percent-encoded.
    """

    origin: Origin
    path: str = "/"
    query: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an absolute http or https URL.

        Raises:
            RemoteError: If it is anything else, carries a user name, or could be read in two ways.
        """
        if len(text) > MAX_URL or _VISIBLE.fullmatch(text) is None:
            raise RemoteError(f"not a URL that may be followed: {text[:80]!r}")
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise RemoteError(f"not a URL that may be followed: {text[:80].partition('?')[0]!r}: {error}") from error
        host = (parts.hostname or "").lower()
        shown = text[:80].partition("?")[0]
        if parts.scheme not in DEFAULT_PORTS or _HOST.fullmatch(host) is None:
            raise RemoteError(f"not a URL that may be followed: {shown!r}")
        if "@" in parts.netloc:
            raise RemoteError(f"not a URL that may be followed: it names a user ({host})")
        origin = Origin(parts.scheme, host, DEFAULT_PORTS[parts.scheme] if port is None else port)
        return cls(origin, parts.path or "/", parts.query)

    def join(self, location: str) -> Self:
        """Resolve a ``Location``, ``Link`` or redirect target against this URL (RFC 3986, section 5).

        Raises:
            RemoteError: If the result is not a URL that may be followed.
        """
        if _VISIBLE.fullmatch(location) is None:
            raise RemoteError(f"{self.origin.authority}: sent an unusable address: {location[:80]!r}")
        return type(self).parse(urljoin(str(self), location))

    def under(self, *segments: str) -> Self:
        """Append path segments; a slash inside one separates, anything else unsafe is escaped."""
        return replace(self, path="/".join([self.path.rstrip("/"), *(quote(part, safe="/:") for part in segments)]))

    def asking(self, pairs: Mapping[str, str] | list[tuple[str, str]]) -> Self:
        """Append query parameters and keep those that are there."""
        added = urlencode(pairs, safe=":/,*", quote_via=quote)
        return replace(self, query=f"{self.query}&{added}" if self.query else added)

    @property
    def where(self) -> str:
        """The URL for messages and logs, its query hidden."""
        return f"{self.origin}{self.path}{'?…' if self.query else ''}"

    def __str__(self) -> str:
        return f"{self.origin}{self.path}{'?' + self.query if self.query else ''}"

    def __repr__(self) -> str:
        return f"Url({self.where!r})"


def split_host(text: str, scheme: str) -> Origin:
    """Read ``host`` or ``host:port`` as people and references write it.

    Raises:
        InvalidReferenceError: If it is not a host.
    """
    found = _AUTHORITY.fullmatch(text)
    port = DEFAULT_PORTS[scheme] if found is None or found["port"] is None else int(found["port"])
    host = "" if found is None else found["host"].strip("[]").lower()
    if not 0 < port < 1 << 16 or _HOST.fullmatch(host) is None:
        raise InvalidReferenceError(f"{text[:80]!r} is not a registry host (example: ghcr.io or localhost:5000)")
    return Origin(scheme, host, port)
