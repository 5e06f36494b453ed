"""Names of repositories that hold a version, in order, stretch by stretch: no longer list is read for a page of it."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, exists, select

from orchard.hub.catalog.finding import Within
from orchard.hub.db.schema import manifests, repositories

FEW: Final = 1000  # names that are read as soon as sorted


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Part of the list of repositories.

    Attributes:
        namespace: Only those in it; empty for all.
        after: Those behind this name; empty from the first on.
        before: The last ones before this name, instead; empty where ``after`` counts.
        limit: Most names.
    """

    namespace: str = ""
    after: str = ""
    before: str = ""
    limit: int


def names(connection: Connection, within: Within, wanted: Stretch) -> tuple[list[str], int | None]:
    """Name repositories in order; and tell how many there are in all, if they are not many.

    Where somebody sees few of many repositories, it takes longer to find them in order than to find all of them: each
    is looked up by its name, one after the other. Where there are many, the first of them come soon.
    """
    held = _held(within, wanted.namespace)
    some = connection.execute(held.limit(FEW + 1)).scalars().all()
    if len(some) <= FEW:
        return _cut(sorted(some), wanted), len(some)
    name = repositories.c.name
    if wanted.before:
        found = connection.execute(held.where(name < wanted.before).order_by(name.desc()).limit(wanted.limit))
        return list(found.scalars())[::-1], None
    return list(connection.execute(held.where(name > wanted.after).order_by(name).limit(wanted.limit)).scalars()), None


def _cut(found: list[str], wanted: Stretch) -> list[str]:
    if wanted.before:
        return [name for name in found if name < wanted.before][-wanted.limit :]
    return [name for name in found if name > wanted.after][: wanted.limit]


def _held(within: Within, namespace: str) -> Select[Any]:
    holds = exists().where(manifests.c.repository_id == repositories.c.id, manifests.c.subject_digest.is_(None))
    statement = select(repositories.c.name).where(within.of_repositories(), holds)
    return statement.where(repositories.c.namespace == namespace) if namespace else statement
