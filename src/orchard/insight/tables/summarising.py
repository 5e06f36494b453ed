"""Columns in numbers: asked of the sample, a table in the database's memory whose columns are named by their place."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec.structs

from orchard.insight.datasets import Column, Histogram, Number, TopValue
from orchard.insight.tables.database import Database

SAMPLE: Final = "sample"
FIRST: Final = 20  # rows that are shown
_SHOWN: Final = 60 << 10  # bytes of them in all, as JSON
_CELL: Final = (16, 200)  # characters of a cell in a wide and in a narrow table
_VALUE: Final = 100  # characters of a value in a summary
_BINS: Final = 20
_TOP: Final = 5
_EXACT: Final = 1 << 53  # up to here JSON's readers keep integers

_INTEGERS: Final = frozenset(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
)
_TEXTS: Final = ("VARCHAR", "ENUM", "UUID", "BOOLEAN")
_TIMES: Final = ("DATE", "TIME", "INTERVAL")
_MISSING: Final = "count(*) - count({})"
_BINARY: Final = "'(binary)'"


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a table by their place. Their names are data, and never part of a statement.

    Attributes:
        names: What the file calls them.
        types: What the database makes of them.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]

    @classmethod
    def of(cls, described: Sequence[tuple[str, str]]) -> "Shape":
        """Take what the database says of a file."""
        return cls(tuple(name for name, _ in described), tuple(kind for _, kind in described))

    def aliases(self) -> str:
        """Name all of them."""
        return ", ".join(f"c{number}" for number in range(len(self.names)))

    def read(self) -> str:
        """Select all of them; of pictures and other bytes, which no preview shows, nothing is read."""
        return ", ".join(
            f"{_BINARY} AS c{number}" if "BLOB" in kind else f"c{number}" for number, kind in enumerate(self.types)
        )


def first_rows(database: Database, shape: Shape) -> tuple[tuple[str | None, ...], ...]:
    """Give the first rows as text, as many as fit.

    Raises:
        OrchardError: As the database does.
    """
    width = _cell(len(shape.names))
    cells = ", ".join(f"left(CAST(c{number} AS VARCHAR), {width})" for number in range(len(shape.names)))
    return fitting(database.rows(f"SELECT {cells} FROM {SAMPLE} LIMIT {FIRST}"), len(shape.names))


def fitting(rows: Sequence[tuple[str | None, ...]], width: int) -> tuple[tuple[str | None, ...], ...]:
    """Give the first rows of some columns, their cells cut, as many as fit."""
    most, left = _cell(width), _SHOWN
    fit: list[tuple[str | None, ...]] = []
    for row in rows[:FIRST]:
        cut = tuple(None if cell is None else cell[:most] for cell in row)
        left -= len(json.dumps(cut, ensure_ascii=False).encode("utf-8", "replace"))
        if left < 0:
            break
        fit.append(cut)
    return tuple(fit)


def _cell(columns: int) -> int:
    """Tell how many characters of a cell are shown."""
    least, most = _CELL
    return min(max(_SHOWN // (FIRST * columns), least), most)


def summarised(database: Database, name: str, column: Column, *, kind: str) -> Column:
    """Add to a column what can be said of its values.

    Args:
        database: Where the sample is.
        name: Of the column there.
        column: What is known of it.
        kind: Its type, in full.

    Raises:
        OrchardError: As the database does.
    """
    if "BLOB" in kind:
        return column
    return msgspec.structs.replace(column, **_summary_of(kind)(database, name, kind))


def _summary_of(kind: str) -> Callable[[Database, str, str], dict[str, Any]]:
    if kind in _INTEGERS or kind in {"FLOAT", "DOUBLE"} or kind.startswith("DECIMAL"):
        return _numbers if not kind.endswith("]") else _nulls
    if kind.startswith(_TEXTS) and not kind.endswith("]"):
        return _texts
    if kind.startswith(_TIMES) and not kind.endswith("]"):
        return _times
    return _nulls


def _nulls(database: Database, name: str, _kind: str) -> dict[str, Any]:
    return {"nulls": database.rows(f"SELECT {_MISSING.format(name)} FROM {SAMPLE}")[0][0]}


def _numbers(database: Database, name: str, kind: str) -> dict[str, Any]:
    finite = "FILTER (isfinite(d) AND abs(d) < 1e150)"
    nulls, low, high, distinct, mean, deviation, quartiles, least, greatest = database.rows(
        f"SELECT {_MISSING.format('x')}, min(x), max(x), approx_count_distinct(x), "
        f"avg(d) {finite}, stddev_samp(d) {finite}, quantile_cont(d, [0.25, 0.5, 0.75]) {finite}, "
        f"min(d) {finite}, max(d) {finite} FROM (SELECT {name} AS x, CAST({name} AS DOUBLE) AS d FROM {SAMPLE})"
    )[0]
    return {
        "nulls": nulls,
        "low": _number(low),
        "high": _number(high),
        "distinct": distinct,
        "mean": mean,
        "deviation": deviation,
        "quartiles": tuple(quartiles) if quartiles else None,
        "histogram": None if least is None else _histogram(database, name, (least, greatest), whole=kind in _INTEGERS),
    }


def _histogram(database: Database, name: str, ends: tuple[float, float], *, whole: bool) -> Histogram:
    """Count numbers in bins; few whole numbers get a bin each."""
    low, high = ends
    bins = _BINS
    if whole and high - low < _BINS:
        bins, high = int(high - low) + 1, high + 1
    step = (high - low) / bins
    rows = [0] * bins
    if step <= 0 or not math.isfinite(step):
        bins, step, rows = 1, 1.0, [0]
    counted = database.rows(
        f"SELECT greatest(least(CAST(floor((d - ?) / ?) AS BIGINT), {bins - 1}), 0), count(*) "
        f"FROM (SELECT CAST({name} AS DOUBLE) AS d FROM {SAMPLE}) WHERE isfinite(d) AND abs(d) < 1e150 GROUP BY 1",
        low,
        step,
    )
    for place, count in counted:
        rows[place] = count
    return Histogram(low=low, high=high, rows=tuple(rows))


def _number(value: object) -> Number | None:
    """Give a number that JSON keeps; none for an infinity and for what is not a number."""
    if value is None:
        return None
    if isinstance(value, int) and abs(value) < _EXACT:
        return value
    number = float(value)  # type: ignore[arg-type]  # int, float or Decimal
    return number if math.isfinite(number) else None


def _texts(database: Database, name: str, _kind: str) -> dict[str, Any]:
    text = f"left(CAST({name} AS VARCHAR), {_VALUE})"
    nulls, low, high, distinct = database.rows(
        f"SELECT {_MISSING.format(name)}, min({text}), max({text}), approx_count_distinct({name}) FROM {SAMPLE}"
    )[0]
    top = database.rows(
        f"SELECT {text}, count(*) FROM {SAMPLE} WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_TOP}"
    )
    often = tuple(TopValue(value=value, rows=count) for value, count in top) if top and top[0][1] > 1 else ()
    return {"nulls": nulls, "low": low, "high": high, "distinct": distinct, "top": often}


def _times(database: Database, name: str, _kind: str) -> dict[str, Any]:
    nulls, low, high, distinct = database.rows(
        f"SELECT {_MISSING.format(name)}, CAST(min({name}) AS VARCHAR), CAST(max({name}) AS VARCHAR), "
        f"approx_count_distinct({name}) FROM {SAMPLE}"
    )[0]
    return {"nulls": nulls, "low": low, "high": high, "distinct": distinct}
