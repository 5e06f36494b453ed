"""Lists that programs read part by part: each part says where the next one begins, whatever comes or goes meanwhile."""

from typing import Final

from orchard.errors import NotFoundError
from orchard.hub import catalog
from orchard.hub.access import Mandate
from orchard.hub.catalog import Event, EventFilter, TagSummary, Totals, VersionMark, VersionSummary
from orchard.hub.registry.deleting import DeletableRepository
from orchard.hub.registry.reading import Premises, ReadableRepository

NEWEST: Final = 2**63 - 1
FIRST: Final = VersionMark(NEWEST, NEWEST)


class Overview:
    """What is in repositories that somebody may read, and what happened."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def versions(
        self, repository: ReadableRepository, *, after: VersionMark = FIRST, limit: int
    ) -> tuple[list[VersionSummary], VersionMark | None]:
        """List versions, newest first, at most ``limit``; and tell where the next part begins, if there is one.

        Raises:
            NotFoundError: If there is no such repository.
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            if catalog.repositories.find(connection, repository.name) is None:
                raise NotFoundError(f"there is no repository {repository.name}")
            return catalog.listing.versions_after(connection, repository.name, after=after, limit=limit)

    def tags(self, repository: ReadableRepository, *, after: str, limit: int) -> list[TagSummary]:
        """List tags by name, those after ``after``.

        Raises:
            NotFoundError: If there is no such repository.
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            if catalog.repositories.find(connection, repository.name) is None:
                raise NotFoundError(f"there is no repository {repository.name}")
            return catalog.listing.tags_after(connection, repository.name, after=after, limit=limit)

    def tag(self, repository: ReadableRepository, tag: str) -> TagSummary:
        """Describe a tag.

        Raises:
            NotFoundError: If there is none of this name.
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            found = catalog.listing.tag(connection, repository.name, tag)
        if found is None:
            raise NotFoundError(f"{repository.name} has no tag {tag}")
        return found

    def events(self, repository: DeletableRepository, *, before: int | None, limit: int) -> list[Event]:
        """List what happened to a repository, newest first, before an event or at all; for those who look after it.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            start = NEWEST if before is None else before
            return catalog.events.before(connection, start, limit=limit, repository=repository.name)

    def all_events(
        self,
        by: Mandate,
        *,
        before: int | None,
        limit: int,
        wanted: EventFilter = EventFilter(),  # noqa: B008 -- frozen
    ) -> list[Event]:
        """List what happened to the hub, newest first, before an event or at all; only what is wanted.

        Raises:
            DeniedError: If the mandate is not one over the site.
            StorageError: If the catalog fails.
        """
        by.require_site()
        with self._premises.database.read() as connection:
            start = NEWEST if before is None else before
            return catalog.events.before(connection, start, limit=limit, wanted=wanted)

    def totals(self) -> Totals:
        """Count everything.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            return catalog.listing.totals(connection)
