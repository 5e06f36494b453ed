"""When the bytes of blobs were last seen to be sound, and which were found not to be."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, func, null, or_, select, update

from orchard.hub.catalog.events import Journal
from orchard.hub.db import moment
from orchard.hub.db.schema import blob_links, blobs, repositories
from orchard.oci import Digest

_TOLD: Final = 1000  # repositories that learn of one damaged blob by an event
_NAMED: Final = 20  # that are listed with it

# What is damaged is looked at every time: somebody may have brought the disk back.
_IS_DUE: Final = or_(
    blobs.c.checked_at < bindparam("before"),
    blobs.c.damaged_at.is_not(None) & (blobs.c.checked_at < bindparam("began")),
)
_DUE: Final = (
    select(blobs.c.digest, blobs.c.size, blobs.c.checked_at, blobs.c.damaged_at)
    .where(_IS_DUE)
    .order_by(blobs.c.checked_at)
    .limit(bindparam("limit"))
)
_AMOUNT: Final = select(func.coalesce(func.sum(blobs.c.size), 0)).where(_IS_DUE)
_THIS: Final = (blobs.c.digest == bindparam("wanted"), blobs.c.checked_at == bindparam("seen"))
_FRESH: Final = update(blobs).where(blobs.c.digest == bindparam("wanted"))
_SOUND: Final = update(blobs).where(*_THIS).values(checked_at=bindparam("at"), damaged_at=null())
_DAMAGED: Final = update(blobs).where(*_THIS).values(checked_at=bindparam("at"), damaged_at=bindparam("since"))
_LINKING: Final = (
    select(repositories.c.name)
    .select_from(repositories.join(blob_links))
    .where(blob_links.c.digest == bindparam("digest"))
    .order_by(repositories.c.name)
    .limit(bindparam("limit"))
)
_LIST: Final = (
    select(blobs.c.digest, blobs.c.size, blobs.c.damaged_at)
    .where(blobs.c.damaged_at.is_not(None), blobs.c.digest > bindparam("after"))
    .order_by(blobs.c.digest)
    .limit(bindparam("limit"))
)
_ONE: Final = (
    select(blobs.c.damaged_at)
    .select_from(blobs.join(blob_links).join(repositories))
    .where(repositories.c.name == bindparam("name"), blobs.c.digest == bindparam("digest"))
)


@dataclass(frozen=True, slots=True)
class Due:
    """A blob that is to be looked at.

    Attributes:
        digest: What it is called.
        size: Its bytes.
        checked_at: When its bytes were last looked at, in milliseconds.
        damaged_at: Since when they are known to be damaged, if they are.
    """

    digest: Digest
    size: int
    checked_at: int
    damaged_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A blob whose bytes are damaged or missing.

    Attributes:
        digest: What it is called; pushing it again, to whichever repository, heals it.
        size: Bytes that it should have.
        since: When that was found.
        repositories: Some that link it.
    """

    digest: Digest
    size: int
    since: datetime
    repositories: tuple[str, ...]


def due(connection: Connection, *, before: int, began: int, limit: int) -> list[Due]:
    """List blobs not looked at since ``before``, and damaged ones not since ``began``; the longest ago first."""
    rows = connection.execute(_DUE, {"before": before, "began": began, "limit": limit})
    return [Due(Digest.parse(row.digest), row.size, row.checked_at, row.damaged_at) for row in rows]


def amount(connection: Connection, *, before: int, began: int) -> int:
    """Count the bytes of all that ``due`` would list."""
    found: int = connection.execute(_AMOUNT, {"before": before, "began": began}).scalar_one()
    return found


def renew(connection: Connection, digest: Digest, at: int) -> None:
    """Note that verified bytes of a blob were stored: whatever was wrong is right now."""
    connection.execute(_FRESH, {"wanted": str(digest), "checked_at": at, "damaged_at": None})


def note_sound(connection: Connection, blob: Due, at: int) -> None:
    """Note that a blob is sound, unless its bytes were stored anew since it was listed."""
    connection.execute(_SOUND, {"wanted": str(blob.digest), "seen": blob.checked_at, "at": at})


def note_damage(connection: Connection, blob: Due, *, account: str, at: int) -> bool:
    """Note that a blob is damaged, for its repositories too; tell whether that is so.

    Nothing is noted if its bytes were stored anew since it was listed, or if it was collected.
    """
    since = at if blob.damaged_at is None else blob.damaged_at
    values = {"wanted": str(blob.digest), "seen": blob.checked_at, "at": at, "since": since}
    if not connection.execute(_DAMAGED, values).rowcount:
        return False
    if blob.damaged_at is None:
        names = connection.execute(_LINKING, {"digest": str(blob.digest), "limit": _TOLD}).scalars().all()
        for name in names:
            Journal(connection, name, account=account, at=at).record("blob.damage", blob.digest)
    return True


def is_damaged(connection: Connection, name: str, digest: Digest) -> bool:
    """Tell whether the repository of this name links a blob, and that is damaged."""
    return connection.execute(_ONE, {"name": name, "digest": str(digest)}).scalar() is not None


def count(connection: Connection) -> int:
    """Count the damaged blobs."""
    found: int = connection.execute(select(func.count()).where(blobs.c.damaged_at.is_not(None))).scalar_one()
    return found


def damages(connection: Connection, *, after: str = "", limit: int) -> list[Damage]:
    """List damaged blobs in the order of their digests."""
    return [
        Damage(
            digest=Digest.parse(row.digest),
            size=row.size,
            since=moment(row.damaged_at),
            repositories=tuple(connection.execute(_LINKING, {"digest": row.digest, "limit": _NAMED}).scalars()),
        )
        for row in connection.execute(_LIST, {"after": after, "limit": limit}).all()
    ]
