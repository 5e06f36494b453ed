"""Finding versions by queries: which there are, in which order, and what they have in common."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    true,
)

from orchard.hub.catalog import listing
from orchard.hub.catalog.facts import Fact
from orchard.hub.catalog.facts import of as facts_of
from orchard.hub.catalog.ordering import Mark, Order
from orchard.hub.catalog.queries import Query
from orchard.hub.catalog.records import VersionSummary
from orchard.hub.catalog.selecting import Ground, condition
from orchard.hub.db.folding import fold
from orchard.hub.db.people import namespaces
from orchard.hub.db.schema import manifests, repositories, tags
from orchard.hub.db.understood import facts

FACETS: Final = ("kind", "format", "license", "architecture", "framework", "dataset", "namespace", "tag")
SHOWN: Final = ("format", "params", "license", "framework", "architecture", "precision", "quantization", "base_model")
MOST_COUNTED: Final = 2000  # versions
MOST_SURVEYED: Final = 500  # versions
_MOST_VALUES: Final = 10  # of a facet
_SAMPLE: Final = 300  # versions whose facts tell which keys there are
_MOST_KEYS: Final = 200

_MOST_SPELLINGS: Final = 100  # of a facet: each is folded

_IDS: Final = bindparam("ids", expanding=True, literal_execute=True, type_=Integer)
_IN_FACTS: Final = [key for key in FACETS if key not in {"kind", "namespace", "tag"}]
# How many of some versions have each value of each facet, wherever it is kept.
_COUNTED: Final = (
    select(facts.c.key, facts.c.text.label("value"), func.count().label("versions"))
    .where(facts.c.manifest_id.in_(_IDS), facts.c.key.in_(_IN_FACTS))
    .group_by(facts.c.key, facts.c.text),
    select(literal("tag").label("key"), tags.c.name.label("value"), func.count().label("versions"))
    .where(tags.c.manifest_id.in_(_IDS))
    .group_by(tags.c.name),
    select(literal("kind").label("key"), manifests.c.kind.label("value"), func.count().label("versions"))
    .where(manifests.c.id.in_(_IDS))
    .group_by(manifests.c.kind),
    select(literal("namespace").label("key"), repositories.c.namespace.label("value"), func.count().label("versions"))
    .select_from(manifests.join(repositories))
    .where(manifests.c.id.in_(_IDS))
    .group_by(repositories.c.namespace),
)
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
        seen = select(repositories.c.id).where(self.of_repositories())
        return and_(manifests.c.subject_digest.is_(None), manifests.c.repository_id.in_(seen))

    def of_repositories(self) -> ColumnElement[bool]:
        """Make a condition over ``repositories``."""
        if self.everywhere:
            return true()
        found: list[ColumnElement[bool]] = [
            repositories.c.name.in_(_all(self.repositories)),
            repositories.c.namespace.in_(_all(self.namespaces)),
        ]
        if self.public:
            usual = select(namespaces.c.name).where(namespaces.c.visibility == "public")
            follows = and_(repositories.c.visibility.is_(None), repositories.c.namespace.in_(usual))
            found.append(or_(repositories.c.visibility == "public", follows))
        return or_(*found)


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
    following = tuple(rows[limit - 1])[2:] if len(rows) > limit else None
    return [row[0] for row in rows[:limit]], following


@dataclass(frozen=True, slots=True)
class Standing:
    """A version among those that were found.

    Attributes:
        number: Its row.
        repository: The row of its repository.
        mark: Its place.
    """

    number: int
    repository: int
    mark: Mark


def survey(
    connection: Connection, chosen: Chosen, order: Order, *, after: Mark | None, apart: bool
) -> tuple[list[Standing], bool]:
    """Give many versions at once, for whoever shows some of them and tells what all are; and whether these are all.

    Args:
        connection: To the catalog.
        chosen: Which are meant.
        order: In which they come.
        after: Where the part before ended.
        apart: Whether to leave out the versions of repositories that were in a part before.
    """
    if apart:
        arranged = order.apart(chosen.condition(), after)
    else:
        arranged = order.arranged(chosen.condition(), latest=False)
        arranged = arranged if after is None else order.behind(arranged, after)
    rows = connection.execute(arranged.limit(MOST_SURVEYED + 1)).all()
    found = [Standing(row[0], row[1], tuple(row)[2:]) for row in rows[:MOST_SURVEYED]]
    return found, len(rows) <= MOST_SURVEYED


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
    ids = connection.execute(_newest(chosen.condition(), MOST_COUNTED + 1)).scalars().all()
    return shared(connection, ids[:MOST_COUNTED], exact=len(ids) <= MOST_COUNTED)


def shared(connection: Connection, ids: Sequence[int], *, exact: bool) -> Common:
    """Count what these versions have in common.

    Args:
        connection: To the catalog.
        ids: Their rows.
        exact: Whether these are all that are meant.
    """
    found: dict[str, Counter[str]] = {key: Counter() for key in FACETS}
    for statement in _COUNTED:
        for row in connection.execute(statement, {"ids": ids}):
            if row.value is not None:
                found[row.key][row.value] += row.versions
    found["tag"] = Counter({tag: count for tag, count in found["tag"].items() if not listing.is_stand_in([tag])})
    return Common(len(ids), exact, {key: _most(values) for key, values in found.items()})


def _most(values: Counter[str]) -> list[tuple[str, int]]:
    """Count values, however they are written; give those that are most frequent, each as it is written most often."""
    spellings: dict[str, Counter[str]] = {}
    for text, count in values.most_common(_MOST_SPELLINGS):
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
