"""The one way to change who may do what: rows, event and epoch in one transaction, and everybody told of it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from sqlalchemy import Connection, insert, select, update

from orchard.hub.access.mandate import Mandate
from orchard.hub.db import Database
from orchard.hub.db.people import access_state
from orchard.hub.db.schema import events

UNKNOWN: Final = -1


class Epoch:
    """The number of the state of accounts and rights that this process knows of.

    What was thought out under another number is out of date.

    Changes of this process count at once. Those of others (a command on the same machine, another replica) count when
    ``poll`` is called, which whoever runs the hub does every second.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self.current = UNKNOWN

    def read(self, connection: Connection) -> int:
        """Find the number in an open transaction, which shows the state that it belongs to."""
        found: int = connection.execute(select(access_state.c.epoch)).scalar_one()
        self._advance(found)
        return found

    def poll(self) -> None:
        """Look whether somebody else has changed something.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._database.read() as connection:
            self.read(connection)

    def known(self) -> int:
        """Give the number, looking it up if it is not known.

        Raises:
            StorageError: If the catalog fails.
        """
        if self.current == UNKNOWN:
            self.poll()
        return self.current

    def doubt(self) -> None:
        """Trust nothing that was thought out before, until the catalog can be read again."""
        with self._lock:
            self.current = UNKNOWN

    def raise_in(self, connection: Connection) -> int:
        """Take the next number, in a transaction that changes something."""
        connection.execute(update(access_state).values(epoch=access_state.c.epoch + 1))
        raised: int = connection.execute(select(access_state.c.epoch)).scalar_one()
        return raised

    def _advance(self, number: int) -> None:
        with self._lock:
            self.current = max(self.current, number)

    def committed(self, number: int) -> None:
        """Take note that the transaction of this number is over."""
        self._advance(number)


class Change:
    """One open transaction that changes who may do what."""

    def __init__(self, connection: Connection, account: str, at: int) -> None:
        self.connection = connection
        self.at = at
        self._account = account

    def record(self, action: str, about: str, *, repository: str = "", **detail: object) -> None:
        """Write down what is done, to whom or what."""
        values = {
            "at": self.at,
            "account": self._account,
            "action": action,
            "repository": repository,
            "subject": about,
            "detail": json.dumps(detail, sort_keys=True) if detail else None,
        }
        self.connection.execute(insert(events), values)


class Ledger:
    """Where accounts and rights are kept."""

    def __init__(self, database: Database, now: Callable[[], float], epoch: Epoch) -> None:
        self.database = database
        self.epoch = epoch
        self.now = now

    @property
    def at(self) -> int:
        """The time as the tables keep it."""
        return round(self.now() * 1000)

    @contextmanager
    def changing(self, by: Mandate) -> Iterator[Change]:
        """Change something on somebody's account, all of it or nothing.

        Raises:
            StorageError: If the catalog fails.
        """
        with self.database.write() as connection:
            yield Change(connection, by.account, self.at)
            number = self.epoch.raise_in(connection)
        self.epoch.committed(number)
