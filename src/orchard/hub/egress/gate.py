"""The gate: judges every place before the hub connects to it, and gives the addresses that were judged."""

import re
import socket
from collections.abc import Callable, Collection, Sequence
from ipaddress import ip_address
from typing import Final, Self

from orchard.errors import DeniedError, InvalidError, RemoteError, UsageError
from orchard.hub.egress.addresses import Address, is_public
from orchard.hub.egress.exceptions import Exceptions
from orchard.remote import Options, Origin, Retry, Timeouts, Url

PORTS: Final = (443, 5000, 8443)
_NAMES: Final = ("metadata", "metadata.google.internal", "instance-data")  # clouds' own names for their secrets
_HINT: Final = "an administrator can allow it with the setting egress-allow"

_PORT: Final = re.compile(r"[0-9]{1,5}")

Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> list[str]:
    """Ask the system where a name leads.

    Raises:
        RemoteError: If nowhere.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RemoteError(f"{host}: unknown host; check its name") from error
    return [str(where[0]) for *_, where in found]


class Gate:
    """Says where the hub may go.

    To public addresses: by https, through a few ports. Elsewhere only where an exception says so. A name is looked up
    once, *all* its addresses have to pass, and they are what is connected to.

    Args:
        exceptions: Where else, or how else.
        ports: Through which ports.
        resolver: Looks a name up.
    """

    def __init__(self, exceptions: Exceptions, *, ports: Collection[int] = PORTS, resolver: Resolve = resolve) -> None:
        self._exceptions = exceptions
        self._ports = frozenset(ports)
        self._resolve = resolver

    @classmethod
    def of(cls, allowed: Collection[str], ports: Collection[str]) -> Self:
        """Make a gate as the settings say.

        Raises:
            UsageError: If they cannot be read.
        """
        wrong = [port for port in ports if _PORT.fullmatch(port.strip()) is None]
        if wrong:
            raise UsageError(f"egress-ports: {wrong[0]!r} is not a port")
        return cls(Exceptions.parse(allowed), ports=[int(port) for port in ports])

    def route(self, origin: Origin) -> list[str]:
        """Give the addresses that a connection may be made to, as ``Options.route``.

        Raises:
            DeniedError: If the hub may not go there.
            RemoteError: If the name leads nowhere.
        """
        if origin.host.rstrip(".") in _NAMES and not self._exceptions.names(origin):
            raise DeniedError(f"the hub may not connect to {origin}: it belongs to the machine's provider; {_HINT}")
        addresses = [_address(text, origin) for text in self._resolve(origin.host, origin.port)]
        if not addresses:
            raise RemoteError(f"{origin.host}: unknown host; check its name")
        for address in addresses:
            self._judge(origin, address)
        return [str(address) for address in addresses]

    def check(self, text: str) -> Url:
        """Read an address that somebody wants the hub to call, and refuse early what would be refused later.

        That a name is unknown now is no reason: it may be known later.

        Raises:
            InvalidError: If it is not an http or https URL, or names a user.
            DeniedError: If the hub may not go there.
        """
        try:
            url = Url.parse(text)
        except RemoteError as error:
            raise InvalidError(str(error)) from error
        try:
            self.route(url.origin)
        except RemoteError:
            return url
        return url

    def options(self, *, scheme: str, timeouts: Timeouts, retry: Retry, agent: str = "orchard-hub") -> Options:
        """Say how to reach a service outside, through this gate."""
        return Options(plain_http=scheme == "http", timeouts=timeouts, retry=retry, user_agent=agent, route=self.route)

    def _judge(self, origin: Origin, address: Address) -> None:
        """Refuse an address.

        Raises:
            DeniedError: If the hub may not go there.
        """
        if self._exceptions.cover(origin, address, self._ports):
            return
        # The address itself is not told: whoever asks could map a network by names that lead into it.
        if not is_public(address):
            raise DeniedError(f"the hub may not connect to {origin}: it is not on the public Internet; {_HINT}")
        if origin.scheme != "https":
            raise DeniedError(f"the hub may not connect to {origin}: only https is allowed; {_HINT}")
        if origin.port not in self._ports:
            ports = ", ".join(map(str, sorted(self._ports)))
            raise DeniedError(f"the hub may not connect to {origin}: only the ports {ports} are allowed; {_HINT}")


def _address(text: str, origin: Origin) -> Address:
    """Read what the resolver says.

    Raises:
        DeniedError: If it is no address, or one that only means something with an interface (``fe80::1%eth0``).
    """
    try:
        address = ip_address(text)
    except ValueError as error:
        raise DeniedError(f"the hub may not connect to {origin}: it leads to no plain address") from error
    if "%" in text:
        raise DeniedError(f"the hub may not connect to {origin}: it leads to no plain address")
    return address
