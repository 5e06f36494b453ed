"""What happened, written in the transaction that did it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, insert, select

from orchard.hub.catalog import outbox
from orchard.hub.catalog.records import Event
from orchard.hub.db import moment
from orchard.hub.db.schema import events
from orchard.oci import JSON, Digest, dumps


class Journal:
    """The events of one repository, caused by one account at one time."""

    def __init__(self, connection: Connection, repository: str, *, account: str, at: int) -> None:
        self._connection = connection
        self._common = {"repository": repository, "account": account, "at": at}

    def record(
        self,
        action: str,
        digest: Digest | None = None,
        tag: str | None = None,
        *,
        detail: Mapping[str, JSON] | None = None,
    ) -> None:
        """Add one event."""
        values = {
            "action": action,
            "digest": None if digest is None else str(digest),
            "tag": tag,
            "detail": None if detail is None else dumps(dict(detail)).decode(),
        }
        made = self._connection.execute(insert(events), {**self._common, **values}).inserted_primary_key
        assert made is not None
        outbox.post(self._connection, made[0], action)


def actions(connection: Connection, repository: str) -> list[tuple[str, str | None, str | None]]:
    """List what happened to a repository, oldest first: action, digest, tag."""
    statement = select(events.c.action, events.c.digest, events.c.tag).where(events.c.repository == repository)
    return [(row.action, row.digest, row.tag) for row in connection.execute(statement.order_by(events.c.id))]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are wanted; what is empty or none does not matter.

    Attributes:
        account: By whom.
        action: What: ``tag.set``, or all that begins alike: ``tag.*``.
        repository: Where: in a repository, or in all of a namespace.
        since: Not before.
        until: Before.
    """

    account: str = ""
    action: str = ""
    repository: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Give what must be true of a row."""
        if self.account:
            yield events.c.account == self.account
        if self.action:
            start = self.action.removesuffix("*")
            yield (
                events.c.action.startswith(start, autoescape=True)
                if start != self.action
                else (events.c.action == self.action)
            )
        if self.repository:  # "0" comes right after "/"
            below = (events.c.repository > f"{self.repository}/") & (events.c.repository < f"{self.repository}0")
            yield (events.c.repository == self.repository) | below
        if self.since is not None:
            yield events.c.at >= round(self.since.timestamp() * 1000)
        if self.until is not None:
            yield events.c.at < round(self.until.timestamp() * 1000)


ANY: Final = EventFilter()


def before(
    connection: Connection, number: int, *, limit: int, repository: str | None = None, wanted: EventFilter = ANY
) -> list[Event]:
    """List what happened before an event, newest first; to one repository, or at all; only what is wanted."""
    statement = select(events).where(events.c.id < number, *wanted.conditions())
    statement = statement.order_by(events.c.id.desc()).limit(limit)
    if repository is not None:
        statement = statement.where(events.c.repository == repository)
    return [_read(row) for row in connection.execute(statement)]


def about(
    connection: Connection, repository: str, digest: Digest, *, actions: Collection[str], limit: int
) -> list[Event]:
    """List what of some kinds happened to one thing in a repository, newest first."""
    statement = (
        select(events)
        .where(events.c.repository == repository, events.c.digest == str(digest), events.c.action.in_(sorted(actions)))
        .order_by(events.c.id.desc())
        .limit(limit)
    )
    return [_read(row) for row in connection.execute(statement)]


def _read(row: Row[Any]) -> Event:
    return Event(
        number=row.id,
        at=moment(row.at),
        account=row.account,
        action=row.action,
        repository=row.repository,
        digest=row.digest,
        tag=row.tag,
        subject=row.subject,
        detail=row.detail,
    )
