"""What an administrator allows beyond the public Internet: names and networks, each with how they may be reached."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, Self

from orchard.errors import UsageError
from orchard.hub.egress.addresses import Address, is_never_a_service
from orchard.remote import Origin

_NAME: Final = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_ENTRY: Final = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<where>\[[^\]]*\]|[^:\[\]]+|[0-9a-f:]+(?:/[0-9]+)?)(?::(?P<port>[0-9]{1,5}|\*))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One exception."""

    plain: bool
    name: str
    network: IPv4Network | IPv6Network | None
    port: str

    def names(self, origin: Origin) -> bool:
        """Tell whether it is about this host by its name."""
        if self.name.startswith("*."):
            return origin.host.endswith(self.name[1:])
        return bool(self.name) and origin.host == self.name

    def covers(self, origin: Origin, address: Address) -> bool:
        """Tell whether a host may be at this address."""
        if self.network is not None:
            return address in self.network
        return self.names(origin) and not is_never_a_service(address)

    def permits(self, origin: Origin, ports: frozenset[int]) -> bool:
        """Tell whether a host that it covers may be spoken to in this way, through this port."""
        allowed = origin.port in ports if not self.port else self.port in {"*", str(origin.port)}
        return allowed and (origin.scheme == "https" or self.plain)


class Exceptions:
    """All exceptions of one hub.

    An entry is ``[http://]WHERE[:PORT]``. ``WHERE`` is a name (``registry.lan``), all names below one (``*.lan``), an
    address or a network (``10.0.0.0/8``, ``[fd00::]/8``). ``http://`` permits plain http too; a port, or ``*`` for any,
    permits that in the place of those that are permitted everywhere.

    Raises:
        UsageError: If an entry is none of these.
    """

    def __init__(self, entries: tuple[_Entry, ...]) -> None:
        self._entries = entries

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Read the entries of the setting."""
        return cls(tuple(_read(text.strip().lower()) for text in texts if text.strip()))

    def names(self, origin: Origin) -> bool:
        """Tell whether an entry names this host."""
        return any(entry.names(origin) for entry in self._entries)

    def cover(self, origin: Origin, address: Address, ports: frozenset[int]) -> bool:
        """Tell whether this host at this address may be spoken to in this way."""
        return any(entry.covers(origin, address) and entry.permits(origin, ports) for entry in self._entries)


def _read(text: str) -> _Entry:
    # "[fd00::]/8" and "[fd00::1]:5000": the brackets keep the colons of an address from the one before a port
    unwrapped = re.sub(r"\[([0-9a-f:]+)\](/[0-9]+)", r"[\1\2]", text)
    found = _ENTRY.fullmatch(unwrapped)
    if found is None:
        raise UsageError(_wrong(text))
    where = found["where"].strip("[]")
    network = _network(where)
    if network is None and _NAME.fullmatch(where) is None:
        raise UsageError(_wrong(text))
    name = "" if network is not None else where
    return _Entry(plain=found["scheme"] == "http", name=name, network=network, port=found["port"] or "")


def _wrong(text: str) -> str:
    return (
        f"{text!r} does not say where the hub may connect to "
        "(examples: registry.lan, *.lan:5000, 10.0.0.0/8, http://10.1.2.3:*, [fd00::]/8)"
    )


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None
