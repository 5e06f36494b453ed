"""Which addresses belong to the public Internet, and which lead inward."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address

# Addresses that hold, or are read by some machine as, an IPv4 address: what they reach depends on who routes them.
_DISGUISES: Final = tuple(
    IPv6Network(text)
    for text in (
        "::/96",  # IPv4-compatible (RFC 4291), unspecified and loopback
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765)
        "64:ff9b::/96",  # NAT64 (RFC 6052)
        "64:ff9b:1::/48",  # NAT64 within one network (RFC 8215)
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "fec0::/10",  # site-local, once
    )
)
# Where clouds keep the secrets of an instance, and what is public in name only.
METADATA: Final = frozenset(
    {
        IPv4Address("169.254.169.254"),
        IPv4Address("169.254.170.2"),  # Amazon ECS
        IPv4Address("100.100.100.200"),  # Alibaba
        IPv4Address("168.63.129.16"),  # Azure; looks public
        IPv4Address("192.0.0.192"),  # Oracle
        IPv6Address("fd00:ec2::254"),
        IPv6Address("fd20:ce::254"),  # Google
    }
)


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public Internet and nothing else."""
    if address in METADATA or address.is_multicast or not address.is_global:
        return False
    return not (isinstance(address, IPv6Address) and any(address in network for network in _DISGUISES))


def is_never_a_service(address: Address) -> bool:
    """Tell whether nobody runs a service there on purpose, even in a private network."""
    odd = address.is_multicast or address.is_unspecified or address.is_link_local or address.is_reserved
    return odd or address in METADATA
