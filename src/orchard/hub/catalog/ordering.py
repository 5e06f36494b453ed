"""In which order versions are found, and how a place in that order is written down, for whoever goes on from there."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, false, func, literal, or_, select
from sqlalchemy.sql.expression import FromClause

from orchard.errors import InvalidError
from orchard.hub.catalog.fields import Field, Kind, Place, find
from orchard.hub.catalog.queries import Query
from orchard.hub.catalog.selecting import PULLS, Ground, in_names
from orchard.hub.db.fulltext import Part, holding
from orchard.hub.db.schema import manifests, repositories
from orchard.hub.db.understood import facts

Mark = tuple[int | float | str, ...]

RELEVANCE: Final = "relevance"
NEWEST: Final = "newest"
OLDEST: Final = "oldest"
_MAX_MARK: Final = 2048  # characters
_LARGEST: Final = 1.7e308
_LAST: Final = "\uffff"  # behind whatever people write
_LIVE: Final[Mapping[str, tuple[ColumnElement[Any], type]]] = MappingProxyType(
    {
        "pushed": (manifests.c.pushed_at, int),
        "size": (manifests.c.total_size, int),
        "pulls": (PULLS, int),
        "kind": (manifests.c.kind, str),
        "by": (manifests.c.pushed_by, str),
        "repo": (
            select(repositories.c.name).where(repositories.c.id == manifests.c.repository_id).scalar_subquery(),
            str,
        ),
    }
)


@dataclass(frozen=True, slots=True)
class _Key:
    """One thing that decides.

    Attributes:
        sort: What its values are in a mark.
    """

    value: ColumnElement[Any]
    sort: type
    falling: bool


@dataclass(frozen=True, slots=True)
class Order:
    """An order in which no two versions have one place.

    Attributes:
        field: The field whose values decide; none if it is another matter.
    """

    keys: tuple[_Key, ...]
    field: str | None = None

    def arranged(self, condition: ColumnElement[bool], *, latest: bool) -> Select[Any]:
        """Select the versions that meet a condition: row, repository, and the values that decide.

        Args:
            condition: Over ``manifests``.
            latest: Whether to take only the first of each repository.
        """
        found = self._found(condition).subquery()
        if not latest:
            return self._sorted(found)
        place = func.row_number().over(partition_by=found.c.repository_id, order_by=self._ways(found)).label("place")
        firsts = select(found, place).subquery()  # not in one step: each value would be looked up twice
        return self._sorted(firsts).where(firsts.c.place == 1)

    def behind(self, arranged: Select[Any], mark: Mark) -> Select[Any]:
        """Leave out what comes before a place, and that place itself."""
        return arranged.where(self._further(list(arranged.selected_columns)[2:], mark))

    def apart(self, condition: ColumnElement[bool], mark: Mark | None) -> Select[Any]:
        """Select the versions that meet a condition behind a place, if no other of their repositories stands before it.

        Whoever shows the first of each repository, and goes on from the last row that he read, shows none twice. To
        number all that is found, as ``arranged`` does, takes twice as long.
        """
        found = self._found(condition).cte("found")
        arranged = self._sorted(found)
        if mark is None:
            return arranged
        seen = found.alias("seen")
        shown = select(seen.c.repository_id).where(~self._further(self._columns(seen), mark))
        return arranged.where(self._further(self._columns(found), mark), found.c.repository_id.not_in(shown))

    def _found(self, condition: ColumnElement[bool]) -> Select[Any]:
        values = [key.value.label(f"key{number}") for number, key in enumerate(self.keys)]
        return select(manifests.c.id, manifests.c.repository_id, *values).where(condition)

    def _sorted(self, found: FromClause) -> Select[Any]:
        return select(found.c.id, found.c.repository_id, *self._columns(found)).order_by(*self._ways(found))

    def _ways(self, found: FromClause) -> list[ColumnElement[Any]]:
        return [
            column.desc() if key.falling else column
            for column, key in zip(self._columns(found), self.keys, strict=True)
        ]

    def _columns(self, found: FromClause) -> list[ColumnElement[Any]]:
        return [found.c[f"key{number}"] for number in range(len(self.keys))]

    def _further(self, columns: Sequence[ColumnElement[Any]], mark: Mark) -> ColumnElement[bool]:
        found: ColumnElement[bool] = false()
        for column, key, value in reversed(list(zip(columns, self.keys, mark, strict=True))):
            further = column < value if key.falling else column > value
            found = or_(further, and_(column == value, found))
        return found

    def read(self, text: str) -> Mark:
        """Read a place.

        Raises:
            InvalidError: If it is none in this order.
        """
        try:
            value = json.loads(urlsafe_b64decode(text[:_MAX_MARK] + "=" * (-len(text) % 4)))
        except (binascii.Error, ValueError, RecursionError):
            value = None
        if not isinstance(value, list) or len(value) != len(self.keys) or not all(map(_fits, value, self.keys)):
            raise InvalidError(f"after={text[:64]!r} does not come from the `next` of this list")
        return tuple(value)


def write(mark: Sequence[int | float | str]) -> str:
    """Write down a place."""
    return urlsafe_b64encode(json.dumps(list(mark)).encode()).decode().rstrip("=")


def parse_order(text: str, query: Query, ground: Ground) -> Order:
    """Read how to sort: ``relevance``, ``newest``, ``oldest``, a field, or ``-field`` with the largest first.

    Whatever has no value in the field comes last. Nothing at all stands for ``relevance``.

    Raises:
        InvalidError: If it says something else.
    """
    if text in {"", RELEVANCE, NEWEST}:
        nearness = [_nearness(query, ground)] if query.words and text != NEWEST else []
        return Order((*nearness, _Key(manifests.c.pushed_at, int, falling=True), _last()))
    if text == OLDEST:
        return Order((_Key(manifests.c.pushed_at, int, falling=False), _last(falling=False)))
    falling = text.startswith("-")
    found = find(text.removeprefix("-"))
    if found is None or (found[1].place is not Place.FACT and found[0] not in _LIVE):
        raise InvalidError(
            f"sort={text[:64]!r} is no order; take relevance, newest, oldest, or a field such as -metric.accuracy"
        )
    name, field = found
    return Order((_by_live(name, falling=falling) or _by_fact(name, field, falling=falling), _last()), name)


def _last(*, falling: bool = True) -> _Key:
    return _Key(manifests.c.id, int, falling)


def _nearness(query: Query, ground: Ground) -> _Key:
    """Tell how much the place says where all words are found: 0 in names, 1 inside of them, 2 with descriptions, or 3.

    Asking the full text again is cheap for few parts: of 10,000 versions whose cards all hold a word, 1.5 ms for both,
    where reading their texts takes 30.
    """
    called, about = (
        manifests.c.id.in_(holding(ground.dialect, query.words, parts))
        for parts in ((Part.NAMES,), (Part.NAMES, Part.ABOUT))
    )
    named = in_names(query.words)
    partly = [] if named is None else [(manifests.c.repository_id.in_(named), literal(1))]
    return _Key(case((called, literal(0)), *partly, (about, literal(2)), else_=3), int, falling=False)


def _by_live(name: str, *, falling: bool) -> _Key | None:
    known = _LIVE.get(name)
    return None if known is None else _Key(*known, falling)


def _by_fact(name: str, field: Field, *, falling: bool) -> _Key:
    is_text = field.kind is Kind.TEXT
    column: ColumnElement[Any] = facts.c.folded if is_text else facts.c.number
    value = select(column).where(facts.c.manifest_id == manifests.c.id, facts.c.key == name, facts.c.position == 0)
    missing: str | float = ("" if falling else _LAST) if is_text else (-_LARGEST if falling else _LARGEST)
    return _Key(func.coalesce(value.scalar_subquery(), missing), str if is_text else float, falling)


def _fits(value: object, key: _Key) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return key.sort is not str and -(1 << 63) <= value < 1 << 63
    if isinstance(value, str):
        return key.sort is str and "\0" not in value and value.encode("utf-8", "replace").decode() == value
    return isinstance(value, float) and key.sort is float and abs(value) <= _LARGEST  # NaN is not
