"""Conditions over versions, made of queries: for search, the table of versions and the API alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Integer, Select, and_, exists, false, func, or_, select, true

from orchard.hub.catalog.amounts import Span
from orchard.hub.catalog.fields import Place
from orchard.hub.catalog.queries import Query, Term, Test, Value
from orchard.hub.db.fulltext import Part, Phrase, holding, search_texts
from orchard.hub.db.rules import manifest_pulls
from orchard.hub.db.schema import manifests, repositories, tags
from orchard.hub.db.understood import facts

Condition = ColumnElement[bool]

_ANY: Final = "%"
_LARGEST: Final = (1 << 63) - 1
_LAST: Final = "\U0010ffff"
PULLS: Final = func.coalesce(
    select(manifest_pulls.c.pulls).where(manifest_pulls.c.manifest_id == manifests.c.id).scalar_subquery(), 0
)
_PARTS: Final = MappingProxyType({"description": Part.ABOUT, "card": Part.CARD})


@dataclass(frozen=True, slots=True)
class Ground:
    """What a condition stands on.

    Attributes:
        dialect: ``sqlite`` or ``postgresql``.
        at: The time, in milliseconds since 1970.
    """

    dialect: str
    at: int


def condition(query: Query, ground: Ground) -> Condition:
    """Make a condition over ``manifests``: all terms of a query hold. It needs no table but that one beside it."""
    phrases = query.words
    found = [_term(term, ground) for term in query.terms if term.negated or not isinstance(term.content, Phrase)]
    if phrases:
        found.append(_has_words(phrases, ground))
    return and_(true(), *found)


def _has_words(phrases: Sequence[Phrase], ground: Ground) -> Condition:
    """Say that a version holds all of some phrases; or that its repository's name does, be it inside of words.

    Both are one list of rows, from which an engine can begin; with an OR it would look at each version.
    """
    held, named = holding(ground.dialect, phrases), in_names(phrases)
    if named is None:
        return manifests.c.id.in_(held)
    return manifests.c.id.in_(held.union_all(select(manifests.c.id).where(manifests.c.repository_id.in_(named))))


def in_names(phrases: Sequence[Phrase]) -> Select[Any] | None:
    """Select the repositories whose names hold all of some phrases; none if one is to be taken as it is."""
    if any(phrase.whole for phrase in phrases):
        return None
    like = [repositories.c.name.like(f"%{_ANY.join(map(_escape, one.words))}%", escape="\\") for one in phrases]
    return select(repositories.c.id).where(*like)


def _term(term: Term, ground: Ground) -> Condition:
    content = term.content
    if isinstance(content, Phrase):
        holds: Condition = _has_words([content], ground)
    elif content.field.place is Place.WORDS:
        holds = _in_words(content, ground)
    elif content.field.place is Place.LIVE:
        holds = _LIVE[content.key](content, ground)
    else:
        holds = _in_facts(content, ground)
    return ~holds if term.negated else holds


def _in_facts(test: Test, ground: Ground) -> Condition:
    chosen = select(facts.c.manifest_id).where(facts.c.key == test.key)
    if test.values:
        chosen = chosen.where(_any(test, ground, text=facts.c.folded, number=facts.c.number))
    return manifests.c.id.in_(chosen)


def _in_words(test: Test, ground: Ground) -> Condition:
    part = _PARTS[test.key]
    if not test.values:
        return manifests.c.id.in_(select(search_texts.c.manifest_id).where(search_texts.c[part] != ""))
    found = [holding(ground.dialect, [value.words], [part]) for value in test.values if value.words is not None]
    return or_(false(), *(manifests.c.id.in_(one) for one in found))


def _of_repository(test: Test, ground: Ground) -> Condition:
    column = repositories.c.namespace if test.key == "namespace" else repositories.c.name
    return manifests.c.repository_id.in_(select(repositories.c.id).where(_any(test, ground, text=column)))


def _of_tag(test: Test, ground: Ground) -> Condition:
    return manifests.c.id.in_(select(tags.c.manifest_id).where(_any(test, ground, text=tags.c.name)))


def _of_state(_: Test, __: Ground) -> Condition:
    return exists().where(tags.c.manifest_id == manifests.c.id).correlate(manifests)


def _of_digest(test: Test, ground: Ground) -> Condition:
    whole = [_whole_digest(value) for value in test.values]
    return _any(Test(test.key, test.field, tuple(whole)), ground, text=manifests.c.digest)


def _whole_digest(value: Value) -> Value:
    """Take a digest without an algorithm for one of the usual one."""
    first, *rest = value.text or ("",)
    return Value(text=(first if ":" in first or not first else f"sha256:{first}", *rest))


def _of(column: ColumnElement[Any], *, text: bool) -> Callable[[Test, Ground], Condition]:
    def condition(test: Test, ground: Ground) -> Condition:
        return _any(test, ground, text=func.lower(column)) if text else _any(test, ground, number=column)

    return condition


_LIVE: Final[Mapping[str, Callable[[Test, Ground], Condition]]] = MappingProxyType(
    {
        "repo": _of_repository,
        "namespace": _of_repository,
        "tag": _of_tag,
        "is": _of_state,
        "digest": _of_digest,
        "kind": _of(manifests.c.kind, text=True),
        "by": _of(manifests.c.pushed_by, text=True),
        "pushed": _of(manifests.c.pushed_at, text=False),
        "size": _of(manifests.c.total_size, text=False),
        "pulls": _of(PULLS, text=False),
    }
)


def _any(
    test: Test,
    ground: Ground,
    *,
    text: ColumnElement[Any] | None = None,
    number: ColumnElement[Any] | None = None,
) -> Condition:
    """Say that a text or a number is one of the values; or that it is there at all."""
    if not test.values:
        column = number if text is None else text
        return true() if column is None else column.is_not(None)
    found: list[Condition] = []
    plain = [value.text[0] for value in test.values if value.text is not None and len(value.text) == 1]
    if text is not None and plain and not test.field.begins:
        found.append(text.in_(plain))
    for value in test.values:
        if text is not None and value.text is not None and (len(value.text) > 1 or test.field.begins):
            found.append(_like(text, value.text if len(value.text) > 1 else (*value.text, "")))
        if number is not None and value.span is not None:
            found.append(_within(number, value.span, ground))
    return or_(false(), *found)


def _like(column: ColumnElement[Any], pieces: Sequence[str]) -> Condition:
    """Say that the pieces are in a text in their order, the first at its beginning and the last at its end."""
    first = pieces[0]
    sorted_by_bytes = isinstance(column, Column)  # and not something made of one, which no index is made of either
    found: list[Condition] = [column >= first, column < first + _LAST] if first and sorted_by_bytes else []
    if not found or any(pieces[1:]):
        found.append(column.like(_ANY.join(map(_escape, pieces)), escape="\\"))
    return and_(*found)


def _escape(piece: str) -> str:
    return piece.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _within(column: ColumnElement[Any], span: Span, ground: Ground) -> Condition:
    if span.ago:  # what is more than so long ago is before a moment
        span = Span(_ago(span.high, ground), _ago(span.low, ground), span.below, span.above)
    whole = isinstance(column.type, Integer)  # PostgreSQL looks nothing up that it must convert first
    found: list[Condition] = []
    if span.low is not None:
        low = _whole(span.low, up=not span.above) if whole else span.low
        found.append(column > low if span.above else column >= low)
    if span.high is not None:
        high = _whole(span.high, up=span.below) if whole else span.high
        found.append(column < high if span.below else column <= high)
    return and_(true(), *found)


def _whole(number: float, *, up: bool) -> int:
    return max(-_LARGEST, min(_LARGEST, ceil(number) if up else floor(number)))


def _ago(milliseconds: float | None, ground: Ground) -> float | None:
    return None if milliseconds is None else ground.at - milliseconds
