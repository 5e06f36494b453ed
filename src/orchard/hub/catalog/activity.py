"""What people did lately, for everybody who may read where they did it: versions that came, tags that moved or went.

Nothing is told here that the history of tags and the list of versions do not tell the same reader.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, func, select

from orchard.hub.catalog.finding import Within
from orchard.hub.catalog.listing import SHOWN, is_stand_in, tags_of
from orchard.hub.db import moment
from orchard.hub.db.schema import manifests, repositories, tag_history
from orchard.oci import Digest

WINDOW: Final = 4000  # newest versions, and newest moves of tags, that are looked through: 10 ms where few are seen
_READ: Final = 8  # times as many as are told: several of them are one deed
_TOGETHER: Final = 60_000  # milliseconds within which a tag belongs to the push before: clients send it by itself
_IN_A_ROW: Final = 3_600_000  # milliseconds within which the same is told once

_before: Final = tag_history.alias("earlier")
_PREVIOUS: Final = (
    select(_before.c.digest)
    .where(
        _before.c.repository_id == tag_history.c.repository_id,
        _before.c.name == tag_history.c.name,
        _before.c.id < tag_history.c.id,
    )
    .order_by(_before.c.id.desc())
    .limit(1)
    .scalar_subquery()
)


class Deed(StrEnum):
    """What was done.

    Attributes:
        PUSHED: A version came, with or without tags.
        TAGGED: A version that was there got a tag.
        MOVED: A tag moved there from another version.
        REMOVED: A tag was taken away.
    """

    PUSHED = "pushed"
    TAGGED = "tagged"
    MOVED = "moved"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Something that somebody did.

    Attributes:
        at: When; of several, the last time.
        tags: Which tags it was about.
        digest: Which version it was about; none where a tag was removed.
        more: How often the same account did the like there right before.
    """

    at: datetime
    account: str
    repository: str
    deed: Deed
    tags: tuple[str, ...]
    digest: Digest | None
    more: int = 0


@dataclass(slots=True)
class _Push:
    """A version that came, and the tags that came with it."""

    at: int
    tags: list[str]


_Key = tuple[str, str, str]  # repository, digest, account


def lately(connection: Connection, within: Within, namespace: str, *, limit: int) -> list[Activity]:
    """List what was done last, newest first; of old hubs with many others, as far as is looked through."""
    pushes = _pushes(connection, _where(within, namespace), limit * _READ)
    told = list(_moves(connection, _where(within, namespace), limit * _READ, pushes=pushes))
    told += [
        _activity(at=push.at, account=account, repository=name, deed=Deed.PUSHED, tags=push.tags, digest=digest)
        for (name, digest, account), push in pushes.items()
    ]
    told.sort(key=lambda one: one.at, reverse=True)
    return list(_together(told))[:limit]


def _where(within: Within, namespace: str) -> ColumnElement[bool]:
    seen = and_(within.of_repositories(), repositories.c.deleted_at.is_(None))
    return and_(seen, repositories.c.namespace == namespace) if namespace else seen


def _recent(table: Table) -> ColumnElement[bool]:
    newest = select(func.max(table.c.id)).scalar_subquery()
    return table.c.id > newest - WINDOW


def _pushes(connection: Connection, seen: ColumnElement[bool], limit: int) -> dict[_Key, _Push]:
    columns = manifests.c.id, manifests.c.digest, manifests.c.pushed_at, manifests.c.pushed_by, repositories.c.name
    statement = (
        select(*columns)
        .select_from(manifests.join(repositories))
        .where(seen, SHOWN, _recent(manifests))
        .order_by(manifests.c.id.desc())
        .limit(limit)
    )
    rows = connection.execute(statement).all()
    tagged = tags_of(connection, [row.id for row in rows])
    return {
        (row.name, row.digest, row.pushed_by): _Push(row.pushed_at, [])
        for row in rows
        if not is_stand_in(tagged.get(row.id, []))
    }


def _moves(
    connection: Connection, seen: ColumnElement[bool], limit: int, *, pushes: dict[_Key, _Push]
) -> Iterator[Activity]:
    """Tell how tags moved; those that came with a version are written down beside it."""
    statement = (
        select(tag_history, repositories.c.name.label("repository"), _PREVIOUS.label("previous"))
        .select_from(tag_history.join(repositories))
        .where(seen, _recent(tag_history))
        .order_by(tag_history.c.id.desc())
        .limit(limit)
    )
    for row in connection.execute(statement):
        push = pushes.get((row.repository, row.digest or "", row.account))
        if push is not None and abs(row.at - push.at) <= _TOGETHER:
            push.tags.append(row.name)
        elif not is_stand_in([row.name]):
            yield _activity(
                at=row.at,
                account=row.account,
                repository=row.repository,
                deed=_deed(row),
                tags=[row.name],
                digest=row.digest,
            )


def _deed(row: Row[Any]) -> Deed:
    if row.digest is None:
        return Deed.REMOVED
    return Deed.TAGGED if row.previous is None else Deed.MOVED


def _activity(
    *, at: int, account: str, repository: str, deed: Deed, tags: Sequence[str], digest: str | None
) -> Activity:
    known = None if digest is None else Digest.parse(digest)
    return Activity(
        at=moment(at), account=account, repository=repository, deed=deed, tags=tuple(dict.fromkeys(tags)), digest=known
    )


def _together(told: Iterable[Activity]) -> Iterator[Activity]:
    """Tell once what one account did in a row in one place."""
    last: Activity | None = None
    for one in told:
        if last is not None and _alike(last, one):
            last = replace(last, more=last.more + 1)
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _alike(later: Activity, earlier: Activity) -> bool:
    same = (later.account, later.repository, later.deed) == (earlier.account, earlier.repository, earlier.deed)
    return same and (later.at - earlier.at).total_seconds() * 1000 <= _IN_A_ROW
