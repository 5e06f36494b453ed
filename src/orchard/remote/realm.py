"""Which host may issue tokens for a registry.

A registry names its token service itself, in a header that anybody between us and a plain-http registry can write, and
we then send a password there. So the place is judged before anything is sent (security notes 5.4, "malicious realm").
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from orchard.errors import DeniedError
from orchard.remote.origin import Origin, Url

# Second-level labels below which countries register names ("example.co.uk"). Not the public suffix list: a registry
# that wants our password can ask for it with Basic, so this border only has to stop detours to unrelated hosts.
_SHARED: Final = frozenset(("ac", "co", "com", "edu", "go", "gob", "gov", "ne", "net", "or", "org"))


def check_realm(realm: Url, registry: Origin, trusted: Mapping[str, str]) -> None:
    """Accept the place where a registry says that tokens are to be had.

    It must be https, unless the registry itself is spoken to in plain http; and its host must be that of the registry,
    or share its registered domain (``registry-1.docker.io`` and ``auth.docker.io``), or be named in ``trusted``. The
    port is free. An address is accepted only where it is the registry's own, or both are this machine.

    Raises:
        DeniedError: If it is anywhere else.
    """
    place = realm.origin
    if place.scheme != "https" and registry.scheme == "https":
        raise DeniedError(f"{registry.authority} wants a login without TLS at {place}; refused")
    if place.host == registry.host or trusted.get(registry.host) == place.host:
        return
    if place.is_loopback and registry.is_loopback:
        return
    same = registered_domain(place.host) == registered_domain(registry.host)
    if place.address is not None or registry.address is not None or not same:
        raise DeniedError(f"{registry.authority} wants a login at another host, {place.authority}; refused")


def registered_domain(host: str) -> str:
    """Give the part of a host name that somebody registered: its last two labels, or three below ``co.uk``."""
    labels = host.rstrip(".").split(".")
    country = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SHARED  # noqa: PLR2004 -- labels; ISO 3166
    return ".".join(labels[-3:] if country else labels[-2:]) if len(labels) > 1 else host


def check_redirect(target: Origin, current: Origin, registry: Origin) -> None:
    """Accept the place to which a download is redirected.

    Raises:
        DeniedError: If the step leaves TLS, or leads from a registry elsewhere into this machine or its link-local
            network (where clouds keep instance secrets).
    """
    if current.scheme == "https" and target.scheme != "https":
        raise DeniedError(f"{current.authority} redirects away from TLS, to {target}; refused")
    if target.host == registry.host or (target.is_loopback and registry.is_loopback):
        return
    if target.is_loopback or (target.address is not None and _is_inward(target.address)):
        raise DeniedError(f"{current.authority} redirects to {target.authority}; refused")


def _is_inward(address: IPv4Address | IPv6Address) -> bool:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    real = mapped or address
    return real.is_link_local or real.is_loopback or real.is_unspecified or real.is_multicast
