"""What tables for people are made of: the versions of a repository row by row, and repositories at a glance."""

from collections.abc import Callable, Sequence
from typing import Final

from orchard.errors import InvalidError
from orchard.hub import catalog
from orchard.hub.access import Action, Principal
from orchard.hub.catalog import Card, KnownKey, Line, Query, SheetQuery, selecting
from orchard.hub.registry.reading import Premises, ReadableRepository

MAX_ROWS: Final = 1000


class Tabling:
    """Makes tables of what somebody may read.

    Args:
        premises: What the registry works with.
        readable: Opens a repository for reading, or refuses.
    """

    def __init__(self, premises: Premises, readable: Callable[[Principal, str], ReadableRepository]) -> None:
        self._premises = premises
        self._readable = readable

    def keys(self, who: Principal, name: str) -> list[KnownKey]:
        """Give the facts that are known of the newest versions: what there can be columns of.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            DeniedError: If ``who`` may not see it.
            StorageError: If the catalog fails.
        """
        repository = self._readable(who, name)
        with self._premises.database.read() as connection:
            return catalog.sheets.keys(connection, repository.name)

    def lines(self, who: Principal, name: str, query: SheetQuery) -> list[Line]:
        """Give part of the table of versions; nothing if there is no such repository.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            InvalidError: If the filter cannot be understood, or there is no such part in this order.
            DeniedError: If ``who`` may not see it.
            StorageError: If the catalog fails.
        """
        repository = self._readable(who, name)
        asked = catalog.parse(query.filter)
        if query.after and not catalog.sheets.fits(query.order, query.after):
            raise InvalidError("this part of the table is none: begin with its first part")
        with self._premises.database.read() as connection:
            return catalog.sheets.lines(connection, repository.name, query, condition=self._condition(asked))

    def _condition(self, asked: Query) -> selecting.Condition | None:
        if not asked.terms:
            return None
        ground = selecting.Ground(self._premises.database.dialect, self._premises.at)
        return selecting.condition(asked, ground)

    def cards(self, who: Principal, names: Sequence[str], keys: Sequence[str]) -> list[Card]:
        """Describe those of these repositories that ``who`` may see and that hold a version, by name.

        Raises:
            StorageError: If the catalog fails.
        """
        seen = self._seen(who, names)
        with self._premises.database.read() as connection:
            return catalog.cards.cards(connection, seen, keys)

    def _seen(self, who: Principal, names: Sequence[str]) -> list[str]:
        self._premises.policy.prepare(who, names)
        return [name for name in names if self._premises.policy.allows(who, Action.PULL, name)]
