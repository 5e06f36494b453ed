"""What each kind of upkeep last came to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from orchard.hub.db import moment
from orchard.hub.db.schema import upkeep
from orchard.oci import dumps, loads

_MOST: Final = 1 << 16  # bytes of a report


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one piece of work.

    Attributes:
        ended_at: When it was done.
        counts: What it counted, by name.
    """

    ended_at: datetime
    counts: Mapping[str, int]


def note(connection: Connection, kind: str, counts: Mapping[str, int], *, at: int) -> None:
    """Keep a report instead of the one before."""
    connection.execute(delete(upkeep).where(upkeep.c.kind == kind))
    connection.execute(insert(upkeep), {"kind": kind, "ended_at": at, "report": dumps(dict(counts)).decode()})


def last(connection: Connection, kind: str) -> Report | None:
    """Give the last report of a kind, if there is one."""
    row = connection.execute(select(upkeep).where(upkeep.c.kind == kind)).first()
    if row is None:
        return None
    found = loads(row.report.encode(), what="a report", limit=_MOST)
    assert isinstance(found, dict)
    return Report(moment(row.ended_at), {name: count for name, count in found.items() if isinstance(count, int)})
