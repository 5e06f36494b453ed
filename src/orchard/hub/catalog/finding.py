"""Finding versions by queries: which there are, in which order, and what they have in common."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, and_, bindparam, func, or_, select

from orchard.hub.catalog import listing
from orchard.hub.catalog.facts import Fact
from orchard.hub.catalog.facts import of as facts_of
from orchard.hub.catalog.ordering import Mark, Order
from orchard.hub.catalog.queries import Query
from orchard.hub.catalog.records import VersionSummary
from orchard.hub.catalog.selecting import Ground, condition
from orchard.hub.db.folding import fold
from orchard.hub.db.people import namespaces
from orchard.hub.db.schema import manifests, repositories
from orchard.hub.db.understood import facts

FACETS: Final = ("format", "license", "framework")
SHOWN: Final = ("format", "params", "license", "framework", "architecture", "precision", "quantization", "base_model")
MOST_COUNTED: Final = 2000  # versions
_MOST_VALUES: Final = 10  # of a facet
_SAMPLE: Final = 300  # versions whose facts tell which keys there are
_MOST_KEYS: Final = 200

_ROWS: Final = (
    select(manifests, repositories.c.name.label("repository"))
    .select_from(manifests.join(repositories))
    .where(manifests.c.id.in_(bindparam("ids", expanding=True)))
)


@dataclass(frozen=True, slots=True)
class Within:
    """Where to look: in these repositories.

    Attributes:
        everywhere: Whether in all.
        namespaces: All of these.
        repositories: And these.
        public: And all that everybody may read.
    """

    everywhere: bool = False
    namespaces: Collection[str] = ()
    repositories: Collection[str] = ()
    public: bool = False

    def condition(self) -> ColumnElement[bool]:
        """Make a condition over ``manifests``."""
        if self.everywhere:
            return manifests.c.subject_digest.is_(None)
        found: list[ColumnElement[bool]] = [
            repositories.c.name.in_(_all(self.repositories)),
            repositories.c.namespace.in_(_all(self.namespaces)),
        ]
        if self.public:
            usual = select(namespaces.c.visibility).where(namespaces.c.name == repositories.c.namespace)
            found.append(func.coalesce(repositories.c.visibility, usual.scalar_subquery()) == "public")
        seen = select(repositories.c.id).where(or_(*found))
        return and_(manifests.c.subject_digest.is_(None), manifests.c.repository_id.in_(seen))


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which versions are meant: those that a query finds somewhere."""

    within: Within
    query: Query
    ground: Ground

    def condition(self) -> ColumnElement[bool]:
        """Make a condition over ``manifests``."""
        return and_(listing.SHOWN, self.within.condition(), condition(self.query, self.ground))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A version that was found.

    Attributes:
        number: Its row.
        facts: What is known of it, by key, of what was wanted.
    """

    number: int
    repository: str
    version: VersionSummary
    facts: dict[str, tuple[str | float, ...]]


@dataclass(frozen=True, slots=True)
class Common:
    """What versions that were found have in common.

    Attributes:
        total: How many there are.
        exact: Whether there are no more than were counted: else these are the newest.
        values: Of some keys, the values that most have, with how many.
    """

    total: int
    exact: bool
    values: dict[str, list[tuple[str, int]]]


def _all(names: Collection[str]) -> BindParameter[str]:
    """Write names into the statement itself: it takes more of them than it may have parameters."""
    return bindparam(None, sorted(names), expanding=True, literal_execute=True)


def find(
    connection: Connection,
    chosen: Chosen,
    order: Order,
    *,
    after: Mark | None,
    limit: int,
    latest: bool,
) -> tuple[list[int], Mark | None]:
    """Give the rows of versions, at most ``limit``; and the place of the last, if there are more.

    Args:
        connection: To the catalog.
        chosen: Which are meant.
        order: In which they come.
        after: Where the part before ended.
        limit: Most to give.
        latest: Whether to give only the first of each repository.
    """
    arranged = order.arranged(chosen.condition(), latest=latest)
    if after is not None:
        arranged = order.behind(arranged, after)
    rows = connection.execute(arranged.limit(limit + 1)).all()
    following = tuple(rows[limit - 1])[1:] if len(rows) > limit else None
    return [row[0] for row in rows[:limit]], following


def described(connection: Connection, ids: Sequence[int], keys: Sequence[str]) -> list[Found]:
    """Describe versions, in this order; signatures that have a tag for want of a referrers API are left out."""
    rows = {row.id: row for row in connection.execute(_ROWS, {"ids": list(ids)})}
    tagged = listing.tags_of(connection, ids)
    known = facts_of(connection, ids, keys)
    return [
        Found(
            number=one,
            repository=rows[one].repository,
            version=listing.summed_up(rows[one], tagged.get(one, [])),
            facts=_by_key(known.get(one, [])),
        )
        for one in ids
        if not listing.is_stand_in(tagged.get(one, []))
    ]


def common(connection: Connection, chosen: Chosen) -> Common:
    """Count what versions have in common; of many, the newest."""
    counted = _newest(chosen.condition(), MOST_COUNTED + 1).subquery()
    looked_up = select(*(_value(key, counted.c.id) for key in FACETS)).select_from(counted)
    rows = connection.execute(looked_up).all()
    values = {key: _most([row[number] for row in rows[:MOST_COUNTED]]) for number, key in enumerate(FACETS)}
    return Common(min(len(rows), MOST_COUNTED), len(rows) <= MOST_COUNTED, values)


def _value(key: str, manifest: ColumnElement[int]) -> ColumnElement[Any]:
    """Look up a value of a version: without a choice, for the engine would begin with the most frequent values."""
    wanted = facts.c.manifest_id == manifest, facts.c.key == key, facts.c.position == 0
    return select(facts.c.text).where(*wanted).scalar_subquery()


def _most(values: Iterable[str | None]) -> list[tuple[str, int]]:
    """Count values, however they are written; give those that are most frequent, each as it is written most often."""
    spellings: dict[str, Counter[str]] = {}
    for text, count in Counter(value for value in values if value is not None).items():
        spellings.setdefault(fold(text), Counter())[text] += count
    found = [(spelt.most_common(1)[0][0], spelt.total()) for spelt in spellings.values()]
    return sorted(found, key=lambda one: (-one[1], one[0]))[:_MOST_VALUES]


def known_keys(connection: Connection, within: Within) -> dict[str, str | float]:
    """Give keys of facts of the newest versions, each with one of its values."""
    sample = connection.execute(_newest(within.condition(), _SAMPLE)).scalars().all()
    some = func.min(facts.c.text), func.min(facts.c.number)
    statement = (
        select(facts.c.key, some[0].label("text"), some[1].label("number"))
        .where(facts.c.manifest_id.in_(sample))
        .group_by(facts.c.key)
        .order_by(facts.c.key)
        .limit(_MOST_KEYS)
    )
    return {row.key: row.text if row.number is None else row.number for row in connection.execute(statement)}


def _newest(condition: ColumnElement[bool], limit: int) -> Select[Any]:
    return select(manifests.c.id).where(condition).order_by(manifests.c.pushed_at.desc()).limit(limit)


def _by_key(known: Sequence[Fact]) -> dict[str, tuple[str | float, ...]]:
    found: dict[str, tuple[str | float, ...]] = {}
    for fact in known:
        found[fact.key] = (*found.get(fact.key, ()), fact.value)
    return found
