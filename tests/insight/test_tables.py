"""Datasets, read by a process that can reach nothing but their bytes."""

import gzip
import os
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies

from orchard.errors import InvalidError, StorageError
from orchard.insight import (
    InMemory,
    Insight,
    RandomAccess,
    TableInsight,
    TableReader,
    Unreadable,
    conclude,
    detect_table,
    examine,
)
from orchard.insight.tables.database import Database
from orchard.insight.tables.looking import look
from orchard.insight.tables.worker import limited

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PLACES = strategies.integers(0, 1 << 20)
CSV = b"id,label,score\n1,cat,0.5\n2,dog,1.5\n3,cat,\n"


Tables = Callable[[str, RandomAccess], Insight]


@pytest.fixture(scope="module")
def apart() -> Iterator[TableReader]:
    """Reads tables as they are read in earnest."""
    with TableReader() as reader:
        yield reader


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    query = "SELECT range AS a, 'text ' || range % 7 AS b, [1, range] AS c, DATE '2020-01-01' AS d FROM range(99)"
    return {
        "t.parquet": parquet(tmp_path_factory.mktemp("whole"), query),
        "t.csv": b"".join(b'%d,"text, %d",2020-01-01\n' % (n, n) for n in range(99)),
        "t.jsonl": b"".join(b'{"a": %d, "b": {"c": [1, "x"]}}\n' % n for n in range(99)),
    }


@pytest.fixture
def tables() -> Tables:
    """Reads tables as the process does, in this one: quicker, and measured."""

    def read(path: str, source: RandomAccess) -> Insight:
        kind = detect_table(path)
        assert kind is not None
        try:
            return look(kind, source, Database(), limited=limited)
        except InvalidError as error:
            return Unreadable(why=str(error))

    return read


class Endless:
    """A file that starts so and goes on with one byte, for as long as it claims."""

    def __init__(self, start: bytes, byte: bytes, size: int) -> None:
        self._start = start
        self._byte = byte
        self.size = size
        self.read = 0

    def read_at(self, offset: int, size: int, /) -> bytes:
        self.read += size
        data = self._start[offset : offset + size]
        return data + self._byte * (size - len(data))


def parquet(tmp_path: Path, query: str, options: str = "") -> bytes:
    path = tmp_path / "made.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet{options})")
    return path.read_bytes()


def table_of(tables: Tables, path: str, source: RandomAccess | bytes) -> TableInsight:
    found = tables(path, InMemory(source) if isinstance(source, bytes) else source)
    assert isinstance(found, TableInsight), found
    return found


def why(tables: Tables, path: str, source: RandomAccess | bytes) -> str:
    found = tables(path, InMemory(source) if isinstance(source, bytes) else source)
    assert isinstance(found, Unreadable), found
    return found.why


def test_a_csv_has_a_schema_rows_and_a_summary(tables: Tables) -> None:
    found = table_of(tables, "data/train.csv", CSV)

    assert [(column.name, column.type) for column in found.columns] == [
        ("id", "BIGINT"),
        ("label", "VARCHAR"),
        ("score", "DOUBLE"),
    ]
    assert (found.rows, found.counted, found.sampled, found.whole, found.size) == (3, "read", 3, True, len(CSV))
    assert found.first == (("1", "cat", "0.5"), ("2", "dog", "1.5"), ("3", "cat", None))
    label, score = found.columns[1:]
    assert [(one.value, one.rows) for one in label.top] == [("cat", 2), ("dog", 1)]
    assert (score.nulls, score.low, score.high, score.mean, score.quartiles) == (1, 0.5, 1.5, 1.0, (0.75, 1.0, 1.25))
    assert score.histogram is not None
    assert sum(score.histogram.rows) == 2


def test_what_is_known_of_a_table_is_kept_as_json_and_concluded_from(apart: TableReader) -> None:
    found = examine("data/train.csv", InMemory(CSV), apart)

    assert msgspec.json.decode(msgspec.json.encode(found), type=Insight) == found
    assert found is not None
    (dataset,) = conclude({"data/train.csv": found}).datasets
    assert (dataset.rows, dataset.columns, dataset.size) == (3, 3, len(CSV))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.tsv", b"a\tb\n1\tx, y\n2\tz\n"),
        ("t.csv", b"a;b\r\n1;'x'\r\n2;\"y\nz\"\r\n"),
        ("t.jsonl", b'{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}'),
        ("t.ndjson", b'{"a": 1, "b": "x"}\n\n{"a": 2, "b": "y"}\n'),
        ("t.csv.gz", gzip.compress(b"a,b\n1,x\n", mtime=0) + gzip.compress(b"2,y\n", mtime=0)),
        ("t.jsonl.zst", zstd.compress(b'{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n')),
        ("t.CSV", "\ufeffa,b\n1,x\n2,y\n".encode()),
        ("utf16.csv", "a,b\n1,x\n2,ü\n".encode("utf-16")),
    ],
)
def test_every_way_to_write_a_table_gives_the_same_columns(tables: Tables, name: str, data: bytes) -> None:
    found = table_of(tables, name, data)

    assert [(column.name, column.type) for column in found.columns] == [("a", "BIGINT"), ("b", "VARCHAR")]
    assert (found.rows, len(found.first)) == (2, 2)


def test_a_parquet_file_says_what_may_be_missing_and_shows_no_pictures(tables: Tables, tmp_path: Path) -> None:
    data = parquet(
        tmp_path,
        "SELECT range AS id, TIMESTAMP '2020-01-01' AS at, {'bytes': 'x'::BLOB, 'path': 'p'} AS image, [1, 2] AS l, "
        "'inf'::DOUBLE AS big FROM range(50)",
    )

    found = table_of(tables, "t.parquet", data)

    assert (found.rows, found.counted, found.whole) == (50, "footer", True)
    assert [column.nullable for column in found.columns] == [True, False, False, False, False]
    assert found.first[0] == ("0", "2020-01-01 00:00:00", "(binary)", "[1, 2]", "inf")
    assert (found.columns[1].low, found.columns[4].high, found.columns[4].mean) == ("2020-01-01 00:00:00", None, None)


def test_of_a_parquet_file_in_a_layer_only_parts_are_read(apart: TableReader, tmp_path: Path) -> None:
    data = parquet(
        tmp_path, "SELECT range AS a, repeat('x', 2000) || range AS b FROM range(60000)", ", ROW_GROUP_SIZE 10000"
    )
    source = Endless(data, b"", len(data))

    found = table_of(apart, "t.parquet", source)

    assert (found.rows, found.whole) == (60_000, False)
    assert 30_000 < found.sampled < 40_000
    assert found.notes == (f"the summary is about the first {found.sampled} rows",)
    assert source.read < 0.9 * len(data)


def test_a_large_csv_is_summarised_by_its_start_and_its_lines_are_counted(tables: Tables) -> None:
    block = b"".join(b'%d,"a, b\nc",0.25\n' % number for number in range(1000))
    data = b"id,text,x\n" + block * 1000

    found = table_of(tables, "big.csv", data)

    assert (found.rows, found.counted) == (1_000_000, "lines")
    assert 0 < found.sampled < 1_000_000
    assert "the first" in found.notes[0]


def test_types_are_taken_back_where_a_later_row_does_not_fit(tables: Tables) -> None:
    found = table_of(tables, "late.csv", b"a,b\n" + b"1,2\n" * 30_000 + b"x,y\n")

    assert [column.type for column in found.columns] == ["VARCHAR", "VARCHAR"]
    assert found.rows == 30_001


def test_lines_that_are_no_rows_are_left_out_and_that_is_said(tables: Tables) -> None:
    found = table_of(tables, "t.jsonl", b'{"a": 1}\n{broken\n{"a": 3}\n')

    assert "left out" in found.notes[0]
    assert [row for row in found.first if row != (None,)]


def test_what_is_not_utf8_is_read_as_latin1_and_that_is_said(tables: Tables) -> None:
    found = table_of(tables, "t.csv", "name,n\nJosé,1\n".encode("latin-1"))

    assert found.first == (("José", "1"),)
    assert found.notes == ("read as latin-1",)


def test_formulas_and_pages_in_cells_stay_text(tables: Tables) -> None:
    cells = ("=cmd|' /C calc'!A0", "<script>alert(1)</script>", "'; DROP TABLE sample; --")

    found = table_of(tables, "t.csv", f"a,b,c\n{','.join(cells)}\n".encode())

    assert found.first == (cells,)


def test_names_of_columns_are_no_part_of_a_statement(tables: Tables) -> None:
    found = table_of(tables, "t.jsonl", rb'{"a\"; SELECT 1; --": 1, "c0": 2}' + b"\n")

    assert [column.name for column in found.columns][:2] == ['a"; SELECT 1; --', "c0"]
    assert found.columns[1].high == 2


def test_a_table_with_thousands_of_columns_shows_its_header_and_its_start(tables: Tables) -> None:
    header = ",".join(f"g{number}" for number in range(20_000))
    row = ",".join("1" for _ in range(20_000))

    found = table_of(tables, "genes.csv", f"{header}\n{row}\n{row}\n".encode())

    assert (found.width, len(found.columns), found.columns[511].name) == (20_000, 512, "g511")
    assert (found.rows, found.first[0][:2]) == (2, ("1", "1"))
    assert "too many" in found.notes[0]


def test_the_first_rows_fit_into_64_kib(tables: Tables) -> None:
    wide = ",".join(f"c{number}" for number in range(60))
    rows = "\n".join(",".join("x" * 500 for _ in range(60)) for _ in range(25))

    found = table_of(tables, "t.csv", f"{wide}\n{rows}\n".encode())

    assert 0 < len(msgspec.json.encode(found.first)) <= 64 << 10


# ---- hostile ----


@pytest.mark.parametrize(
    ("name", "source", "says"),
    [
        ("empty.csv", b"", "it is empty"),
        ("blank.jsonl", b"\n" * 100, "it is empty"),
        ("line.csv", Endless(b"a,b\n", b"x", 1 << 30), "a line of it has more than 16 MiB"),
        ("brackets.jsonl", Endless(b"", b"[", 1 << 30), "a line of it has more than 16 MiB"),
        ("pretty.jsonl", b'[\n {\n  "a": 1\n }\n]\n', "Malformed JSON"),
        ("cell.csv", b"a,b\n1," + b"x" * 3_000_000 + b"\n", "Maximum line size"),
        ("deep.jsonl", b'{"a":' * 9000 + b"1" + b"}" * 9000 + b"\n", "recursion depth"),
        ("keys.jsonl", b"{" + b",".join(b'"k%d":1' % n for n in range(20_000)) + b"}\n", "20000 keys"),
        ("not.csv.gz", b"nothing of this kind", "its compression is broken"),
        ("cut.csv.gz", gzip.compress(os.urandom(9999))[:5000], "its compression is broken"),
        ("not.jsonl.zst", b"nothing of this kind", "its compression is broken"),
        ("not.parquet", b"nothing of this kind", "not a sound Parquet file: "),
        ("footer.parquet", b"PAR1" + b"\xfe" * 4000 + b"\xa0\x0f\0\0PAR1", ""),
        ("t.xlsx", b"PK", "not CSV"),
    ],
)
def test_hostile_files_end_with_a_reason(
    apart: TableReader, name: str, source: RandomAccess | bytes, says: str
) -> None:
    assert says in why(apart, name, source)


def test_a_footer_that_claims_rows_is_not_believed(apart: TableReader, tmp_path: Path) -> None:
    data = parquet(tmp_path, "SELECT 7 AS a FROM range(1000)")
    (length,) = (int.from_bytes(data[-8:-4], "little"),)
    footer = data[-8 - length : -8]
    rows = b"\xd0\x0f"  # 1000 as Thrift writes it; once for the file, once for the row group
    assert footer.count(rows) >= 2
    claimed = footer.replace(rows, b"\xd2\x0f", 1)

    assert "claims" in why(apart, "t.parquet", data[: -8 - length] + claimed + data[-8:])


def test_a_bomb_in_a_parquet_file_is_shown_by_a_few_rows(apart: TableReader, tmp_path: Path) -> None:
    bomb = parquet(tmp_path, "SELECT repeat('x', 1000000) AS a FROM range(1000)", ", COMPRESSION zstd")
    assert len(bomb) < 1 << 20

    found = table_of(apart, "bomb.parquet", bomb)

    assert (found.rows, found.sampled) == (1000, 20)
    assert len(found.first[0][0] or "") == 200


def test_what_a_bomb_of_gzip_unpacks_to_is_counted_up_to_a_limit(apart: TableReader) -> None:
    bomb = gzip.compress(b"a,b\n" + b"1,2\n" * (3 << 20), 1)

    found = table_of(apart, "bomb.csv.gz", bomb)

    assert found.rows == 3 << 20
    assert found.sampled <= 1_000_000


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.csv", "/etc/passwd.csv", "x' UNION SELECT 1; --.csv", "s3://b/t.csv"]
)
def test_the_name_of_a_file_reads_nothing_else(apart: TableReader, name: str) -> None:
    assert table_of(apart, name, CSV).rows == 3


class Rows:
    """Equal rows without end, or nearly so."""

    size = 128 << 20

    def __init__(self) -> None:
        self.read = 0

    def read_at(self, offset: int, size: int, /) -> bytes:
        self.read += size
        return (b"1,2\n" * (size // 4 + 2))[offset % 4 :][:size]


def test_whatever_the_size_little_of_a_file_is_held_here(apart: TableReader) -> None:
    tracemalloc.start()
    try:
        found = table_of(apart, "rows.csv", Rows())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert found.rows == 32 << 20
    assert peak < 20 << 20


def test_of_a_file_from_afar_the_rest_is_not_read_and_its_rows_are_an_estimate() -> None:
    rows = Rows()
    with TableReader(counting=0) as reader:
        found = table_of(reader, "rows.csv", rows)

    assert found.rows == pytest.approx(32 << 20, rel=0.01)
    assert found.counted == "estimate"
    assert rows.read < 40 << 20


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=strategies.lists(
        strategies.tuples(strategies.integers(0, 1 << 20), strategies.binary(max_size=4)), max_size=6
    ),
    what=strategies.sampled_from(["t.parquet", "t.csv", "t.jsonl"]),
)
def test_damage_anywhere_ends_in_a_table_or_in_a_reason(
    apart: TableReader, whole: dict[str, bytes], places: list[tuple[int, bytes]], what: str
) -> None:
    data = bytearray(whole[what])
    for place, damage in places:
        at = place % len(data)
        data[at : at + len(damage)] = damage

    found = apart(what, InMemory(bytes(data)))

    assert isinstance(found, TableInsight) or found.why
    assert "its reader" not in getattr(found, "why", "")


def test_a_source_that_fails_is_no_fault_of_the_file(apart: TableReader) -> None:
    class Failing:
        size = 100

        def read_at(self, _offset: int, _size: int, /) -> bytes:
            raise StorageError("the disk is gone")

    with pytest.raises(StorageError, match="the disk is gone"):
        apart("t.csv", Failing())
    assert table_of(apart, "t.csv", CSV).rows == 3


def test_a_file_that_takes_too_long_ends_its_process_and_not_the_next_file() -> None:
    class Slow(InMemory):
        def read_at(self, offset: int, size: int, /) -> bytes:
            clock.seconds += 100.0
            return super().read_at(offset, size)

    class Clock:
        seconds = 0.0

        def __call__(self) -> float:
            return self.seconds

    clock = Clock()
    with TableReader(seconds=150.0, now=clock) as reader:
        assert why(reader, "slow.csv", Slow(CSV)) == "it takes longer than a preview may"
        assert table_of(reader, "t.csv", CSV).rows == 3
        assert why(reader, "slow.csv", Slow(CSV)) == "it takes longer than a preview may"
        assert "took all the time" in why(reader, "t.csv", CSV)


def test_where_duckdb_is_not_installed_that_is_said(apart: TableReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    assert why(apart, "t.csv", CSV) == "no preview: install orchard[preview]"
