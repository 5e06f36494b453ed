"""Seeing how far the hub has come with understanding versions, and having it done again, for who looks after a hub."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard.errors import NotFoundError
from orchard.hub import catalog
from orchard.hub.jobs.understanding import FIND
from orchard.hub.queue import Queue
from orchard.hub.registry import Premises, ReadableRepository, asking

if TYPE_CHECKING:
    from orchard.hub.registry import Contents


@dataclass(frozen=True, slots=True)
class Overview:
    """How far the hub has come.

    Attributes:
        states: How many versions are in each state.
        pending: Versions that nobody has understood, or only an older reader.
        unhashed: Archives of whose files the digests are not known yet.
    """

    states: Mapping[str, int]
    pending: int
    unhashed: int


class Overseer:
    """Understanding, as somebody oversees it who may see everything."""

    def __init__(self, premises: Premises, queue: Queue) -> None:
        self._premises = premises
        self._queue = queue

    def overview(self) -> Overview:
        """Tell how far the hub has come.

        Raises:
            StorageError: If the catalog fails.
        """
        from orchard.hub.jobs.studying import revision  # noqa: PLC0415 -- most commands need no readers

        with self._premises.database.read() as connection:
            return Overview(
                catalog.understood.states(connection),
                catalog.understood.pending(connection, revision()),
                catalog.understood.unhashed(connection),
            )

    def contents(self, repository: str, reference: str) -> "Contents":
        """Look inside a version.

        Raises:
            NotFoundError: If there is none.
            InvalidError: If this can be no version's name.
            StorageError: If the catalog fails.
        """
        return self._repository(repository).contents(asking.reference_of(reference))

    def again(self, repository: str, reference: str | None = None) -> int:
        """Have a version, or all of a repository, looked into anew, its layers too; give how many.

        Raises:
            NotFoundError: If there is none.
            InvalidError: If this can be no version's name.
            StorageError: If the catalog fails.
        """
        wanted = None if reference is None else self.contents(repository, reference).digest
        with self._premises.database.write() as connection:
            found = catalog.understood.speakers(connection, repository, wanted)
            if not found:
                raise NotFoundError(f"there is no version to understand in {repository}")
            catalog.understood.outdate(connection, [number for number, _ in found])
            for _, digest in found:
                key = f"{asking.UNDERSTAND}:{repository}@{digest}"
                payload = {"repository": repository, "digest": str(digest)}
                self._queue.put(connection, asking.UNDERSTAND, payload, key=key, lock=key)
        return len(found)

    def everything_again(self) -> int:
        """Have all versions looked into anew, their layers too; give how many.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._premises.database.write() as connection:
            count = catalog.understood.outdate(connection)
            self._queue.put(connection, FIND, {}, key=FIND, lock=FIND)
        return count

    def _repository(self, name: str) -> ReadableRepository:
        return ReadableRepository(self._premises, name)
