"""Searching a hub: it knows its versions, so that nothing of them need be read."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from orchard.errors import InvalidDocumentError, NotFoundError, RemoteError, UsageError
from orchard.oci import convert, loads

if TYPE_CHECKING:
    from orchard.remote import Answer, Registry

PATH: Final = "/api/v1/search"
_MAX_BODY: Final = 4 << 20
_PAGE: Final = 100
_PLACE: Final = re.compile(r" \(at character ([0-9]{1,5}) of the query\)$")
_OK: Final = 200
_BAD: Final = 400
_ABSENT: Final = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class HubQuery:
    """What is looked for.

    Attributes:
        text: In the language of the hub: ``llama params>7e9 license:apache-2.0``.
        sort: ``relevance``, ``newest``, ``oldest``, a field or ``-field``; empty for ``relevance``.
        latest: Whether to find only one version of each repository.
    """

    text: str
    sort: str = ""
    latest: bool = False

    def pairs(self, limit: int) -> dict[str, str]:
        """Write it as parameters."""
        return {
            "q": self.text,
            "limit": str(min(limit, _PAGE)),
            **({"sort": self.sort} if self.sort else {}),
            **({"latest": "true"} if self.latest else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HubHit:
    """A version that a hub has found.

    Attributes:
        repository: Host and name.
        tags: The newest first.
        pushed_at: When it came, as the hub writes it.
        size: Bytes of all that it names.
        facts: What is known of it, by key.
        passage: Where its description or its card holds the words; empty if they are elsewhere.
    """

    repository: str
    tags: tuple[str, ...]
    digest: str
    pushed_at: str
    pushed_by: str
    size: int
    facts: Mapping[str, tuple[str | float, ...]]
    passage: str


class _Piece(Struct):
    text: str


class _Version(Struct, rename="camel"):
    tags: list[str]
    digest: str
    pushed_at: str
    pushed_by: str
    size_bytes: int


class _Item(Struct):
    repository: str
    version: _Version
    facts: dict[str, list[str | float]]
    passage: list[_Piece]


class _Listing(Struct):
    items: list[_Item]


def search_hub(registry: "Registry", query: HubQuery, limit: int) -> Iterator[HubHit]:
    """Give what a hub finds, at most ``limit`` versions, in the order that was asked for.

    Raises:
        UsageError: If the hub does not understand the query; with the place in it.
        NotFoundError: If this is no hub.
        RemoteError: If it fails, or answers with something else.
        OrchardError: As ``Client.send``.
    """
    wanted = frozenset({_OK, _BAD, _ABSENT})
    for answer in registry.beside(PATH, query.pairs(limit), wanted=wanted):
        for item in _items(answer, registry.host, query):
            if limit == 0:
                return
            limit -= 1
            yield _hit(item, registry.host)
        if limit == 0:
            return


def _items(answer: "Answer", host: str, query: HubQuery) -> list[_Item]:
    """Read one part of the list.

    Raises:
        UsageError: If the hub does not understand the query.
        NotFoundError: If this is no hub.
        RemoteError: If it answers with something else.
    """
    if answer.status == _ABSENT:
        raise NotFoundError(f"{host} is no hub of Orchard that can search; try: orchard search --remote {host} WORD")
    what = f"{host}: answer to {PATH}"
    try:
        value = loads(answer.body, what=what, limit=_MAX_BODY)
        if answer.status == _OK:
            return convert(value, _Listing, what=what).items
    except InvalidDocumentError as error:
        if answer.status == _OK:
            raise RemoteError(f"{host}: it answers a search with something else than versions: {error}") from error
        value = None
    detail = value.get("detail") if isinstance(value, dict) else None
    raise UsageError(pointed(query.text, str(detail or "the hub does not understand the query")[:1000]))


def pointed(query: str, detail: str) -> str:
    """Put the query under an error about it, with a mark below the place that is meant."""
    place = _PLACE.search(detail)
    if place is None or int(place[1]) > len(query) + 1 or not query.isprintable():
        return detail
    return f"{detail[: place.start()]}\n  {query}\n  {' ' * (int(place[1]) - 1)}^"


def _hit(item: _Item, host: str) -> HubHit:
    version = item.version
    return HubHit(
        repository=f"{host}/{item.repository}",
        tags=tuple(version.tags),
        digest=version.digest,
        pushed_at=version.pushed_at,
        pushed_by=version.pushed_by,
        size=version.size_bytes,
        facts={key: tuple(values) for key, values in item.facts.items()},
        passage="".join(piece.text for piece in item.passage),
    )
