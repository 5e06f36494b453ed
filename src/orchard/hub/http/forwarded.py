"""What proxies say about the requests that they pass on; believed only where the operator says so."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from orchard.errors import UsageError
from orchard.hub.http.asgi import App, Receive, Scope, Send

_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_SCHEMES: Final = frozenset((b"http", b"https"))
_PAIR: Final = re.compile(rb'\s*([A-Za-z]+)=(?:"([^"\\]*)"|([^\s;,"]+))\s*')
_MOST: Final = 32  # proxies in a row


class Forwarded:
    """An application that learns from trusted proxies who asks for what: address, scheme and host of the client.

    ``X-Forwarded-For``, ``-Proto`` and ``-Host`` count; ``Forwarded`` (RFC 7239) counts where none of them was sent,
    because a proxy that writes the former passes the latter on as the client wrote it. Of an address list, the last one
    that is no trusted proxy is the client: what stands before it anybody could have written.

    Args:
        app: Answers.
        trusted: Addresses and networks of proxies, such as ``10.0.0.0/8``.

    Raises:
        UsageError: If one of them is none.
    """

    def __init__(self, app: App, trusted: Iterable[str]) -> None:
        self._app = app
        self._trusted = tuple(_network(text) for text in trusted)
        self._trusts = lru_cache(1024)(self._look)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        client = scope.get("client")
        if scope["type"] == "http" and client is not None and self._trusts(client[0]):
            headers: dict[bytes, bytes] = {}
            for name, value in scope["headers"]:  # one that was sent twice is one list (RFC 9110, section 5.3)
                headers[name] = headers[name] + b"," + value if name in headers else value
            self._learn(scope, _told(headers))
        await self._app(scope, receive, send)

    def _learn(self, scope: Scope, told: Mapping[str, list[bytes]]) -> None:
        addresses = (one.decode("latin-1") for one in reversed(told["for"]))
        address = next((one for one in addresses if not self._trusts(one)), "")
        if _is_address(address):
            scope["client"] = (address, 0)
        if told["proto"] and told["proto"][-1] in _SCHEMES:
            scope["scheme"] = told["proto"][-1].decode()
        if told["host"] and _HOST.fullmatch(told["host"][-1]):
            others = [pair for pair in scope["headers"] if pair[0] != b"host"]
            scope["headers"] = [*others, (b"host", told["host"][-1])]

    def _look(self, address: str) -> bool:
        try:
            known = ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text.strip())
    except ValueError as error:
        raise UsageError(f"trusted-proxies: {text!r} is no address and no network: {error}") from error


def _told(headers: Mapping[bytes, bytes]) -> Mapping[str, list[bytes]]:
    """Collect what proxies said, the nearest last."""
    told = {name: _list(headers.get(f"x-forwarded-{name}".encode())) for name in ("for", "proto", "host")}
    if any(told.values()):
        return {**told, "for": [_address(one) for one in told["for"]]}
    for element in _list(headers.get(b"forwarded")):
        for match in _PAIR.finditer(element):
            name = match[1].decode().lower()
            if name in told:
                told[name].append(match[2] if match[2] is not None else match[3])
    return {**told, "for": [_address(one) for one in told["for"]]}


def _list(value: bytes | None) -> list[bytes]:
    return [] if value is None else [part.strip() for part in value.split(b",")[-_MOST:] if part.strip()]


def _address(text: bytes) -> bytes:
    """Take brackets and port off an address; what is none stays what it is."""
    if text.startswith(b"["):
        return text[1:].partition(b"]")[0]
    return text.partition(b":")[0] if text.count(b":") == 1 else text
