"""The tags of a repository for people: where each points, what protects it, and where it has pointed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchard.hub import catalog
from orchard.hub.access import Principal
from orchard.hub.catalog import TagMove, TagRule, TagSummary
from orchard.hub.registry.reading import Premises, ReadableRepository


@dataclass(frozen=True, slots=True)
class TagState:
    """One tag.

    Attributes:
        rules: What holds for it.
    """

    summary: TagSummary
    rules: Sequence[TagRule]


class TagBoard:
    """Tells of tags that somebody may read.

    Args:
        premises: What the registry works with.
        readable: Opens a repository for reading, or refuses.
    """

    def __init__(self, premises: Premises, readable: Callable[[Principal, str], ReadableRepository]) -> None:
        self._premises = premises
        self._readable = readable

    def tags(self, who: Principal, name: str, *, after: str, limit: int) -> list[TagState]:
        """List the tags of a repository by name, those after ``after``.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            DeniedError: If ``who`` may not see it.
            StorageError: If the catalog fails.
        """
        repository = self._readable(who, name)
        with self._premises.database.read() as connection:
            rules = catalog.rules.for_tags(connection, repository.name)
            found = catalog.listing.tags_after(connection, repository.name, after=after, limit=limit)
        return [TagState(tag, [rule for rule in rules if rule.pattern.matches(tag.name)]) for tag in found]

    def moves(self, who: Principal, name: str, tag: str, *, limit: int) -> list[TagMove]:
        """List where a tag has pointed, newest first, be it there still or not.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            NotFoundError: If there was never such a tag.
            DeniedError: If ``who`` may not see it.
            StorageError: If the catalog fails.
        """
        return self._readable(who, name).tag_moves(tag, limit=limit)
