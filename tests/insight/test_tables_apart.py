"""The process that reads tables: what it may not do, how it talks, and the parts that it is made of."""

import io
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Thread

import duckdb
import pytest

from orchard.errors import InvalidDocumentError, LimitExceededError, StorageError
from orchard.insight import InMemory, TableKind
from orchard.insight.tables.database import TABLE, Database
from orchard.insight.tables.files import SourceFile, Unpacked
from orchard.insight.tables.frames import BYTES, DONE, FAILED, JOB, READ, Line, pack_place, unpack_place, until
from orchard.insight.tables.head import count_lines, read_head
from orchard.insight.tables.looking import look
from orchard.insight.tables.wide import first_line_width, read_wide
from orchard.insight.tables.worker import Job, answer, limited, serve

# What code does that took over the process: each line says what came of one attempt.
TAKEN_OVER = f"""
import io, os, socket
from orchard.insight.tables import worker
from orchard.insight.tables.database import Database

worker.load_all()
database = Database()
worker.forbid_files()
database.hold(lambda: io.BytesIO(b"a\\n1\\n"), 4)
said = ["read %s" % database.rows("FROM read_csv('{TABLE}')")]
for attempt in (
    lambda: open("/etc/passwd"), lambda: open("/dev/null", "w"), socket.socket, os.pipe, lambda: os.dup(0),
):
    try:
        attempt()
        said.append("allowed")
    except OSError as error:
        said.append(error.strerror)
for statement in (
    "FROM read_csv('/etc/passwd')", "FROM read_text('/proc/self/environ')", "FROM glob('/*')",
    "FROM read_csv('orchard://other')", "FROM read_csv('http://127.0.0.1/x.csv')", "INSTALL httpfs",
    "LOAD '/tmp/x.duckdb_extension'", "COPY (SELECT 1) TO '/tmp/out.csv'", "ATTACH '/tmp/out.db'",
    "SET memory_limit = '1TB'", "SET enable_external_access = true",
):
    try:
        said.append(f"allowed {{statement}} {{database.rows(statement)}}")
    except Exception as error:
        said.append(f"refused {{type(error).__name__}}")
said.append(f"environment {{sorted(os.environ)}}")
socket.socket(fileno=0).sendall("\\n".join(said).encode())
"""


def test_whoever_takes_the_process_over_can_open_nothing() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", TAKEN_OVER],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
        )
        assert process.wait(60) == 0
        theirs.close()
        said = ours.makefile().read().splitlines()

    assert said[0] == "read [(1,)]"
    assert said[1:6] == ["Too many open files"] * 5
    assert said[6:17] == ["refused InvalidDocumentError"] * 11
    assert said[17:] in (["environment []"], ["environment ['LC_CTYPE']"])


@pytest.fixture
def pair() -> Iterator[tuple[Line, Line]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Line(ours, limit=1 << 20, left=until(20)), Line(theirs, limit=1 << 20)


def test_the_worker_asks_for_bytes_and_answers_one_job_after_the_other(pair: tuple[Line, Line]) -> None:
    ours, theirs = pair
    data = b"a,b\n1,2\n"
    worker = Thread(target=serve, args=(theirs, lambda job: served(theirs, job)))
    worker.start()
    ours.send(JOB, b'{"format": "csv", "packing": "", "size": 8}')
    asked = 0
    while (message := ours.receive())[0] == READ:
        offset, size = unpack_place(message[1])
        asked += size
        ours.send(BYTES, data[offset : offset + size])
    assert (message[0], asked) == (DONE, len(data))
    assert b'"rows":1' in message[1]
    ours.send(JOB, b'{"format": "csv", "packing": "", "size": 8}')
    assert ours.receive()[0] == READ
    ours.send(FAILED)
    assert b"the file cannot be read" in ours.receive()[1]
    ours.send(JOB, b'{"format": "jsonl", "packing": "", "size": 0}')
    assert b"it is empty" in ours.receive()[1]
    ours.send(JOB, b'{"format": "tsv", "packing": "", "size": 1}')
    assert b"its reader broke" in ours.receive()[1]
    ours.send(DONE)
    worker.join(20)
    assert not worker.is_alive()


def served(line: Line, job: Job) -> str:
    import msgspec  # noqa: PLC0415 -- only here

    if job.format == "tsv":
        return "its reader broke on it"
    found = answer(line, job, forbid=lambda: None, limited=lambda _seconds: nullcontext())
    line.send(DONE, msgspec.json.encode(found))
    return ""


def test_messages_that_are_none_are_refused(pair: tuple[Line, Line]) -> None:
    ours, theirs = pair
    theirs.send(DONE, b"x" * 100)
    small = Line(ours._end, limit=10)  # noqa: SLF001 -- the same socket, with less patience
    with pytest.raises(OSError, match="a message of 100 bytes"):
        small.receive()
    with pytest.raises(OSError, match="not a place"):
        unpack_place(b"x")
    assert unpack_place(pack_place(7, 9)) == (7, 9)
    late = Line(ours._end, limit=10, left=lambda: 0.0)  # noqa: SLF001 -- as above
    with pytest.raises(TimeoutError):
        late.send(DONE)


@pytest.mark.parametrize(
    ("data", "quoted", "limit", "kept"),
    [
        (b"a\nb\nc\n", True, 99, b"a\nb\nc\n"),
        (b"aaa\nbbb\nccc\n", True, 9, b"aaa\nbbb\n"),
        (b'aaa\n"b\nb"\nccccccccccc\n', True, 14, b'aaa\n"b\nb"\n'),
        (b'aaaaaa\n"b\nb"\n', True, 11, b"aaaaaa\n"),
        (b'aaaa"a\nbbbb\ncc', False, 12, b'aaaa"a\nbbbb\n'),
    ],
)
def test_a_head_ends_where_a_line_ends(data: bytes, *, quoted: bool, limit: int, kept: bytes) -> None:
    head = read_head(Unpacked(InMemory(data), ""), quoted=quoted, limit=limit)

    assert head.data == kept
    assert head.data + head.rest == data[: limit + 1]
    assert head.whole == (kept == data)


@pytest.mark.parametrize(
    ("data", "quoted", "ends"),
    [
        (b"a\nb\n", False, 2),
        (b"a\nb", False, 2),
        (b'a"\nb\n', False, 2),
        (b'a,"x\ny"\nb,"x ""q""\n"\n', True, 2),
        (b'"",""\n"",""\n', True, 2),
        (b"", True, 0),
    ],
)
def test_lines_are_counted_outside_quotes_across_pieces(data: bytes, *, quoted: bool, ends: int) -> None:
    for cut in range(len(data) + 1):
        rest = Unpacked(InMemory(data[cut:]), "")
        found = count_lines(rest, data[:cut], quoted=quoted, limit=99)
        assert (found.ends, found.whole, found.size) == (ends, True, len(data))


def test_counting_ends_at_a_limit_of_bytes_or_of_time() -> None:
    data = b"a\n" * (4 << 20)
    bounded = count_lines(Unpacked(InMemory(data), ""), b"", quoted=False, limit=1000)
    ticks = iter([0.0, 0.0, 99.0])
    slow = count_lines(Unpacked(InMemory(data), ""), b"", quoted=False, limit=1 << 30, clock=lambda: next(ticks))

    assert (bounded.whole, bounded.size) == (False, 4 << 20)
    assert (slow.whole, slow.ends) == (False, 2 << 20)


def test_a_wide_table_without_a_header_gets_numbered_columns() -> None:
    head = read_head(Unpacked(InMemory(b"1;2;3\n4;5;6\n"), ""), quoted=True)
    assert first_line_width(head) == (3, ";")
    found = read_wide(head, ";", most=1)
    assert (found.names, found.rows) == (("column0", "column1", "column2"), (("1", "2", "3"),))


def test_a_wide_line_that_cannot_be_read_is_told() -> None:
    head = read_head(Unpacked(InMemory(b'"' + b"x" * (2 << 20)), ""), quoted=True)
    with pytest.raises(InvalidDocumentError, match="first line cannot be read"):
        read_wide(head, ",", most=1)


def test_a_file_over_a_source_ends_with_its_budget() -> None:
    file = SourceFile(InMemory(b"0123456789"), budget=6)
    assert file.seek(-4, io.SEEK_END) == 6
    assert file.read(4) == b"6789"
    file.seek(0)
    with pytest.raises(LimitExceededError, match="than a preview is worth"):
        file.read(4)


@pytest.mark.unmeasured  # what interrupts it may interrupt coverage, which then waits for itself for ever
def test_what_takes_too_long_is_interrupted() -> None:
    database = Database()
    with pytest.raises(LimitExceededError, match="takes longer than a preview may"), limited(0.1):
        database.rows("SELECT sum(a.range * b.range) FROM range(1000000) a, range(100000) b")
    with pytest.raises(LimitExceededError, match="takes longer"), limited(0.05):
        sum(iter(lambda: 1, 0))


def test_what_takes_too_much_memory_is_refused() -> None:
    database = Database()
    with pytest.raises(LimitExceededError, match="more memory"):
        database.rows("SELECT list(range) FROM range(100000000)")
    database.close()


def test_a_failing_source_is_told_as_it_is() -> None:
    class Failing(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise StorageError("the disk is gone")

    database = Database()
    database.hold(lambda: Failing(b"a\n1\n"), 4)
    with pytest.raises(StorageError, match="the disk is gone"):
        database.rows(f"FROM read_csv('{TABLE}')")


def test_a_summary_that_takes_too_long_costs_only_the_summary() -> None:
    blocks = iter((nullcontext(), _over(), nullcontext()))

    def limits(_seconds: float) -> AbstractContextManager[object]:
        return next(blocks)

    found = look(TableKind("csv"), InMemory(b"a,b\n1,2\n"), Database(), limited=limits)

    assert [(column.name, column.mean) for column in found.columns] == [("a", 1.0), ("b", 2.0)]
    assert "the summary ends before column 2 of 2" in found.notes[0]
    assert (found.rows, found.first) == (1, (("1", "2"),))


@contextmanager
def _over() -> Iterator[None]:
    yield
    raise LimitExceededError("it takes longer than a preview may")


class Interrupted(InMemory):
    """A table whose summary is not waited for."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._blocks = 0

    def limited(self, _seconds: float) -> AbstractContextManager[object]:
        self._blocks += 1
        if self._blocks > 1:
            raise LimitExceededError("it takes longer than a preview may")
        return nullcontext()


def test_tables_of_more_columns_than_are_described_say_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("wide") / "wide.parquet"
    with duckdb.connect() as connection:
        columns = ", ".join(f"{number} AS c{number}" for number in range(600))
        connection.execute(f"COPY (SELECT {columns}) TO '{path}' (FORMAT parquet)")

    source = Interrupted(path.read_bytes())
    found = look(TableKind("parquet"), source, Database(), limited=source.limited)

    assert (found.width, len(found.columns)) == (600, 512)
    assert found.notes[0] == "the first 512 of 600 columns are described"
