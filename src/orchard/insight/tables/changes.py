"""What changed from one version of a dataset to the next: rows, schema, and what is in the columns."""

from collections.abc import Iterator
from typing import Final, Literal

from orchard.insight.datasets import Column, Number, TableInsight
from orchard.insight.kept import Part

What = Literal["nulls", "distinct", "mean", "deviation", "low", "high"]

_NULLS: Final = 0.01  # share of the rows
_MEAN: Final = 0.1  # standard deviations
_SPREAD: Final = 1.25  # times as wide or as narrow
_ENDS: Final = 0.05  # share of the range
_CATEGORIES: Final = 50  # different values up to which a text is taken for a label
_TIMES: Final = ("DATE", "TIME")


class Retyped(Part, frozen=True, kw_only=True):
    """A column whose type is another one.

    Attributes:
        name: Of the column.
        before: Its type before.
        after: And now.
    """

    name: str
    before: str
    after: str


class Shift(Part, frozen=True, kw_only=True):
    """Something about the values of a column that is worth saying.

    Attributes:
        name: Of the column.
        what: What shifted: the share of rows without a value, the number of different ones, mean, standard deviation,
            least or greatest value.
        before: Before.
        after: And now.
    """

    name: str
    what: What
    before: Number | str
    after: Number | str


class TableChanges(Part, frozen=True, kw_only=True):
    """What changed from one table to another.

    Attributes:
        rows_before: Rows before, if known.
        rows_after: Rows now, if known.
        estimated: Whether one of these is an estimate.
        added: Columns that are new.
        removed: Columns that are gone.
        retyped: Columns of another type.
        reordered: Whether the columns that both have are in another order.
        shifts: What is different about the values of columns.
        sampled: Whether the shifts are about the first rows of a table, not about all of them.
        narrowed: Whether one is so wide that not all of its columns were compared.
    """

    rows_before: int | None = None
    rows_after: int | None = None
    estimated: bool = False
    added: tuple[Column, ...] = ()
    removed: tuple[Column, ...] = ()
    retyped: tuple[Retyped, ...] = ()
    reordered: bool = False
    shifts: tuple[Shift, ...] = ()
    sampled: bool = False
    narrowed: bool = False

    @property
    def schema_changed(self) -> bool:
        """Whether a reader of the one may not understand the other."""
        return bool(self.added or self.removed or self.retyped)


def table_changes(before: TableInsight, after: TableInsight) -> TableChanges:
    """Say what changed between two tables. Columns are known by their names.

    A shift is said when the share of missing values moves by a point, or some are missing where none were; the mean by
    a tenth of the standard deviation; the standard deviation by a quarter; an end of the range by a twentieth of it; or
    when a column of labels has more or fewer different ones. Where only samples were summarised it is about these.
    """
    old = {column.name: column for column in before.columns}
    new = {column.name: column for column in after.columns}
    both = [name for name in old if name in new]
    retyped = [name for name in both if old[name].type != new[name].type]
    return TableChanges(
        rows_before=before.rows,
        rows_after=after.rows,
        estimated="estimate" in {before.counted, after.counted},
        added=tuple(_bare(column) for name, column in new.items() if name not in old),
        removed=tuple(_bare(column) for name, column in old.items() if name not in new),
        retyped=tuple(Retyped(name=name, before=old[name].type, after=new[name].type) for name in retyped),
        reordered=both != [name for name in new if name in old],
        shifts=tuple(
            shift
            for name in both
            if name not in retyped
            for shift in _shifts(old[name], new[name], (before.sampled, after.sampled))
        ),
        sampled=not (before.whole and after.whole),
        narrowed=before.width > len(before.columns) or after.width > len(after.columns),
    )


def _bare(column: Column) -> Column:
    return Column(name=column.name, type=column.type)


def _shifts(old: Column, new: Column, rows: tuple[int, int]) -> Iterator[Shift]:
    yield from _nulls(old, new, rows)
    yield from _labels(old, new)
    if old.mean is not None and new.mean is not None:
        yield from _spread(old, new)
    yield from _ends(old, new)


def _nulls(old: Column, new: Column, rows: tuple[int, int]) -> Iterator[Shift]:
    if old.nulls is None or new.nulls is None or not all(rows):
        return
    before, after = old.nulls / rows[0], new.nulls / rows[1]
    if abs(before - after) >= _NULLS or (before == 0) != (after == 0):
        yield Shift(name=old.name, what="nulls", before=before, after=after)


def _labels(old: Column, new: Column) -> Iterator[Shift]:
    before, after = old.distinct, new.distinct
    if not (old.top and new.top) or before is None or after is None:
        return
    if before != after and min(before, after) <= _CATEGORIES:
        yield Shift(name=old.name, what="distinct", before=before, after=after)


def _spread(old: Column, new: Column) -> Iterator[Shift]:
    assert old.mean is not None
    assert new.mean is not None
    was, now = old.deviation or 0.0, new.deviation or 0.0
    if abs(old.mean - new.mean) > _MEAN * was:
        yield Shift(name=old.name, what="mean", before=old.mean, after=new.mean)
    if max(was, now) > _SPREAD * min(was, now):
        yield Shift(name=old.name, what="deviation", before=was, after=now)


def _ends(old: Column, new: Column) -> Iterator[Shift]:
    pairs: tuple[tuple[What, Number | str | None, Number | str | None], ...] = (
        ("low", old.low, new.low),
        ("high", old.high, new.high),
    )
    for what, before, after in pairs:
        if before is not None and after is not None and _moved(old, before, after):
            yield Shift(name=old.name, what=what, before=before, after=after)


def _moved(old: Column, before: Number | str, after: Number | str) -> bool:
    if isinstance(before, str) or isinstance(after, str):
        return before != after and old.type.startswith(_TIMES)  # the first text in order says nothing
    span = old.high - old.low if isinstance(old.high, int | float) and isinstance(old.low, int | float) else 0
    return abs(before - after) > _ENDS * span
