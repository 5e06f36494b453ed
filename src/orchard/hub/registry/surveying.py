"""What an administrator sees of all repositories at once: what retention would take, and what was deleted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from orchard.errors import NotFoundError
from orchard.hub import catalog
from orchard.hub.catalog import Trashed
from orchard.hub.catalog.usage import EVERYWHERE
from orchard.hub.registry.reading import Premises
from orchard.hub.registry.retaining import Plan
from orchard.hub.registry.upkeep import Upkeep

LOOKED_AT: Final = 200  # repositories, for one part of a list
_COUNTED: Final = 2000  # manifests whose bytes are counted, of one repository


@dataclass(frozen=True, slots=True)
class Loss:
    """What retention would take from a repository now.

    Attributes:
        plan: What goes, and what stays.
        freed: Bytes that nothing would name any more; of the first 2,000 manifests if more go.
    """

    plan: Plan
    freed: int


@dataclass(frozen=True, slots=True)
class Losses:
    """Part of a list of losses.

    Attributes:
        found: Repositories that would lose something, by name.
        looked_at: How many were looked at for it.
        after: Where the next part begins; empty at the end.
    """

    found: list[Loss]
    looked_at: int
    after: str


class Survey:
    """All repositories at once. Having it is the permission."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def losses(self, scope: str, *, after: str = "", limit: int) -> Losses:
        """Tell what retention would take from the repositories of a scope, and change nothing.

        Args:
            scope: A repository, a namespace, or ``*`` for the whole hub.
            after: Where to begin, by name.
            limit: Most repositories to give that would lose something; at most 200 are looked at.

        Raises:
            StorageError: If the catalog fails.
        """
        upkeep, found, number, last = Upkeep(self._premises), list[Loss](), 0, after
        for name in self._names(scope, after):
            if len(found) == limit or number == LOOKED_AT:
                return Losses(found, number, last)
            last, number = name, number + 1
            try:
                plan = upkeep.plan(name)
            except NotFoundError:  # deleted meanwhile
                continue
            if plan.goes:
                found.append(Loss(plan, self._freed(plan)))
        return Losses(found, number, "")

    def trash(self, *, before: int | None, limit: int) -> list[Trashed]:
        """List what was deleted anywhere and can come back, the last first.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            return catalog.trash.latest(connection, before=before, limit=limit)

    def _names(self, scope: str, after: str) -> Iterator[str]:
        """Name the repositories of a scope of which something is said about what is kept."""
        with self._premises.database.read() as connection:
            spoken = catalog.rules.keeping_scopes(connection)
            if scope != EVERYWHERE and not after and catalog.repositories.find(connection, scope) is not None:
                yield scope
        if not spoken:
            return
        start = after if scope == EVERYWHERE else max(after, f"{scope}/")
        while True:
            with self._premises.database.read() as connection:
                names = catalog.repositories.names(connection, start, LOOKED_AT)
            for name in names:
                if scope != EVERYWHERE and not name.startswith(f"{scope}/"):
                    return
                if not {*catalog.rules.scopes(name)}.isdisjoint(spoken):
                    yield name
            if len(names) < LOOKED_AT:
                return
            start = names[-1]

    def _freed(self, plan: Plan) -> int:
        digests = [gone.digest for gone in plan.goes[:_COUNTED]]
        with self._premises.database.read() as connection:
            return catalog.census.freed(connection, plan.repository, digests)
