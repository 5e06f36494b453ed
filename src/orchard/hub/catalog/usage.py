"""What each namespace keeps, counted by the transactions that change it.

Counted are manifests in each repository, and blobs once for a namespace, as long as a repository of it links them and
has not *released* them: a blob is released when the last manifest of the repository that named it is deleted, and can
still be had until garbage is collected. Counting anew takes ten seconds for a million versions (ADR 0058), so a row is
kept right instead; ``recount`` is what it must equal.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, union, update

from orchard.hub.db import insert_new
from orchard.hub.db.people import namespaces
from orchard.hub.db.rules import quotas, usage
from orchard.hub.db.schema import blob_links, blobs, manifests, repositories, uploads

EVERYWHERE: Final = "*"

_ROW: Final = select(usage.c.bytes, usage.c.repositories).where(usage.c.namespace == bindparam("wanted"))
_HOLD: Final = _ROW.with_for_update()  # SQLite has one writer anyway
_ADD: Final = (
    update(usage)
    .where(usage.c.namespace == bindparam("wanted"))
    .values(bytes=usage.c.bytes + bindparam("more"), repositories=usage.c.repositories + bindparam("further"))
)
_RESERVED: Final = select(func.coalesce(func.sum(uploads.c.reserved), 0)).where(
    or_(
        uploads.c.repository == bindparam("wanted"),
        and_(uploads.c.repository > bindparam("first"), uploads.c.repository < bindparam("end")),
    )
)
_QUOTA: Final = (
    select(quotas.c.namespace, quotas.c.bytes, quotas.c.repositories)
    .where(quotas.c.namespace.in_([bindparam("wanted"), EVERYWHERE]))
    .order_by(quotas.c.namespace == EVERYWHERE)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Quota:
    """How much a namespace may keep; none is no limit.

    Attributes:
        bytes: Of blobs and manifests, with what running uploads have reserved.
        repositories: How many.
    """

    bytes: int | None
    repositories: int | None


@dataclass(frozen=True, slots=True)
class Usage:
    """How much a namespace keeps.

    Attributes:
        bytes: Of manifests, and of blobs, each once.
        reserved: Bytes that running uploads have announced or sent.
        repositories: How many.
    """

    bytes: int
    reserved: int
    repositories: int


@dataclass(frozen=True, slots=True)
class Holding:
    """What one namespace keeps, in a list of many.

    Attributes:
        bytes: Of manifests, and of blobs, each once.
        repositories: How many.
        quota: Of its own, if it has one.
    """

    namespace: str
    bytes: int
    repositories: int
    quota: Quota | None


def namespace_of(repository: str) -> str:
    """Name the namespace of a repository: the first component of its name."""
    return repository.partition("/")[0]


def hold(connection: Connection, namespace: str) -> None:
    """Let no other transaction change the counts of a namespace until this one ends."""
    if connection.execute(_HOLD, {"wanted": namespace}).first() is None:
        connection.execute(insert_new(connection, usage), {"namespace": namespace, "bytes": 0, "repositories": 0})
        connection.execute(_HOLD, {"wanted": namespace})  # of whoever added it meanwhile


def add(connection: Connection, namespace: str, size: int, *, repositories: int = 0) -> None:
    """Count more, or less."""
    hold(connection, namespace)
    connection.execute(_ADD, {"wanted": namespace, "more": size, "further": repositories})


def current(connection: Connection, namespace: str) -> Usage:
    """Tell how much a namespace keeps now."""
    row = connection.execute(_ROW, {"wanted": namespace}).first()
    span = {"wanted": namespace, "first": f"{namespace}/", "end": f"{namespace}0"}  # 0 comes after /
    reserved: int = connection.execute(_RESERVED, span).scalar_one()
    return Usage(0, reserved, 0) if row is None else Usage(row.bytes, reserved, row.repositories)


def recount(connection: Connection, namespace: str) -> Usage:
    """Count from what is there, for tests and for whoever doubts: ten seconds for a million versions."""
    ours = (blob_links.c.namespace == namespace, blob_links.c.released_at.is_(None))
    linked = select(blob_links.c.digest).where(*ours).distinct()
    once = linked.subquery()
    held = select(func.coalesce(func.sum(blobs.c.size), 0)).select_from(
        blobs.join(once, once.c.digest == blobs.c.digest)
    )
    written = (
        select(func.coalesce(func.sum(manifests.c.size), 0))
        .select_from(manifests.join(repositories))
        .where(repositories.c.namespace == namespace)
    )
    known = select(func.count()).where(repositories.c.namespace == namespace, repositories.c.deleted_at.is_(None))
    total: int = connection.execute(held).scalar_one() + connection.execute(written).scalar_one()
    return Usage(total, current(connection, namespace).reserved, connection.execute(known).scalar_one())


def quota(connection: Connection, namespace: str) -> Quota | None:
    """Tell the quota of a namespace: its own, else that for all."""
    row = connection.execute(_QUOTA, {"wanted": namespace}).first()
    return None if row is None else Quota(row.bytes, row.repositories)


def holdings(connection: Connection, *, part: str, after: str, limit: int) -> list[Holding]:
    """List what namespaces keep, by name: those after ``after`` whose names hold ``part``."""
    names = union(select(namespaces.c.name), select(usage.c.namespace)).subquery()
    statement = (
        select(names.c.name, usage.c.bytes, usage.c.repositories, quotas.c.namespace.label("own"))
        .add_columns(quotas.c.bytes.label("most_bytes"), quotas.c.repositories.label("most_repositories"))
        .select_from(
            names.outerjoin(usage, usage.c.namespace == names.c.name).outerjoin(
                quotas, quotas.c.namespace == names.c.name
            )
        )
        .where(names.c.name > after)
        .order_by(names.c.name)
        .limit(limit)
    )
    if part:
        statement = statement.where(names.c.name.contains(part, autoescape=True))
    return [
        Holding(
            row.name,
            row.bytes or 0,
            row.repositories or 0,
            None if row.own is None else Quota(row.most_bytes, row.most_repositories),
        )
        for row in connection.execute(statement)
    ]


def set_quota(connection: Connection, namespace: str, wanted: Quota | None, *, account: str, at: int) -> None:
    """Give a namespace a quota of its own, or all that have none (``*``); none takes it away."""
    connection.execute(delete(quotas).where(quotas.c.namespace == namespace))
    if wanted is not None:
        values = {"namespace": namespace, "bytes": wanted.bytes, "repositories": wanted.repositories}
        connection.execute(insert(quotas), {**values, "made_at": at, "made_by": account})
