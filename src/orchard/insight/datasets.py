"""What is said about a dataset: values that go into JSON, from the process that read it to whoever shows them."""

from typing import Literal

from orchard.insight.kept import Kept, Part

TableFormat = Literal["csv", "tsv", "jsonl", "parquet"]
Packing = Literal["", "gzip", "zstd"]
Number = int | float
Counted = Literal["read", "footer", "lines", "estimate"]


class TopValue(Part, frozen=True, kw_only=True):
    """A value that is often in a column.

    Attributes:
        value: As text; long ones are cut.
        rows: How many rows have it.
    """

    value: str
    rows: int


class Histogram(Part, frozen=True, kw_only=True):
    """How the numbers of a column are spread.

    Attributes:
        low: Where the first bin starts.
        high: Where the last one ends; it holds this number too.
        rows: Rows in each bin. All are equally wide; there are 20 at most.
    """

    low: float
    high: float
    rows: tuple[int, ...]


class Column(Part, frozen=True, kw_only=True):
    """One column. Everything below ``nullable`` is about the rows that were summarised; ``None`` is what is not known.

    Attributes:
        name: What it is called; long names are cut.
        type: As SQL calls it, such as ``BIGINT``, ``DOUBLE``, ``VARCHAR`` or ``STRUCT(a BIGINT)``; long ones are cut.
        nullable: Whether the file says that values may be missing; text formats do not say.
        nulls: Rows without a value.
        distinct: Different values; of more than 50,000 rows within some per cent.
        low: The least value; of texts the first in order, cut.
        high: The greatest one.
        mean: Of numbers. Infinities and what is not a number count in neither this nor what follows.
        deviation: Standard deviation of a sample.
        quartiles: The numbers below which a quarter, half and three quarters of them are.
        top: The five most frequent values of a text or a truth value, unless all are different.
        histogram: Of numbers.
    """

    name: str
    type: str
    nullable: bool | None = None
    nulls: int | None = None
    distinct: int | None = None
    low: Number | str | None = None
    high: Number | str | None = None
    mean: float | None = None
    deviation: float | None = None
    quartiles: tuple[float, float, float] | None = None
    top: tuple[TopValue, ...] = ()
    histogram: Histogram | None = None


class TableInsight(Kept, frozen=True, kw_only=True, tag="table"):
    """A dataset: CSV, TSV, JSON Lines or Parquet.

    Attributes:
        format: Of the file, without compression around it.
        packing: The compression around it.
        size: Bytes of the file as it is stored.
        columns: In their order; of very wide tables the first 512.
        width: How many columns there are.
        rows: How many rows there are, if that is known.
        counted: How that is known: all were read, the footer says so, the lines were counted, or it is an estimate from
            the part that was counted.
        first: The first rows as text, ``None`` where there is no value; 20 at most, long cells cut, 64 KiB in all.
        sampled: Rows that the summaries of the columns are about: the first ones.
        whole: Whether those are all rows.
        notes: What to know of how this was found out, for people.
    """

    format: TableFormat
    packing: Packing = ""
    size: int = 0
    columns: tuple[Column, ...] = ()
    width: int = 0
    rows: int | None = None
    counted: Counted | None = None
    first: tuple[tuple[str | None, ...], ...] = ()
    sampled: int = 0
    whole: bool = False
    notes: tuple[str, ...] = ()
