"""Where somebody may look, as a condition that the catalog asks with: what nobody may see is not even counted."""

from typing import Final

from orchard.hub.access import Action, Principal
from orchard.hub.catalog import repositories
from orchard.hub.catalog.finding import Within
from orchard.hub.registry.reading import Premises

_BATCH: Final = 1000  # names


def within(premises: Premises, who: Principal) -> Within:
    """Tell which repositories ``who`` may read.

    Raises:
        StorageError: If the catalog fails.
    """
    who = who.for_lists
    sight = premises.policy.sight(who)
    if sight is None:
        return Within(repositories=_allowed(premises, who))
    return Within(sight.everything, sight.namespaces, sight.repositories, sight.public)


def _allowed(premises: Premises, who: Principal) -> list[str]:
    """Ask of each repository whether ``who`` may read it."""
    found: list[str] = []
    after = ""
    while True:
        with premises.database.read() as connection:
            names = repositories.names(connection, after, _BATCH)
        premises.policy.prepare(who, names)
        found.extend(name for name in names if premises.policy.allows(who, Action.PULL, name))
        if len(names) < _BATCH:
            return found
        after = names[-1]
