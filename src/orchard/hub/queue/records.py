"""Tasks as people see them: what waits, what runs, what came of it."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, delete, func, select

from orchard.hub.db import Transaction, moment
from orchard.hub.db.work import tasks
from orchard.hub.queue import log
from orchard.hub.queue.port import Line, Progress, Record, State
from orchard.oci import loads

MAX_PAYLOAD: Final = 64 << 10
ENDED: Final = (State.DONE, State.FAILED, State.CANCELLED)


def records(
    transaction: Transaction,
    *,
    kinds: Sequence[str] | None = None,
    states: Sequence[State] | None = None,
    before: str | None = None,
    limit: int = 100,
) -> list[Record]:
    """List tasks, the youngest first.

    Args:
        transaction: Of the catalog.
        kinds: Only these.
        states: Only these.
        before: Only tasks that were put before the one of this id.
        limit: Most tasks to give.
    """
    statement = select(tasks).order_by(tasks.c.id.desc()).limit(limit)
    if kinds is not None:
        statement = statement.where(tasks.c.kind.in_(kinds))
    if states is not None:
        statement = statement.where(tasks.c.state.in_(states))
    if before is not None:
        statement = statement.where(tasks.c.id < number(before))
    return [_record(row) for row in transaction.execute(statement)]


def record(transaction: Transaction, task: str) -> Record | None:
    """Find one task; those that ended are kept for a while only."""
    row = transaction.execute(select(tasks).where(tasks.c.id == number(task))).first()
    return None if row is None else _record(row)


def lines(transaction: Transaction, task: str) -> list[Line]:
    """Give what a task has told, the oldest line first; the last 200 are kept, as long as the task is."""
    return log.read(transaction, number(task))


def counts(transaction: Transaction) -> dict[tuple[str, State], int]:
    """Count the tasks of each kind and state."""
    statement = select(tasks.c.kind, tasks.c.state, func.count().label("tasks")).group_by(tasks.c.kind, tasks.c.state)
    return {(row.kind, State(row.state)): row.tasks for row in transaction.execute(statement)}


def forget(transaction: Transaction, before: int) -> int:
    """Forget the tasks that ended before a time, in milliseconds; tell how many."""
    return transaction.execute(delete(tasks).where(tasks.c.ended_at < before)).rowcount


def number(task: str) -> int:
    """Give the number of the row that is called so; -1 if none can be."""
    return int(task) if task.isascii() and task.isdigit() and len(task) < 19 else -1  # noqa: PLR2004 -- fits BIGINT


def _record(row: Row[Any]) -> Record:
    payload = loads(row.payload.encode(), what="a task's payload", limit=MAX_PAYLOAD)
    assert isinstance(payload, dict)
    return Record(
        id=str(row.id),
        kind=row.kind,
        key=row.key,
        payload=payload,
        state=State(row.state),
        attempt=row.attempt,
        asked_at=moment(row.asked_at),
        due_at=moment(row.due_at) if row.state == State.WAITING else None,
        started_at=None if row.started_at is None else moment(row.started_at),
        ended_at=None if row.ended_at is None else moment(row.ended_at),
        worker=row.worker,
        cancelling=row.cancelled and row.state == State.RUNNING,
        progress=Progress(row.done, row.total, row.note, row.unit),
        reason=row.reason,
    )
