"""Repositories at a glance, and what was pushed last: what the first page shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, select

from orchard.hub.catalog import facts as known
from orchard.hub.catalog.listing import LATEST, SUMMARISED, is_stand_in, repository_of, summed_up, tags_of
from orchard.hub.catalog.records import RepositorySummary, VersionSummary
from orchard.hub.db.schema import manifests, repositories

_CARDS: Final = (
    SUMMARISED.add_columns(*LATEST.c)
    .where(repositories.c.name.in_(bindparam("names", expanding=True)))
    .order_by(repositories.c.name)
)
# The order of numbers is the order of time, but for what was pushed again; and it has an index.
_RECENT: Final = (
    select(manifests, repositories.c.name.label("repository"))
    .select_from(manifests.join(repositories))
    .where(manifests.c.subject_digest.is_(None))
    .order_by(manifests.c.id.desc())
    .limit(bindparam("limit"))
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


def recent(connection: Connection, *, limit: int) -> list[tuple[str, VersionSummary]]:
    """List the versions that came last, with the names of their repositories, newest first."""
    rows = connection.execute(_RECENT, {"limit": limit}).all()
    tagged = tags_of(connection, [row.id for row in rows])
    return [
        (row.repository, summed_up(row, tagged.get(row.id, [])))
        for row in rows
        if not is_stand_in(tagged.get(row.id, []))
    ]
