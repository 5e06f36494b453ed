"""The table of versions on a page, and the same for programs as CSV and JSON."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from orchard.hub.http.pages import cells, text
from orchard.hub.http.pages.addresses import version_url
from orchard.hub.http.pages.asked import Asked
from orchard.hub.http.pages.cells import Cell
from orchard.hub.http.pages.charts import Sparkline, sparkline
from orchard.hub.http.pages.columns import VERSION, Column, column_of, needed, offered, usual
from orchard.hub.registry import KnownKey, Line

_TAGS: Final = 3
_FORMULA: Final = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001 -- the wide ones begin formulas too (OWASP, CSV injection)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above a column.

    Attributes:
        url: Sorts by it; empty if nothing can.
        sorted: What ``aria-sort`` says.
        line: How the values went.
    """

    column: Column
    url: str
    sorted: str
    line: Sparkline | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row, ready to be written.

    Attributes:
        tags: The newest tags, with their addresses.
        more: How many further tags there are.
        label: What the version is called where there is room for one word.
        state: How far the hub has come with understanding it, if not to the end.
    """

    url: str
    digest: str
    short: str
    tags: Sequence[tuple[str, str]]
    more: int
    label: str
    pushed: datetime
    pushed_by: str
    state: str
    cells: Sequence[tuple[Cell, Column]]


@dataclass(frozen=True, slots=True)
class Choice:
    """One column that can be shown.

    Attributes:
        shown: Whether it is.
        earlier: Address of the table that has it one place earlier; empty if there is none.
        later: Likewise.
    """

    column: Column
    shown: bool
    earlier: str = ""
    later: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The table, ready to be written.

    Attributes:
        following: Address of the next part; empty at the end.
    """

    heads: Sequence[Head]
    rows: Sequence[Row]
    choices: Sequence[Choice]
    following: str


def columns_of(asked: Asked, known: Sequence[KnownKey]) -> list[Column]:
    """Give the columns that are wanted, else the usual ones; which version it is comes first."""
    if asked.columns is None:
        return usual(known)
    return [VERSION, *(column_of(key) for key in asked.columns if key != VERSION.key)]


def needs(columns: Sequence[Column], known: Sequence[KnownKey]) -> list[str]:
    """List the facts that the columns are made of."""
    return needed(columns, known)


def table(asked: Asked, lines: Sequence[Line], columns: Sequence[Column], *, known: Sequence[KnownKey]) -> Table:
    """Make the table of lines, one more than it shows if there are more."""
    shown = lines[: asked.rows]
    by_time = asked.order.key == "pushed" and asked.order.descending
    before: list[Line | None] = [*lines[1:], None] if by_time else [None] * len(lines)
    makers = [
        (column, cells.maker(column), cells.best(column, shown) if column.metric else None) for column in columns[1:]
    ]
    rows = [
        _row(
            asked.repository,
            line,
            [
                (_starred(make(column, line, earlier), line, column, top=top), column)
                if top is not None
                else (make(column, line, earlier), column)
                for column, make, top in makers
            ],
        )
        for line, earlier in zip(shown, before, strict=False)
    ]
    following = asked.following(shown[-1].mark).url() if len(lines) > asked.rows else ""
    return Table([_head(asked, column, shown) for column in columns], rows, _choices(asked, columns, known), following)


def as_csv(lines: Sequence[Line], columns: Sequence[Column]) -> bytes:
    """Write the table for spreadsheets, which take no text of it for a formula."""
    records = list(map(_record(columns), lines))
    fields = list(dict.fromkeys(key for record in records for key in record))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_harmless(field) for field in fields])
    writer.writerows([_harmless(record.get(field)) for field in fields] for record in records)
    return out.getvalue().encode()


def as_json(lines: Sequence[Line], columns: Sequence[Column]) -> bytes:
    """Write the table for programs."""
    return json.dumps([_record(columns)(line) for line in lines], ensure_ascii=False, indent=1).encode()


def _record(columns: Sequence[Column]) -> Callable[[Line], Mapping[str, object]]:
    def record(line: Line) -> Mapping[str, object]:
        return {key: value for column in columns for key, value in cells.exported(column, line).items()}

    return record


def _harmless(value: object) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        value = "; ".join(map(_flat, value))
    written = str(value)
    return f"'{written}" if written.startswith(tuple(_FORMULA)) else written


def _flat(value: object) -> str:
    return " ".join(str(part) for part in value.values() if part) if isinstance(value, dict) else str(value)


def _starred(made: Cell, line: Line, column: Column, *, top: float) -> Cell:
    return cells.starred(made) if cells.one(line, column.key) == top else made


def _row(name: str, line: Line, made: Sequence[tuple[Cell, Column]]) -> Row:
    summary = line.summary
    url = version_url(name, summary.digest)
    return Row(
        url=url,
        digest=str(summary.digest),
        short=summary.digest.short,
        tags=[(tag, version_url(name, tag)) for tag in summary.tags[:_TAGS]],
        more=max(0, len(summary.tags) - _TAGS),
        label=summary.tags[0] if summary.tags else summary.digest.short,
        pushed=summary.pushed_at,
        pushed_by=summary.pushed_by,
        state=line.state or "",
        cells=made,
    )


def _head(asked: Asked, column: Column, shown: Sequence[Line]) -> Head:
    sortable = asked.sorted_by(column).url() if column.order else ""
    ordered = "none"
    if column.order == asked.order.key:
        ordered = "descending" if asked.order.descending else "ascending"
    drawn = None
    if column.metric:
        by_age = sorted(shown, key=lambda line: line.summary.pushed_at)
        values = [value for line in by_age if isinstance(value := cells.one(line, column.key), float)]
        drawn = sparkline(text.clip(column.title, 60), values)
    return Head(column, sortable, ordered, drawn)


def _choices(asked: Asked, columns: Sequence[Column], known: Sequence[KnownKey]) -> list[Choice]:
    keys = [column.key for column in columns]
    chosen = [
        Choice(column, shown=True, earlier=asked.moved(keys, column.key, -1), later=asked.moved(keys, column.key, 1))
        for column in columns[1:]
    ]
    others = [Choice(column, shown=False) for column in offered(known) if column.key not in keys]
    return [*chosen, *others]
