"""Events that nobody has been told of yet: an event of this kind and its row here are written or lost together.

Rows are taken out when whoever has to know was told, in one transaction with telling them. So nothing is lost by a
crash, nothing is told of what was undone, and an engine that commits writers in another order than it numbered their
events loses none, as a mark of the last number seen would.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from orchard.hub.db.outgoing import outbox
from orchard.hub.db.schema import events, repositories, tag_history

QUIET: Final = "blob."  # what blobs come and go says nothing that manifests do not say, and is most of all events

_NEXT: Final = select(events).select_from(events.join(outbox)).order_by(events.c.id).limit(bindparam("limit"))
_DROP: Final = delete(outbox).where(outbox.c.event_id.in_(bindparam("ids", expanding=True)))
_HISTORY: Final = (
    select(tag_history.c.digest, tag_history.c.at)
    .select_from(tag_history.join(repositories))
    .where(
        repositories.c.name == bindparam("repository"),
        tag_history.c.name == bindparam("tag"),
        tag_history.c.at <= bindparam("at"),
    )
    .order_by(tag_history.c.id.desc())
    .limit(bindparam("limit"))
)
_LOOK_BACK: Final = 16  # changes of one tag within a millisecond


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something that happened.

    Attributes:
        id: Its number; later ones are larger, but for those that happened at the same time.
        action: What: ``manifest.push``, ``tag.set``.
        at: When, in milliseconds since 1970.
        account: Who did it.
        repository: Where.
        digest: Of which manifest, if of one.
        tag: Of which tag, if of one.
        previous: What the tag pointed to before, if to anything.
    """

    id: int
    action: str
    at: int
    account: str
    repository: str
    digest: str | None
    tag: str | None
    previous: str | None


def post(connection: Connection, event: int, action: str) -> None:
    """Let an event be told, in the transaction that writes it."""
    if not action.startswith(QUIET):
        connection.execute(insert(outbox), {"event_id": event})


def waiting(connection: Connection) -> bool:
    """Tell whether there is anything to tell."""
    return connection.execute(select(outbox.c.event_id).limit(1)).first() is not None


def take(connection: Connection, limit: int) -> list[News]:
    """Take out the oldest events."""
    rows = connection.execute(_NEXT, {"limit": limit}).all()
    if not rows:
        return []
    connection.execute(_DROP, {"ids": [row.id for row in rows]})
    return [
        News(
            id=row.id,
            action=row.action,
            at=row.at,
            account=row.account,
            repository=row.repository,
            digest=row.digest,
            tag=row.tag,
            previous=_previous(connection, row.repository, row.tag, at=row.at, digest=row.digest),
        )
        for row in rows
    ]


def _previous(connection: Connection, repository: str, tag: str | None, *, at: int, digest: str | None) -> str | None:
    """Find what a tag pointed to before it was set to a digest, or removed, at a time."""
    if tag is None:
        return None
    values = {"repository": repository, "tag": tag, "at": at, "limit": _LOOK_BACK}
    rows: list[tuple[str | None, int]] = [(row.digest, row.at) for row in connection.execute(_HISTORY, values)]
    before = (rows[number + 1][0] for number, row in enumerate(rows[:-1]) if row == (digest, at))
    return next(before, None)
