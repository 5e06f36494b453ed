"""Events on their way to whoever has to know: taken out of the outbox in the transaction that tells them."""

from collections.abc import Callable, Sequence
from typing import Final

from orchard.hub.catalog import outbox
from orchard.hub.catalog.outbox import News
from orchard.hub.db import Database, Transaction

SCOPE: Final = ":outgoing"  # no repository's name; writers of the outbox and of what is made of it take turns
AT_ONCE: Final = 200  # events of one transaction, which others wait for

Listener = Callable[[Transaction, Sequence[News]], None]


class Spreader:
    """Tells listeners of every event once: what they write is committed with the event being taken out."""

    def __init__(self, database: Database, listeners: Sequence[Listener]) -> None:
        self._database = database
        self._listeners = tuple(listeners)

    def spread(self) -> int:
        """Tell of what waits; gives how many events that were.

        Raises:
            StorageError: If the catalog fails.
        """
        told = 0
        while self._waiting():
            with self._database.write(SCOPE) as connection:
                events = outbox.take(connection, AT_ONCE)
                for listener in self._listeners:
                    listener(connection, events)
            told += len(events)
            if len(events) < AT_ONCE:
                break
        return told

    def _waiting(self) -> bool:
        with self._database.read() as connection:
            return outbox.waiting(connection)
