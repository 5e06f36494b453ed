"""What a dataset is: its columns, its first rows, how many there are. Runs where the database runs.

Time is limited by whoever calls; each part of the work has a share, so that a slow summary costs only the summary.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from msgspec.structs import replace

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.access import RandomAccess
from orchard.insight.datasets import Column, Counted, TableInsight
from orchard.insight.tables.database import START, TABLE, Database
from orchard.insight.tables.files import Unpacked, buffered
from orchard.insight.tables.head import Head, Lines, count_lines, read_head
from orchard.insight.tables.kinds import COUNTED, TableKind
from orchard.insight.tables.summarising import FIRST, SAMPLE, Asked, Shape, first_rows, fitting, summarised
from orchard.insight.tables.wide import WIDE, first_line_width, read_wide

COLUMNS: Final = 512  # that are described; of wider tables the others are only counted
SUMMARISED: Final = 200  # of these; each costs some 8 ms
ROWS: Final = 1_000_000  # that are summarised
CELLS: Final = 8_000_000  # the same for wide tables: rows times columns
_SAMPLE: Final = 64 << 20  # bytes of a Parquet file's pages, unpacked, that are summarised
_BUDGET: Final = 256 << 20  # bytes of a Parquet file that are read in all
_KEYS: Final = 10_000  # of a line of JSON
_START: Final = 256 << 10  # bytes from which it is found out how a text file is written
_CHUNKS: Final = 1_000_000  # column chunks of a Parquet file whose sizes are added up
_LEAST: Final = 20  # rows that are looked at, however large they are
TEXT: Final = 200  # characters of a name or a type

_LOOKING: Final = 8.0  # seconds of processor time for the schema and the rows
_SUMMARY: Final = 6.0
_COUNTING: Final = 10.0


class Limited(Protocol):
    """Gives a block some seconds of processor time; after that ``LimitExceededError`` comes out of whatever it does."""

    def __call__(self, seconds: float, /) -> AbstractContextManager[object]:
        """Start the clock."""
        ...


@dataclass(frozen=True, slots=True)
class _Rows:
    """How many rows a table has, and how that is known."""

    count: int | None
    counted: Counted | None


def look(
    kind: TableKind, source: RandomAccess, database: Database, *, limited: Limited, counting: int = COUNTED
) -> TableInsight:
    """Describe a dataset.

    Args:
        kind: What its name says that it is.
        source: Its bytes.
        database: A fresh one, which reads it.
        limited: Ends what takes too long.
        counting: Bytes of text that are passed over for counting rows.

    Raises:
        InvalidDocumentError: If it is not what its name says.
        LimitExceededError: If that takes more memory or time than a preview may.
        OrchardError: As the source raises it.
    """
    if kind.format == "parquet":
        try:
            return _look_at_parquet(source, database, limited=limited)
        except InvalidDocumentError as error:
            raise InvalidDocumentError(f"not a sound Parquet file: {error}") from error
    return _look_at_text(kind, source, database, limited=limited, counting=counting)


# ---- text ----


def _look_at_text(
    kind: TableKind, source: RandomAccess, database: Database, *, limited: Limited, counting: int
) -> TableInsight:
    file = Unpacked(source, kind.packing)
    quoted = kind.format != "jsonl"
    with limited(_LOOKING):
        head = read_head(file, quoted=quoted)
        if not head.data.strip():
            raise InvalidDocumentError("it is empty")
        if not quoted:
            _refuse_wide(head)
        found = (_wide(head) if quoted else None) or _from_head(kind, head, database)
    table = found.table if found.reading is None else _summary(database, found.reading, found.table, limited=limited)
    with limited(_COUNTING):
        known = _Rows(found.rows, "read")
        if not head.whole:
            lines = count_lines(file, head.rest, quoted=quoted and b'"' in head.data, limit=counting)
            known = _rows_of(lines, found.rows, file.size)
    return replace(
        table,
        packing=kind.packing,
        size=source.size,
        rows=known.count,
        counted=known.counted,
        whole=head.whole and table.sampled == known.count,
        notes=(*table.notes, *_said_of(head)),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What the head of a text file holds, and how the database reads it."""

    table: TableInsight
    rows: int
    reading: "_Reading | None" = None


def _from_head(kind: TableKind, head: Head, database: Database) -> _Found:
    start = head.data[: head.data.rfind(b"\n", 0, _START) + 1] or head.data[:_START]
    database.hold(lambda: io.BytesIO(head.data), len(head.data), start=start)
    ways = _jsonl_ways() if kind.format == "jsonl" else _csv_ways(database, kind)
    reading = _Reading.begin(database, ways)
    rows = reading.sampled
    if rows >= reading.limit:
        rows = database.rows(f"SELECT count(*) FROM {reading.function}")[0][0]
    return _Found(reading.table(database, kind), rows, reading)


def _wide(head: Head) -> _Found | None:
    """Describe a table that is too wide for the database."""
    width, mark = first_line_width(head)
    if width <= WIDE:
        return None
    start = read_wide(head, mark, most=FIRST)
    described = len(start.names[:COLUMNS])
    table = TableInsight(
        format="tsv" if mark == "\t" else "csv",
        columns=tuple(Column(name=name[:TEXT], type="VARCHAR") for name in start.names[:COLUMNS]),
        width=width,
        first=fitting([row[:COLUMNS] for row in start.rows], described),
        notes=(f"{width} columns are too many for types and summaries",),
    )
    return _Found(table, max(head.data.count(b"\n") + (not head.data.endswith(b"\n")) - 1, 0))


def _refuse_wide(head: Head) -> None:
    """Refuse a line of JSON that would become columns without end.

    Raises:
        LimitExceededError: If it does.
    """
    keys = head.data.count(b'":', 0, head.data.find(b"\n") + 1 or None)
    if keys > _KEYS:
        raise LimitExceededError(f"its first line has {keys} keys; a preview takes {_KEYS}")


def _said_of(head: Head) -> Iterator[str]:
    if head.encoding != "utf-8":
        yield f"read as {head.encoding}"
    if not head.whole:
        yield f"the summary is about the first {round(head.size / (1 << 20))} MiB"


def _rows_of(lines: Lines, in_head: int, size: int) -> _Rows:
    """Add the lines after the head to its rows, or guess their number from the part that was counted."""
    if lines.whole:
        return _Rows(in_head + lines.ends, "lines")
    if not lines.stored:
        return _Rows(None, None)
    return _Rows(round((in_head + lines.ends) * size / lines.stored), "estimate")


# ---- Parquet ----


def _look_at_parquet(source: RandomAccess, database: Database, *, limited: Limited) -> TableInsight:
    kind = TableKind("parquet")
    with limited(_LOOKING):
        database.hold(lambda: buffered(source, budget=_BUDGET), source.size)
        rows, size = _footer(database)
        most = max(_LEAST, ROWS if not size else rows * _SAMPLE // size)
        ways = [(f"read_parquet('{TABLE}')", "")]
        try:
            reading = _Reading.begin(database, ways, most=most)
        except LimitExceededError:  # the footer says too little of how large the rows are
            reading = _Reading.begin(database, ways, most=_LEAST)
        table = reading.table(database, kind)
        optional = _optional(database) + [None] * len(table.columns)
    table = _summary(database, reading, table, limited=limited)
    notes = () if reading.sampled == rows else (f"the summary is about the first {reading.sampled} rows",)
    return replace(
        table,
        size=source.size,
        columns=tuple(replace(column, nullable=optional[number]) for number, column in enumerate(table.columns)),
        rows=rows,
        counted="footer",
        whole=reading.sampled == rows,
        notes=(*table.notes, *notes),
    )


def _footer(database: Database) -> tuple[int, int]:
    """Give rows, and the bytes of all pages unpacked, as the footer claims them; 0 bytes where nobody adds them up.

    Raises:
        InvalidDocumentError: If no file can be so.
    """
    rows, groups = database.rows(f"SELECT num_rows, num_row_groups FROM parquet_file_metadata('{TABLE}')")[0]
    width = len(database.rows(f"DESCRIBE FROM read_parquet('{TABLE}')"))
    if not 0 <= rows < 1 << 53:
        raise InvalidDocumentError(f"its footer claims {rows} rows")
    if groups * width > _CHUNKS:
        return rows, 0
    chunks = f"FROM parquet_metadata('{TABLE}')"
    size, summed = database.rows(
        f"SELECT coalesce(sum(total_uncompressed_size), 0), (SELECT coalesce(sum(n), 0) FROM (SELECT any_value("
        f"row_group_num_rows) n {chunks} GROUP BY row_group_id)) {chunks}"
    )[0]
    if summed != rows:
        raise InvalidDocumentError(f"its footer claims {rows} rows, its row groups {summed}")
    return rows, max(int(size), 0)


def _optional(database: Database) -> list[bool | None]:
    """Tell of each column at the top whether values may be missing."""
    found: list[bool | None] = []
    below = 0  # fields that belong to the column before
    fields = database.rows(f"SELECT repetition_type, num_children FROM parquet_schema('{TABLE}') LIMIT {_CHUNKS}")
    for repetition, children in fields[1:]:
        if below:
            below += (children or 0) - 1
            continue
        below = children or 0
        found.append(repetition != "REQUIRED")
    return found


# ---- both ----

_JSON: Final = "maximum_depth = 6, maximum_object_size = 16777216"
_LEFT_OUT: Final = "some lines are no rows of this table, and were left out"

# What is tried one after the other, each with what to say of it: each takes more files than the one before.
_Ways = Sequence[tuple[str, str]]


def _jsonl_ways() -> _Ways:
    return [
        (f"read_ndjson('{TABLE}', {_JSON})", ""),
        (f"read_ndjson('{TABLE}', sample_size = -1, {_JSON})", ""),
        (f"read_ndjson('{TABLE}', ignore_errors = true, {_JSON})", _LEFT_OUT),
    ]


def _csv_ways(database: Database, kind: TableKind) -> _Ways:
    dialect = _dialect(database, kind)
    lenient = "strict_mode = false, ignore_errors = true"
    return [
        (f"read_csv('{TABLE}'{dialect})", ""),
        (f"read_csv('{TABLE}'{dialect}, sample_size = -1)", ""),
        (f"read_csv('{TABLE}'{dialect}, sample_size = -1, null_padding = true, {lenient})", _LEFT_OUT),
        (f"read_csv('{TABLE}', all_varchar = true, {lenient})", _LEFT_OUT),
    ]


def _dialect(database: Database, kind: TableKind) -> str:
    """Find out from the first lines how the file is written: to try it out on the whole file is slow."""
    tab = ", delim = '\t'" if kind.format == "tsv" else ""
    try:
        found = database.rows(f"SELECT Delimiter, Quote, Escape, SkipRows, HasHeader FROM sniff_csv('{START}'{tab})")
    except InvalidDocumentError:
        return tab
    delimiter, quote, escape, skip, header = found[0]
    marks = {"delim": (tab and "\t") or delimiter, "quote": quote, "escape": escape}
    words = (f", {word} = '{_mark(mark)}'" for word, mark in marks.items())
    return "".join(words) + f", skip = {int(skip)}, header = {bool(header)}"


def _mark(mark: str) -> str:
    """Write one character of a file's dialect into a statement; what is none is the usual quote."""
    return "''" if mark == "'" else mark if len(mark) == 1 else '"'


@dataclass(frozen=True, slots=True)
class _Reading:
    """A table as the database reads it, with the rows to summarise in a table of their own."""

    function: str
    shape: Shape
    width: int
    limit: int
    sampled: int
    note: str

    @classmethod
    def begin(cls, database: Database, ways: _Ways, *, most: int = ROWS) -> "_Reading":
        """Find a way to read the file.

        Raises:
            InvalidDocumentError: If there is none.
            OrchardError: As the file raises it.
        """
        failure: InvalidDocumentError | None = None
        for function, note in ways:
            try:
                return cls._take(database, function, most=most, note=note)
            except InvalidDocumentError as error:
                failure = failure or error
        assert failure is not None
        raise failure

    @classmethod
    def _take(cls, database: Database, function: str, *, most: int, note: str) -> "_Reading":
        described = database.rows(f"DESCRIBE FROM {function}")
        shape = Shape.of([(str(name), str(kind)) for name, kind, *_ in described[:COLUMNS]])
        limit = min(most, ROWS, max(CELLS // len(shape.names), _LEAST))
        database.rows(f"DROP TABLE IF EXISTS {SAMPLE}")
        database.rows(
            f"CREATE TABLE {SAMPLE} AS SELECT {shape.read()} FROM {function} t({shape.aliases()}) LIMIT {limit}"
        )
        sampled, valued = database.rows(f"SELECT count(*), count(c0) FROM {SAMPLE}")[0]
        if note and sampled and not valued and len(shape.names) == 1:
            raise InvalidDocumentError("no line of it is a row")
        return cls(function, shape, len(described), limit, sampled, note)

    def table(self, database: Database, kind: TableKind) -> TableInsight:
        """Describe it, without summaries."""
        pairs = zip(self.shape.names, self.shape.types, strict=True)
        described = len(self.shape.names)
        wide = f"the first {described} of {self.width} columns are described" if described < self.width else ""
        return TableInsight(
            format=kind.format,
            columns=tuple(Column(name=name[:TEXT], type=kind[:TEXT]) for name, kind in pairs),
            width=self.width,
            first=first_rows(database, self.shape),
            sampled=self.sampled,
            notes=tuple(note for note in (self.note, wide) if note),
        )


def _summary(database: Database, reading: _Reading, table: TableInsight, *, limited: Limited) -> TableInsight:
    """Summarise the columns, as many as there is time for."""
    columns = [*table.columns]
    done, notes = 0, table.notes
    try:
        with limited(_SUMMARY):
            for done, column in enumerate(table.columns[:SUMMARISED]):
                asked = Asked(database, f"c{done}", reading.shape.types[done], reading.sampled)
                columns[done] = summarised(column, asked)
        if len(columns) > SUMMARISED:
            notes = (*notes, f"the first {SUMMARISED} columns are summarised")
    except LimitExceededError as error:
        notes = (*notes, f"the summary ends before column {done + 1} of {len(columns)}: {error}")
    return replace(table, columns=tuple(columns), notes=notes)
