"""What tasks tell while they run: lines, of which the last are kept, as long as the task is."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import delete, func, insert, select

from orchard.hub.db import Transaction, moment
from orchard.hub.db.work import task_lines
from orchard.hub.queue.port import Line

LINES: Final = 200  # of one task
LONGEST: Final = 500  # characters of a line


def write(transaction: Transaction, task: int, lines: Sequence[str], *, at: int) -> None:
    """Add lines to the log of a task, and drop the oldest beyond those that are kept."""
    if not lines:
        return
    mine = task_lines.c.task_id == task
    last: int = transaction.execute(select(func.coalesce(func.max(task_lines.c.number), 0)).where(mine)).scalar_one()
    new = last + len(lines)
    kept = list(enumerate(lines, last + 1))[-LINES:]
    rows = [{"task_id": task, "number": number, "at": at, "text": _clipped(text)} for number, text in kept]
    transaction.execute(insert(task_lines), rows)
    transaction.execute(delete(task_lines).where(mine, task_lines.c.number <= new - LINES))


def read(transaction: Transaction, task: int) -> list[Line]:
    """Give the lines of a task, the oldest first."""
    statement = select(task_lines).where(task_lines.c.task_id == task).order_by(task_lines.c.number)
    return [Line(row.number, moment(row.at), row.text) for row in transaction.execute(statement)]


def _clipped(text: str) -> str:
    """Make one line of a text that can be kept: PostgreSQL takes no NUL."""
    line = " ".join(text.replace("\0", "\N{REPLACEMENT CHARACTER}").split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
