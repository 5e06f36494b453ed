"""Tasks as whoever looks after the hub sees them."""

from collections.abc import Mapping, Sequence

from orchard.errors import ConflictError, NotFoundError
from orchard.hub.db import Database
from orchard.hub.queue import Line, Queue, Record, State, counts, lines, record, records


class Foreman:
    """All tasks of a hub. Who may ask is not asked here."""

    def __init__(self, database: Database, queue: Queue) -> None:
        self._database = database
        self._queue = queue

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

    def lines(self, name: str) -> list[Line]:
        """Give what a task has told, the oldest line first: the last 200 lines.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._database.read() as connection:
            return lines(connection, name)

    def cancel(self, name: str) -> None:
        """Take back what was asked for: a task that waits is gone, one that runs stops at its next step.

        Raises:
            NotFoundError: If there is no such task.
            ConflictError: If it has ended.
            StorageError: If the catalog fails.
        """
        found = self.task(name)
        with self._database.write() as connection:
            if not self._queue.cancel(connection, name):
                raise ConflictError(f"task {found.id} has ended already ({found.state})")

    def again(self, name: str) -> str:
        """Have a task done now: one that waits, at once; one that was given up or cancelled, once more.

        Gives the name of the task that will do it.

        Raises:
            NotFoundError: If there is no such task.
            ConflictError: If it runs, or is done.
            StorageError: If the catalog fails.
        """
        found = self.task(name)
        with self._database.write() as connection:
            new = self._queue.again(connection, name)
        if new is None:
            raise ConflictError(f"task {found.id} is {found.state}; only what waits, failed or was cancelled can begin")
        return new
