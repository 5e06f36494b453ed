"""What is known of versions, as typed keys and values: what search asks for and the table of versions shows.

A key may have several values, in an order (``dataset``, ``author``). Numbers stay numbers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select

from orchard.hub.catalog import texts
from orchard.hub.db.folding import fold
from orchard.hub.db.schema import manifests, repositories
from orchard.hub.db.understood import facts

_COLUMNS: Final = (facts.c.manifest_id, facts.c.key, facts.c.text, facts.c.number)
_OF: Final = facts.c.manifest_id.in_(bindparam("ids", expanding=True))
_ORDER: Final = (facts.c.manifest_id, facts.c.key, facts.c.position)
_ALL: Final = select(*_COLUMNS).where(_OF).order_by(*_ORDER)
_SOME: Final = _ALL.where(facts.c.key.in_(bindparam("keys", expanding=True)))
_NAMES: Final = (
    select(facts.c.key, func.count(facts.c.manifest_id.distinct()).label("versions"))
    .select_from(facts.join(manifests, facts.c.manifest_id == manifests.c.id).join(repositories))
    .where(repositories.c.name == bindparam("name"))
    .group_by(facts.c.key)
    .order_by(facts.c.key)
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of one key. It is a text, or a number.

    Attributes:
        key: Such as ``license``, ``params``, ``param.optimizer.lr``, ``metric.accuracy``, ``dataset``.
        value: A number if it can be compared as one.
    """

    key: str
    value: str | float


def put(connection: Connection, manifest: int, known: Iterable[Fact]) -> None:
    """Write down all that is known of a manifest, instead of what was known before; it is found by it at once."""
    connection.execute(delete(facts).where(facts.c.manifest_id == manifest))
    known = list(known)
    enter(connection, manifest, known)
    texts.refresh(connection, manifest, [(fact.key, fact.value) for fact in known if isinstance(fact.value, str)])


def enter(connection: Connection, manifest: int, known: Iterable[Fact]) -> None:
    """Write down what is known of a manifest of which nothing was known."""
    positions: dict[str, int] = {}
    rows = []
    for fact in known:
        position = positions[fact.key] = positions.get(fact.key, -1) + 1
        is_text = isinstance(fact.value, str)
        rows.append(
            {
                "manifest_id": manifest,
                "key": fact.key,
                "position": position,
                "text": fact.value if is_text else None,
                "number": None if is_text else float(fact.value),
                "folded": fold(fact.value) if isinstance(fact.value, str) else None,
            }
        )
    if rows:
        connection.execute(insert(facts), rows)


def of(connection: Connection, ids: Sequence[int], keys: Sequence[str] | None = None) -> dict[int, list[Fact]]:
    """Give what is known of manifests: everything, or the values of some keys; each key's values in their order."""
    values: dict[str, Sequence[int] | Sequence[str]] = {"ids": ids}
    found: dict[int, list[Fact]] = {}
    if keys is not None:
        values["keys"] = keys
    for row in connection.execute(_ALL if keys is None else _SOME, values).all():
        found.setdefault(row.manifest_id, []).append(_fact(row))
    return found


def grouped(connection: Connection, ids: Sequence[int], keys: Sequence[str]) -> dict[int, dict[str, list[str | float]]]:
    """Give the values of some keys that are known of manifests, each key's values in their order."""
    found: dict[int, dict[str, list[str | float]]] = {}
    for manifest, key, text, number in connection.execute(_SOME, {"ids": ids, "keys": keys}).all():
        found.setdefault(manifest, {}).setdefault(key, []).append(text if number is None else number)
    return found


def names(connection: Connection, repository: str) -> dict[str, int]:
    """Give the keys that are known of the versions of a repository, with how many versions have them."""
    return {row.key: row.versions for row in connection.execute(_NAMES, {"name": repository})}


def _fact(row: Row[*tuple[Any, ...]]) -> Fact:
    return Fact(row.key, row.text if row.number is None else row.number)
