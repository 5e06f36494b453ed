"""Columns in numbers: asked of the sample, a table in the database's memory whose columns are named by their place."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

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
_ONE_BY_ONE: Final = 50_000  # rows up to which different values are counted exactly
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


class Asked(NamedTuple):
    """A column of the sample that something is said of.

    Attributes:
        database: Where the sample is.
        name: Of the column there.
        kind: Its type, in full.
        rows: Of the sample.
    """

    database: Database
    name: str
    kind: str
    rows: int

    @property
    def distinct(self) -> str:
        """How its different values are counted: exactly, unless that takes long."""
        if self.rows <= _ONE_BY_ONE:
            return f"count(DISTINCT {self.name})"
        return f"least(approx_count_distinct({self.name}), count({self.name}))"


def summarised(column: Column, asked: Asked) -> Column:
    """Add to a column what can be said of its values.

    Raises:
        OrchardError: As the database does.
    """
    if "BLOB" in asked.kind:
        return column
    return msgspec.structs.replace(column, **_summary_of(asked.kind)(asked))


def _summary_of(kind: str) -> Callable[[Asked], dict[str, Any]]:
    if kind in _INTEGERS or kind in {"FLOAT", "DOUBLE"} or kind.startswith("DECIMAL"):
        return _numbers if not kind.endswith("]") else _nulls
    if kind.startswith(_TEXTS) and not kind.endswith("]"):
        return _texts
    if kind.startswith(_TIMES) and not kind.endswith("]"):
        return _times
    return _nulls


def _nulls(asked: Asked) -> dict[str, Any]:
    return {"nulls": asked.database.rows(f"SELECT {_MISSING.format(asked.name)} FROM {SAMPLE}")[0][0]}


def _numbers(asked: Asked) -> dict[str, Any]:
    database, name, whole = asked.database, asked.name, asked.kind in _INTEGERS
    finite = "FILTER (isfinite(d) AND abs(d) < 1e150)"
    nulls, low, high, distinct, mean, deviation, quartiles, least, greatest = database.rows(
        f"SELECT {_MISSING.format(name)}, min({name}), max({name}), {asked.distinct}, "
        f"avg(d) {finite}, stddev_samp(d) {finite}, quantile_cont(d, [0.25, 0.5, 0.75]) {finite}, "
        f"min(d) {finite}, max(d) {finite} FROM (SELECT {name}, CAST({name} AS DOUBLE) AS d FROM {SAMPLE})"
    )[0]
    return {
        "nulls": nulls,
        "low": _number(low),
        "high": _number(high),
        "distinct": distinct,
        "mean": mean,
        "deviation": deviation,
        "quartiles": tuple(quartiles) if quartiles else None,
        "histogram": None if least is None else _histogram(database, name, (least, greatest), whole=whole),
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


def _texts(asked: Asked) -> dict[str, Any]:
    database, name = asked.database, asked.name
    text = f"left(CAST({name} AS VARCHAR), {_VALUE})"
    nulls, low, high, distinct = database.rows(
        f"SELECT {_MISSING.format(name)}, min({text}), max({text}), {asked.distinct} FROM {SAMPLE}"
    )[0]
    top = database.rows(
        f"SELECT {text}, n FROM (SELECT {name}, count(*) AS n FROM {SAMPLE} WHERE {name} IS NOT NULL "
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_TOP})"
    )
    often = tuple(TopValue(value=value, rows=count) for value, count in top) if top and top[0][1] > 1 else ()
    return {"nulls": nulls, "low": low, "high": high, "distinct": distinct, "top": often}


def _times(asked: Asked) -> dict[str, Any]:
    database, name = asked.database, asked.name
    nulls, low, high, distinct = database.rows(
        f"SELECT {_MISSING.format(name)}, CAST(min({name}) AS VARCHAR), CAST(max({name}) AS VARCHAR), "
        f"{asked.distinct} FROM {SAMPLE}"
    )[0]
    return {"nulls": nulls, "low": low, "high": high, "distinct": distinct}
