"""Tasks as whoever looks after the hub sees them."""

from collections.abc import Mapping, Sequence

from orchard.errors import NotFoundError
from orchard.hub.db import Database
from orchard.hub.queue import Record, State, counts, record, records


class Foreman:
    """All tasks of a hub. Who may ask is not asked here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self) -> Mapping[tuple[str, State], int]:
        """Count the tasks of each kind and state; those that ended are kept for a week.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._database.read() as connection:
            return counts(connection)

    def tasks(
        self,
        *,
        kinds: Sequence[str] | None = None,
        states: Sequence[State] | None = None,
        before: str | None = None,
        limit: int,
    ) -> list[Record]:
        """List tasks, the youngest first: those only of some kinds, in some states, put before another one.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._database.read() as connection:
            return records(connection, kinds=kinds, states=states, before=before, limit=limit)

    def task(self, name: str) -> Record:
        """Show one task.

        Raises:
            NotFoundError: If there is no such task, or it ended long ago.
            StorageError: If the catalog fails.
        """
        with self._database.read() as connection:
            found = record(connection, name)
        if found is None:
            raise NotFoundError(f"there is no task {name[:32]}; those that ended are kept for a week")
        return found
