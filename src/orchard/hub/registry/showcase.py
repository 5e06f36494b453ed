"""What somebody sees who looks around: repositories by name, and what was done lately."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchard.hub.access import Principal
from orchard.hub.catalog import activity, shelving
from orchard.hub.catalog.activity import Activity
from orchard.hub.catalog.shelving import Stretch
from orchard.hub.registry.reading import Premises
from orchard.hub.registry.sighting import within


@dataclass(frozen=True, slots=True)
class Names:
    """Part of the list of repositories that somebody may read.

    Attributes:
        earlier: Whether there are some before these.
        later: Whether there are some behind these.
        count: How many there are in all; none if they are many.
    """

    names: Sequence[str]
    earlier: bool
    later: bool
    count: int | None


class Showcase:
    """Shows what somebody may read, without reading more of it than is shown."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def names(self, who: Principal, wanted: Stretch) -> Names:
        """Name repositories that hold a version, in order.

        Raises:
            StorageError: If the catalog fails.
        """
        seen = within(self._premises, who)
        one_more = Stretch(namespace=wanted.namespace, after=wanted.after, before=wanted.before, limit=wanted.limit + 1)
        with self._premises.database.read() as connection:
            found, count = shelving.names(connection, seen, one_more)
        further = len(found) > wanted.limit
        if wanted.before:
            return Names(found[-wanted.limit :], earlier=further, later=True, count=count)
        return Names(found[: wanted.limit], earlier=bool(wanted.after), later=further, count=count)

    def lately(self, who: Principal, namespace: str = "", *, limit: int) -> list[Activity]:
        """List what was done last, newest first: versions that came, tags that moved.

        Raises:
            StorageError: If the catalog fails.
        """
        seen = within(self._premises, who)
        with self._premises.database.read() as connection:
            return activity.lately(connection, seen, namespace, limit=limit)
