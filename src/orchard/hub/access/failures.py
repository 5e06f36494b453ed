"""Slowing down whoever guesses: a bucket of failures for each account and for each address."""

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import Final

from orchard.errors import RateLimitedError

BURST: Final = 20.0  # failures that are free
REFILL: Final = 1 / 6  # of them that come back a second: ten guesses a minute
_REMEMBERED: Final = 10_000
_SUBNET: Final = 64  # bits of an IPv6 address that one customer usually holds


class Failures:
    """Counts of recent failures, forgotten with time. Only failures cost; whoever knows the password pays nothing."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def refuse(self, account: str, address: str) -> None:
        """Refuse to look at a password while its account or its sender has failed too often.

        Raises:
            RateLimitedError: If one of them has.
        """
        with self._lock:
            if min(self._left(key) for key in _keys(account, address)) < 1:
                raise RateLimitedError("too many failed logins; wait a minute and try again")

    def count(self, account: str, address: str) -> None:
        """Take note of a failure."""
        with self._lock:
            for key in _keys(account, address):
                self._buckets[key] = (self._left(key) - 1, self._now())
                self._buckets.move_to_end(key)
            while len(self._buckets) > _REMEMBERED:
                self._buckets.popitem(last=False)

    def _left(self, key: str) -> float:
        left, since = self._buckets.get(key, (BURST, 0.0))
        return min(BURST, left + (self._now() - since) * REFILL)


def _keys(account: str, address: str) -> tuple[str, str]:
    return f"account {account}", f"address {_network(address)}"


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or int(parsed) >> (128 - _SUBNET))
    return str(parsed)
