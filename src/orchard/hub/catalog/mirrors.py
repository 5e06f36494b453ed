"""Mirrors: which repository is kept like which of another registry, and how that went."""

from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from orchard.hub.db.outgoing import mirrors

RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"

_DUE: Final = select(mirrors).where(mirrors.c.due_at <= bindparam("now")).order_by(mirrors.c.due_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMirror:
    """What is kept like what.

    Attributes:
        direction: ``pull`` (the hub is kept like the other registry) or ``push`` (the other way round).
        repository: Here.
        remote: There: ``https://registry.example.com/team/model``.
        tags: Which, as a pattern (``TagPattern``).
        every: Seconds between two runs; none if it runs when asked, or when something is pushed.
        on_push: Whether it runs when something is pushed here.
        referrers: Whether signatures and all else that refers to a version is copied too.
        deletions: Whether tags that it copied, and that are gone, are taken away.
        username: Account there.
        password: Its password, sealed.
    """

    direction: str
    repository: str
    remote: str
    tags: str
    every: int | None
    on_push: bool
    referrers: bool
    deletions: bool
    username: str | None
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror(NewMirror):
    """A mirror and its last run.

    Attributes:
        due_at: When it runs next, if by the clock.
        state: Of the last run: ``running``, ``done``, ``failed``.
        report: What came of it, as JSON.
        known: Tags that it has copied.
    """

    id: int
    created_at: int
    created_by: str
    due_at: int | None
    began_at: int | None
    ended_at: int | None
    state: str | None
    report: str | None
    known: tuple[str, ...]


def add(connection: Connection, new: NewMirror, *, account: str, at: int) -> int:
    """Make a mirror; give its number."""
    values = {
        "direction": new.direction,
        "repository": new.repository,
        "remote": new.remote,
        "tags": new.tags,
        "every": new.every,
        "on_push": new.on_push,
        "referrers": new.referrers,
        "deletions": new.deletions,
        "username": new.username,
        "password": new.password,
        "created_at": at,
        "created_by": account,
        "due_at": None if new.every is None else at,
        "known": "",
    }
    made = connection.execute(insert(mirrors), values).inserted_primary_key
    assert made is not None
    return int(made[0])


def get(connection: Connection, number: int) -> Mirror | None:
    """Find a mirror."""
    row = connection.execute(select(mirrors).where(mirrors.c.id == number)).first()
    return None if row is None else _mirror(row)


def every(connection: Connection, repository: str | None = None) -> list[Mirror]:
    """List all mirrors, or those of one repository."""
    statement = select(mirrors).order_by(mirrors.c.id)
    wanted = statement if repository is None else statement.where(mirrors.c.repository == repository)
    return [_mirror(row) for row in connection.execute(wanted)]


def pushing(connection: Connection) -> list[Mirror]:
    """List the mirrors that run when something is pushed."""
    return [_mirror(row) for row in connection.execute(select(mirrors).where(mirrors.c.on_push.is_(True)))]


def due(connection: Connection, now: int) -> list[Mirror]:
    """List the mirrors whose time has come."""
    return [_mirror(row) for row in connection.execute(_DUE, {"now": now})]


def change(connection: Connection, number: int, **values: Any) -> None:  # noqa: ANN401 -- of columns
    """Write some columns."""
    connection.execute(update(mirrors).where(mirrors.c.id == number), values)


def remove(connection: Connection, number: int) -> bool:
    """Forget a mirror; tell whether it was there."""
    return connection.execute(delete(mirrors).where(mirrors.c.id == number)).rowcount > 0


def _mirror(row: Row[Any]) -> Mirror:
    return Mirror(
        id=row.id,
        direction=row.direction,
        repository=row.repository,
        remote=row.remote,
        tags=row.tags,
        every=row.every,
        on_push=row.on_push,
        referrers=row.referrers,
        deletions=row.deletions,
        username=row.username,
        password=row.password,
        created_at=row.created_at,
        created_by=row.created_by,
        due_at=row.due_at,
        began_at=row.began_at,
        ended_at=row.ended_at,
        state=row.state,
        report=row.report,
        known=tuple(row.known.split()),
    )
