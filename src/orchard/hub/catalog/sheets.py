"""The table of a repository's versions, row by row: what is joined from everywhere, in any order, part by part.

One query gives the rows, one their tags, one the facts that are asked for, however many rows there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
)

from orchard.hub.catalog import facts as known
from orchard.hub.catalog.listing import SHOWN, is_stand_in, summed_up, tags_of
from orchard.hub.catalog.records import VersionSummary
from orchard.hub.db.rules import manifest_pulls
from orchard.hub.db.schema import manifests, repositories, tags
from orchard.hub.db.understood import facts, understandings

PUSHED: Final = "pushed"
SAMPLE: Final = 50  # newest versions whose facts tell which columns there can be
MAX_KEYS: Final = 400

_PULLS: Final = func.coalesce(manifest_pulls.c.pulls, 0)
_TAG: Final = select(func.min(tags.c.name)).where(tags.c.manifest_id == manifests.c.id).scalar_subquery()
_OWN: Final = select(manifests, _PULLS.label("pulls"), understandings.c.state)
_FROM: Final = (
    manifests.join(repositories)
    .outerjoin(manifest_pulls, manifest_pulls.c.manifest_id == manifests.c.id)
    .outerjoin(understandings, understandings.c.manifest_id == manifests.c.id)
)
_NEWEST: Final = (
    select(manifests.c.id)
    .select_from(manifests.join(repositories))
    .where(repositories.c.name == bindparam("name"), manifests.c.subject_digest.is_(None))
    .order_by(manifests.c.pushed_at.desc(), manifests.c.id.desc())
    .limit(SAMPLE)
)
_KEYS: Final = (
    select(
        facts.c.key,
        func.count(facts.c.manifest_id.distinct()).label("versions"),
        func.count(facts.c.number).label("numbers"),
        (func.count(facts.c.number.distinct()) + func.count(facts.c.text.distinct())).label("values"),
    )
    .where(facts.c.manifest_id.in_(_NEWEST))
    .group_by(facts.c.key)
    .order_by(facts.c.key)
    .limit(MAX_KEYS)
)

Scalar = str | int | float


@dataclass(frozen=True, slots=True)
class Order:
    """By what rows are sorted.

    Attributes:
        key: ``pushed``, ``by``, ``tag``, ``size`` or ``pulls``, else the key of a fact. Rows without it come last.
        descending: Largest first.
    """

    key: str = PUSHED
    descending: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetQuery:
    """Which part of the table is wanted.

    Attributes:
        filter: Which versions, in the query language; empty for all.
        after: Mark of the last row of the part before.
        limit: Most rows.
        keys: Facts wanted of each row.
    """

    order: Order = Order()
    filter: str = ""
    after: Sequence[Scalar] = ()
    limit: int
    keys: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table.

    Attributes:
        pulls: How often it was pulled.
        state: How far the hub has come with understanding it; none if it has not begun.
        facts: What is known of it, of the keys that were asked for.
        mark: Where it stands in the order.
    """

    summary: VersionSummary
    pulls: int
    state: str | None
    facts: Mapping[str, Sequence[str | float]]
    mark: Sequence[Scalar]


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that is known of the newest versions.

    Attributes:
        versions: How many of them have it.
        numeric: Whether its values are numbers.
        varies: Whether they differ.
    """

    key: str
    versions: int
    numeric: bool
    varies: bool


@dataclass(frozen=True, slots=True)
class _Term:
    """One thing that rows are sorted by, and the type of its marks."""

    value: ColumnElement[Any]
    descending: bool
    kind: type[int | float | str] = field(default=int)

    def follows(self, mark: Scalar) -> ColumnElement[bool]:
        return self.value < mark if self.descending else self.value > mark


def fits(order: Order, mark: Sequence[Scalar]) -> bool:
    """Tell whether a mark can be one of this order."""
    terms = _terms(order)
    return len(mark) == len(terms) and all(
        isinstance(value, (int, float) if term.kind is float else term.kind)
        for value, term in zip(mark, terms, strict=True)
    )


def lines(
    connection: Connection, name: str, query: SheetQuery, *, condition: ColumnElement[bool] | None = None
) -> list[Line]:
    """Give rows of the table of a repository, those whose manifests meet a condition.

    Signatures that have a tag count for the limit, and are left out.
    """
    terms = _terms(query.order)
    rows = connection.execute(_statement(query, terms, condition), {"name": name}).all()
    ids = [row.id for row in rows]
    tagged = tags_of(connection, ids)
    found = known.grouped(connection, ids, query.keys) if query.keys and ids else {}
    return [
        Line(
            summed_up(row, tagged.get(row.id, [])),
            row.pulls,
            row.state,
            found.get(row.id, {}),
            tuple(row[-len(terms) :]),
        )
        for row in rows
        if not is_stand_in(tagged.get(row.id, []))
    ]


def keys(connection: Connection, name: str) -> list[KnownKey]:
    """Give the keys that are known of the newest versions of a repository, in order, at most ``MAX_KEYS``."""
    return [
        KnownKey(row.key, row.versions, numeric=row.numbers > 0, varies=row.values > 1)
        for row in connection.execute(_KEYS, {"name": name})
    ]


def _statement(
    query: SheetQuery, terms: Sequence[_Term], condition: ColumnElement[bool] | None
) -> Select[*tuple[Any, ...]]:
    marks = [term.value.label(f"mark{number}") for number, term in enumerate(terms)]
    source = _FROM
    if query.order.key not in _BUILT_IN:
        here = and_(facts.c.manifest_id == manifests.c.id, facts.c.key == query.order.key, facts.c.position == 0)
        source = source.outerjoin(facts, here)
    statement = _OWN.add_columns(*marks).select_from(source).where(repositories.c.name == bindparam("name"), SHOWN)
    if condition is not None:
        statement = statement.where(condition)
    if query.after:
        statement = statement.where(_behind(terms, query.after))
    ordered = [term.value.desc() if term.descending else term.value.asc() for term in terms]
    return statement.order_by(*ordered).limit(query.limit)


def _behind(terms: Sequence[_Term], marks: Sequence[Scalar]) -> ColumnElement[bool]:
    """Say that a row stands behind a mark: written out, because some terms ascend while others descend."""
    result: ColumnElement[bool] = literal(value=False, type_=Boolean)
    for term, mark in reversed(list(zip(terms, marks, strict=True))):
        result = or_(term.follows(mark), and_(term.value == mark, result))
    return result


def _terms(order: Order) -> list[_Term]:
    own = _BUILT_IN.get(order.key)
    last = _Term(manifests.c.id, order.descending)
    if own is not None:
        return [*(_Term(value, descending=down and order.descending, kind=kind) for value, down, kind in own), last]
    rank = case((facts.c.number.is_not(None), 0), (facts.c.text.is_not(None), 1), else_=2)
    return [
        _Term(rank, descending=False),
        _Term(func.coalesce(facts.c.number, 0.0), order.descending, float),
        _Term(func.coalesce(facts.c.text, ""), order.descending, str),
        last,
    ]


# What rows are sorted by, if it is no fact: whether it descends when the order does, and of what type it is.
_BUILT_IN: Final[dict[str, list[tuple[ColumnElement[Any], bool, type[int | float | str]]]]] = {
    PUSHED: [(manifests.c.pushed_at, True, int)],
    "by": [(manifests.c.pushed_by, True, str)],
    "size": [(manifests.c.total_size, True, int)],
    "pulls": [(_PULLS, True, int)],
    "tag": [(case((_TAG.is_(None), 1), else_=0), False, int), (func.coalesce(_TAG, ""), True, str)],
}
