"""Webhooks: whom to tell of what, and which of them is being told now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, exists, insert, select, update

from orchard.hub.db.outgoing import deliveries, webhooks

PENDING: Final = "pending"

_WAITS: Final = exists().where(deliveries.c.webhook_id == webhooks.c.id, deliveries.c.state == PENDING)
_READY: Final = (
    select(webhooks)
    .where(
        webhooks.c.active.is_(True),
        webhooks.c.due_at <= bindparam("now"),
        webhooks.c.leased_until <= bindparam("now"),
        _WAITS,
    )
    .order_by(webhooks.c.due_at, webhooks.c.id)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Somebody who wants to be told.

    Attributes:
        scope: A repository, or what the names of repositories begin with; empty: everything.
        url: Where to send it.
        events: Which: names (``tag.set``) and patterns (``tag.*``, ``*``).
        secret: Sealed key of the signatures.
        active: Whether anything is sent.
        reason: Why the hub switched it off, if it did.
        failing_since: Since when nothing arrives, in milliseconds.
        failures: Tries since the last success.
    """

    id: int
    scope: str
    url: str
    events: tuple[str, ...]
    secret: str = field(repr=False)
    active: bool
    reason: str | None
    created_at: int
    created_by: str
    failing_since: int | None
    failures: int

    def wants(self, action: str, repository: str) -> bool:
        """Tell whether it is to be told of something that happened in a repository."""
        within = not self.scope or repository == self.scope or repository.startswith(f"{self.scope}/")
        return within and any(_fits(pattern, action) for pattern in self.events)


def add(  # noqa: PLR0913 -- the columns of a row
    connection: Connection, *, scope: str, url: str, events: Iterable[str], secret: str, account: str, at: int
) -> int:
    """Make a webhook; give its number."""
    values = {"scope": scope, "url": url, "events": " ".join(events), "secret": secret}
    state = {"active": True, "failures": 0, "due_at": 0, "leased_until": 0}
    row = {**values, **state, "created_at": at, "created_by": account}
    made = connection.execute(insert(webhooks), row).inserted_primary_key
    assert made is not None
    return int(made[0])


def get(connection: Connection, number: int) -> Webhook | None:
    """Find a webhook."""
    row = connection.execute(select(webhooks).where(webhooks.c.id == number)).first()
    return None if row is None else _webhook(row)


def of_scope(connection: Connection, scope: str | None) -> list[Webhook]:
    """List the webhooks of exactly one scope; all of them if none is given."""
    statement = select(webhooks).order_by(webhooks.c.id)
    rows = connection.execute(statement if scope is None else statement.where(webhooks.c.scope == scope))
    return [_webhook(row) for row in rows]


def listening(connection: Connection) -> list[Webhook]:
    """List all that are active."""
    return [_webhook(row) for row in connection.execute(select(webhooks).where(webhooks.c.active.is_(True)))]


def change(connection: Connection, number: int, **values: Any) -> None:  # noqa: ANN401 -- of columns
    """Write some columns."""
    connection.execute(update(webhooks).where(webhooks.c.id == number), values)


def remove(connection: Connection, number: int) -> bool:
    """Forget a webhook with its deliveries; tell whether it was there."""
    return connection.execute(delete(webhooks).where(webhooks.c.id == number)).rowcount > 0


def ready(connection: Connection, now: int) -> bool:
    """Tell whether something waits for any that is due and that nobody has."""
    return connection.execute(_READY, {"now": now, "limit": 1}).first() is not None


def lease(connection: Connection, *, lease: str, now: int, until: int, limit: int) -> list[Webhook]:
    """Take those for whom something waits and who are due; nobody else gets them until the lease ends."""
    found = []
    for row in connection.execute(_READY, {"now": now, "limit": limit}).all():
        free = update(webhooks).where(webhooks.c.id == row.id, webhooks.c.leased_until <= now)
        if connection.execute(free, {"lease": lease, "leased_until": until}).rowcount:
            found.append(_webhook(row))
    return found


def hold(connection: Connection, number: int, *, lease: str, values: Mapping[str, Any]) -> bool:
    """Write some columns of a webhook that we have leased; tell whether we still have it."""
    held = update(webhooks).where(webhooks.c.id == number, webhooks.c.lease == lease)
    return connection.execute(held, dict(values)).rowcount > 0


def end_leases(connection: Connection) -> None:
    """Take all webhooks back from a process that is known to be dead."""
    connection.execute(update(webhooks), {"lease": None, "leased_until": 0})


def _fits(pattern: str, action: str) -> bool:
    return pattern in {"*", action} or (pattern.endswith(".*") and action.startswith(pattern[:-1]))


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        id=row.id,
        scope=row.scope,
        url=row.url,
        events=tuple(row.events.split()),
        secret=row.secret,
        active=row.active,
        reason=row.reason,
        created_at=row.created_at,
        created_by=row.created_by,
        failing_since=row.failing_since,
        failures=row.failures,
    )
