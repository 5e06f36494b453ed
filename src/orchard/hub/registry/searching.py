"""Searching: versions that somebody may read, by queries."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from orchard.hub.access import Principal
from orchard.hub.catalog import (
    Query,
    VersionSummary,
    excerpts,
    fields,
    finding,
    ordering,
    selecting,
    texts,
)
from orchard.hub.catalog.excerpts import Piece
from orchard.hub.catalog.fields import Field
from orchard.hub.catalog.finding import Chosen, Common, Found, Standing, Within
from orchard.hub.catalog.ordering import Mark
from orchard.hub.db import Transaction
from orchard.hub.registry.reading import Premises, ReadableRepository
from orchard.hub.registry.sighting import within

_PLAIN: Final = re.compile(r"[\w.\-]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wanted of a search.

    Attributes:
        sort: ``relevance`` (or nothing), ``newest``, ``oldest``, a field, or ``-field`` for the largest first.
        after: Where the part before ended; empty for the first.
        limit: Most versions to give.
        latest: Whether to give only the first version of each repository.
        facts: Keys of what else is to be told of each version.
    """

    query: Query
    sort: str = ""
    after: str = ""
    limit: int = 25
    latest: bool = False
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A version that was found.

    Attributes:
        facts: What matters of it, by key: a few things that all have, what the query names, what it is sorted by,
            and what was wished for.
        passage: Where its description or its card holds the words, in pieces; empty if they are elsewhere.
        among: How many versions of its repository were found, if it stands for all of them; else 1.
    """

    repository: str
    version: VersionSummary
    facts: Mapping[str, tuple[str | float, ...]]
    passage: tuple[Piece, ...]
    among: int = 1


@dataclass(frozen=True, slots=True)
class Hits:
    """Part of what was found.

    Attributes:
        after: ``after`` of the part that follows; none at the end.
    """

    hits: tuple[Hit, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class Findings:
    """Part of what was found, for people.

    Attributes:
        after: ``after`` of the part that follows; none at the end.
        common: What all that were found have in common, or the first 500 of them; none but with the first part.
    """

    hits: tuple[Hit, ...]
    after: str | None
    common: Common | None


@dataclass(frozen=True, slots=True)
class KnownField:
    """A field that can be asked.

    Attributes:
        name: As it is written in queries.
        example: A term that uses it.
        value: A value that it has in some version.
    """

    name: str
    field: Field
    example: str
    value: str | float | None = None


class Finder:
    """Finds versions that somebody may read."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def find(self, who: Principal, wish: Wish) -> Hits:
        """Find versions in all repositories that ``who`` may read.

        Raises:
            InvalidError: If ``sort`` or ``after`` is none.
            StorageError: If the catalog fails.
        """
        return self._find(within(self._premises, who), wish)

    def find_in(self, repository: ReadableRepository, wish: Wish) -> Hits:
        """Find versions in one repository.

        Raises:
            InvalidError: If ``sort`` or ``after`` is none.
            StorageError: If the catalog fails.
        """
        return self._find(Within(repositories=[repository.name]), wish)

    def look(self, who: Principal, wish: Wish) -> Findings:
        """Find versions in all repositories that ``who`` may read, and count what they have in common.

        With ``latest``, each stands for its repository: no repository comes twice, in whatever part.

        Raises:
            InvalidError: If ``sort`` or ``after`` is none.
            StorageError: If the catalog fails.
        """
        ground = self._ground
        order = ordering.parse_order(wish.sort, wish.query, ground)
        after = order.read(wish.after) if wish.after else None
        chosen = Chosen(within(self._premises, who), wish.query, ground)
        with self._premises.database.read() as connection:
            found, is_all = finding.survey(connection, chosen, order, after=after, apart=wish.latest)
            shown, following = _some(found, wish.limit, latest=wish.latest, is_all=is_all)
            hits = self._described(connection, list(shown), wish, order=order, among=shown)
            first = after is None
            common = finding.shared(connection, [one.number for one in found], exact=is_all) if first else None
        return Findings(tuple(hits), None if following is None else ordering.write(following), common)

    def common(self, who: Principal, query: Query) -> Common:
        """Count what the versions have in common that ``who`` may read and that a query finds.

        Raises:
            StorageError: If the catalog fails.
        """
        chosen = Chosen(within(self._premises, who), query, self._ground)
        with self._premises.database.read() as connection:
            return finding.common(connection, chosen)

    def fields(self, who: Principal) -> list[KnownField]:
        """List what can be asked: all fields, and the keys of families that versions have which ``who`` may read.

        Raises:
            StorageError: If the catalog fails.
        """
        seen = within(self._premises, who)
        with self._premises.database.read() as connection:
            known = finding.known_keys(connection, seen)
        found = [KnownField(one.name, one, one.examples[0], known.pop(one.name, None)) for one in fields.FIELDS]
        for key, value in known.items():
            family = fields.find(key)
            if family is not None:
                found.append(KnownField(key, family[1], _example(key, value), value))
        return found

    @property
    def _ground(self) -> selecting.Ground:
        return selecting.Ground(self._premises.database.dialect, self._premises.at)

    def _find(self, where: Within, wish: Wish) -> Hits:
        ground = self._ground
        order = ordering.parse_order(wish.sort, wish.query, ground)
        after = order.read(wish.after) if wish.after else None
        chosen = Chosen(where, wish.query, ground)
        with self._premises.database.read() as connection:
            ids, following = finding.find(connection, chosen, order, after=after, limit=wish.limit, latest=wish.latest)
            hits = self._described(connection, ids, wish, order=order)
        return Hits(tuple(hits), None if following is None else ordering.write(following))

    @staticmethod
    def _described(
        connection: Transaction,
        ids: Sequence[int],
        wish: Wish,
        *,
        order: ordering.Order,
        among: Mapping[int, int] = MappingProxyType({}),
    ) -> list[Hit]:
        keys = [*finding.SHOWN, *wish.facts, *_asked(wish.query, order.field)]
        return _hits(connection, finding.described(connection, ids, keys), wish.query, among=among)


def _some(found: Sequence[Standing], limit: int, *, latest: bool, is_all: bool) -> tuple[dict[int, int], Mark | None]:
    """Choose those that are shown, each with how many it stands for; and the place of the last that was read."""
    among = Counter(one.repository for one in found)
    shown: dict[int, int] = {}
    repositories: set[int] = set()
    for place, one in enumerate(found):
        if latest and one.repository in repositories:
            continue
        if len(shown) == limit:
            return shown, found[place - 1].mark
        repositories.add(one.repository)
        shown[one.number] = among[one.repository] if latest else 1
    return shown, None if is_all else found[-1].mark


def _example(key: str, value: str | float) -> str:
    """Write a term that finds this value."""
    if not isinstance(value, str):
        return f"{key}>={value:.6g}"
    return f"{key}:{value}" if _PLAIN.fullmatch(value) else f"{key}:*"


def _asked(query: Query, sort: str | None) -> list[str]:
    named = [test.key for test in query.tests]
    return named if sort is None else [*named, sort]


def _hits(connection: Transaction, found: list[Found], query: Query, *, among: Mapping[int, int]) -> list[Hit]:
    phrases = query.words
    cards = texts.cards(connection, [one.number for one in found]) if phrases else {}
    return [
        Hit(
            repository=one.repository,
            version=one.version,
            facts=one.facts,
            among=among.get(one.number, 1),
            passage=excerpts.passage(one.version.description or "", phrases)
            or excerpts.passage(cards.get(one.number, ""), phrases),
        )
        for one in found
    ]
