"""Slowing down whoever guesses: a bucket of failures for each account and for each address, in the database.

So it outlives a restart, and all replicas count together.
"""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from orchard.errors import RateLimitedError
from orchard.hub.db import Database
from orchard.hub.db.people import login_failures

BURST: Final = 20.0  # failures that are free
REFILL: Final = 1 / 6  # of them that come back a second: ten guesses a minute
_FORGOTTEN: Final = round(BURST / REFILL * 1000)  # milliseconds after which a bucket is full again
_ACCOUNT: Final = 64  # characters of a name that are looked at
_SUBNET: Final = 64  # bits of an IPv6 address that one customer usually holds


class Failures:
    """Counts of recent failures, forgotten with time. Only failures cost; whoever knows the password pays nothing.

    Args:
        database: Where they are counted.
        now: Seconds since 1970.
    """

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def refuse(self, account: str, address: str) -> None:
        """Refuse to look at a password while its account or its sender has failed too often.

        Raises:
            RateLimitedError: If one of them has.
            StorageError: If the catalog fails.
        """
        with self._database.read() as connection:
            left = self._left(connection, _keys(account, address))
        if min(left.values()) < 1:
            raise RateLimitedError("too many failed logins; wait a minute and try again")

    def count(self, account: str, address: str) -> None:
        """Take note of a failure.

        Raises:
            StorageError: If the catalog fails.
        """
        keys = _keys(account, address)
        with self._database.write() as connection:
            left = self._left(connection, keys)
            old = (login_failures.c.at < self._at - _FORGOTTEN) | login_failures.c.key.in_(keys)
            connection.execute(delete(login_failures).where(old))
            rows = [{"key": key, "free": free - 1, "at": self._at} for key, free in left.items()]
            connection.execute(insert(login_failures), rows)

    @property
    def _at(self) -> int:
        return round(self._now() * 1000)

    def _left(self, connection: Connection, keys: tuple[str, str]) -> dict[str, float]:
        left = dict.fromkeys(keys, BURST)
        for row in connection.execute(select(login_failures).where(login_failures.c.key.in_(keys))):
            passed = max(0, self._at - row.at) / 1000  # a clock that goes back gives nothing
            left[row.key] = min(BURST, row.free + passed * REFILL)
        return left


def _keys(account: str, address: str) -> tuple[str, str]:
    return f"account {account[:_ACCOUNT]}", f"address {_network(address)}"


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or int(parsed) >> (128 - _SUBNET))
    return str(parsed)
