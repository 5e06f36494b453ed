"""What was sent to webhooks, or is to be."""

from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from orchard.hub.catalog.webhooks import PENDING
from orchard.hub.db.outgoing import deliveries

DELIVERED: Final = "delivered"
FAILED: Final = "failed"

_HEAD: Final = (
    select(deliveries)
    .where(deliveries.c.webhook_id == bindparam("webhook"), deliveries.c.state == PENDING)
    .order_by(deliveries.c.id)
    .limit(1)
)
_LOG: Final = (
    select(deliveries)
    .where(deliveries.c.webhook_id == bindparam("webhook"), deliveries.c.id < bindparam("before"))
    .order_by(deliveries.c.id.desc())
    .limit(bindparam("limit"))
)
_ENDED: Final = deliveries.c.state != PENDING
_LAST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one webhook.

    Attributes:
        message: Its name, the same however often it is sent.
        event: What it tells of.
        body: What is sent.
        state: ``pending``, ``delivered`` or ``failed``.
        attempts: How often it was sent.
        tried_at: When it was sent last.
        status: HTTP status of the last answer, if there was one.
        milliseconds: How long the last try took.
        answer: The beginning of the last answer.
        error: Why the last try failed.
    """

    id: int
    webhook: int
    message: str
    event: str
    body: str = field(repr=False)
    state: str
    attempts: int
    created_at: int
    tried_at: int | None
    status: int | None
    milliseconds: int | None
    answer: str | None
    error: str | None


def add(connection: Connection, webhook: int, *, message: str, event: str, body: str, at: int) -> int:
    """Add a message that is to be sent; give its number."""
    values = {"webhook_id": webhook, "message": message, "event": event, "body": body}
    state = {"state": PENDING, "attempts": 0, "created_at": at}
    made = connection.execute(insert(deliveries), {**values, **state}).inserted_primary_key
    assert made is not None
    return int(made[0])


def head(connection: Connection, webhook: int) -> Delivery | None:
    """Find the message that is to be sent next."""
    row = connection.execute(_HEAD, {"webhook": webhook}).first()
    return None if row is None else _delivery(row)


def get(connection: Connection, webhook: int, number: int) -> Delivery | None:
    """Find a message of a webhook."""
    statement = select(deliveries).where(deliveries.c.id == number, deliveries.c.webhook_id == webhook)
    row = connection.execute(statement).first()
    return None if row is None else _delivery(row)


def log(connection: Connection, webhook: int, *, before: int | None, limit: int) -> list[Delivery]:
    """List messages, newest first, those before ``before``."""
    values = {"webhook": webhook, "before": _LAST if before is None else before, "limit": limit}
    return [_delivery(row) for row in connection.execute(_LOG, values)]


def settle(connection: Connection, number: int, **values: Any) -> None:  # noqa: ANN401 -- of columns
    """Write down how a try went."""
    connection.execute(update(deliveries).where(deliveries.c.id == number), values)


def give_up(connection: Connection, webhook: int, error: str) -> None:
    """Let everything that waits for a webhook have failed."""
    waiting = update(deliveries).where(deliveries.c.webhook_id == webhook, deliveries.c.state == PENDING)
    connection.execute(waiting, {"state": FAILED, "error": error})


def prune(connection: Connection, *, before: int, keep: int) -> int:
    """Forget what ended and is older than a time, and of each webhook all but the newest; tell how many."""
    gone = connection.execute(delete(deliveries).where(_ENDED, deliveries.c.created_at < before)).rowcount
    crowded = select(deliveries.c.webhook_id).group_by(deliveries.c.webhook_id).having(func.count() > keep)
    for webhook in connection.execute(crowded).scalars().all():
        newest = select(deliveries.c.id).where(deliveries.c.webhook_id == webhook).order_by(deliveries.c.id.desc())
        oldest = connection.execute(newest.offset(keep - 1).limit(1)).scalar()
        old = delete(deliveries).where(_ENDED, deliveries.c.webhook_id == webhook, deliveries.c.id < oldest)
        gone += connection.execute(old).rowcount
    return gone


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        webhook=row.webhook_id,
        message=row.message,
        event=row.event,
        body=row.body,
        state=row.state,
        attempts=row.attempts,
        created_at=row.created_at,
        tried_at=row.tried_at,
        status=row.status,
        milliseconds=row.milliseconds,
        answer=row.answer,
        error=row.error,
    )
