"""Searching: versions that somebody may read, by queries."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from orchard.hub.access import Action, Principal
from orchard.hub.catalog import (
    Query,
    VersionSummary,
    excerpts,
    fields,
    finding,
    ordering,
    repositories,
    selecting,
    texts,
)
from orchard.hub.catalog.excerpts import Piece
from orchard.hub.catalog.fields import Field
from orchard.hub.catalog.finding import Chosen, Common, Found, Within
from orchard.hub.catalog.queries import Test
from orchard.hub.db import Transaction
from orchard.hub.registry.reading import Premises, ReadableRepository

_BATCH: Final = 1000  # names
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
    """

    repository: str
    version: VersionSummary
    facts: Mapping[str, tuple[str | float, ...]]
    passage: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Hits:
    """Part of what was found.

    Attributes:
        after: ``after`` of the part that follows; none at the end.
    """

    hits: tuple[Hit, ...]
    after: str | None


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
        return self._find(self._within(who), wish)

    def find_in(self, repository: ReadableRepository, wish: Wish) -> Hits:
        """Find versions in one repository.

        Raises:
            InvalidError: If ``sort`` or ``after`` is none.
            StorageError: If the catalog fails.
        """
        return self._find(Within(repositories=[repository.name]), wish)

    def common(self, who: Principal, query: Query) -> Common:
        """Count what the versions have in common that ``who`` may read and that a query finds.

        Raises:
            StorageError: If the catalog fails.
        """
        chosen = Chosen(self._within(who), query, self._ground)
        with self._premises.database.read() as connection:
            return finding.common(connection, chosen)

    def fields(self, who: Principal) -> list[KnownField]:
        """List what can be asked: all fields, and the keys of families that versions have which ``who`` may read.

        Raises:
            StorageError: If the catalog fails.
        """
        within = self._within(who)
        with self._premises.database.read() as connection:
            known = finding.known_keys(connection, within)
        found = [KnownField(one.name, one, one.examples[0], known.pop(one.name, None)) for one in fields.FIELDS]
        for key, value in known.items():
            family = fields.find(key)
            if family is not None:
                found.append(KnownField(key, family[1], _example(key, value), value))
        return found

    @property
    def _ground(self) -> selecting.Ground:
        return selecting.Ground(self._premises.database.dialect, self._premises.at)

    def _within(self, who: Principal) -> Within:
        who = who.for_lists
        sight = self._premises.policy.sight(who)
        if sight is None:
            return Within(repositories=self._allowed(who))
        return Within(sight.everything, sight.namespaces, sight.repositories, sight.public)

    def _allowed(self, who: Principal) -> list[str]:
        """Ask of each repository whether ``who`` may read it."""
        found: list[str] = []
        after = ""
        while True:
            with self._premises.database.read() as connection:
                names = repositories.names(connection, after, _BATCH)
            self._premises.policy.prepare(who, names)
            found.extend(name for name in names if self._premises.policy.allows(who, Action.PULL, name))
            if len(names) < _BATCH:
                return found
            after = names[-1]

    def _find(self, within: Within, wish: Wish) -> Hits:
        ground = self._ground
        order = ordering.parse_order(wish.sort, wish.query, ground)
        after = order.read(wish.after) if wish.after else None
        chosen = Chosen(within, wish.query, ground)
        with self._premises.database.read() as connection:
            ids, following = finding.find(connection, chosen, order, after=after, limit=wish.limit, latest=wish.latest)
            found = finding.described(connection, ids, [*finding.SHOWN, *wish.facts, *_asked(wish.query, order.field)])
            hits = _hits(connection, found, wish.query)
        return Hits(tuple(hits), None if following is None else ordering.write(following))


def _example(key: str, value: str | float) -> str:
    """Write a term that finds this value."""
    if not isinstance(value, str):
        return f"{key}>={value:.6g}"
    return f"{key}:{value}" if _PLAIN.fullmatch(value) else f"{key}:*"


def _asked(query: Query, sort: str | None) -> list[str]:
    named = [term.content.key for term in query.terms if isinstance(term.content, Test) and not term.negated]
    return named if sort is None else [*named, sort]


def _hits(connection: Transaction, found: list[Found], query: Query) -> list[Hit]:
    phrases = query.words
    cards = texts.cards(connection, [one.number for one in found]) if phrases else {}
    return [
        Hit(
            repository=one.repository,
            version=one.version,
            facts=one.facts,
            passage=excerpts.passage(one.version.description or "", phrases)
            or excerpts.passage(cards.get(one.number, ""), phrases),
        )
        for one in found
    ]
