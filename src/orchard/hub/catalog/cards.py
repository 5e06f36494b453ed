"""Repositories at a glance: what lists of them show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam

from orchard.hub.catalog import facts as known
from orchard.hub.catalog.listing import LATEST, SUMMARISED, repository_of, summed_up, tags_of
from orchard.hub.catalog.records import RepositorySummary, VersionSummary
from orchard.hub.db.schema import repositories

_CARDS: Final = (
    SUMMARISED.add_columns(*LATEST.c)
    .where(repositories.c.name.in_(bindparam("names", expanding=True)))
    .order_by(repositories.c.name)
)


@dataclass(frozen=True, slots=True)
class Card:
    """A repository at a glance.

    Attributes:
        latest: Its newest version.
        facts: What is known of that one, of the keys that were asked for.
    """

    summary: RepositorySummary
    latest: VersionSummary
    facts: Mapping[str, Sequence[str | float]]


def cards(connection: Connection, names: Sequence[str], keys: Sequence[str]) -> list[Card]:
    """Describe repositories that hold a version, in the order of their names."""
    rows = connection.execute(_CARDS, {"names": names}).all()
    ids = [row.id for row in rows]
    tagged = tags_of(connection, ids)
    found = known.grouped(connection, ids, keys) if ids and keys else {}
    return [Card(repository_of(row), summed_up(row, tagged.get(row.id, [])), found.get(row.id, {})) for row in rows]
