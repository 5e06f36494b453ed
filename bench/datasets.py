"""Datasets looked at: what a preview costs, whatever they weigh. ``make bench ONLY=datasets``."""

import random
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from orchard.insight import InMemory, OnDisk, RandomAccess, TableInsight, TableReader

GIB = 1 << 30
BLOCK = 100_000  # rows that are written again and again
SMALL = 50  # datasets of one version


class Repeated:
    """A file several times over."""

    def __init__(self, source: RandomAccess, times: int) -> None:
        self._source = source
        self.size = source.size * times

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Read from whichever copies."""
        data = b""
        while len(data) < size:
            at = (offset + len(data)) % self._source.size
            data += self._source.read_at(at, min(size - len(data), self._source.size - at))
        return data


def rows(root: Path, size: int) -> None:
    """Measure and print.

    Args:
        root: Where files may be written.
        size: Bytes of the CSV; the benchmark is about 1 GiB.
    """
    large, parquet = _csv(root / "large.csv", size), _parquet(root / "rows.parquet")
    print(f"\n{'datasets':<46}{'CPU s':>8}{'wall s':>8}{'MiB':>6}  rows")
    with OnDisk(large) as csv, OnDisk(parquet) as columns:
        one = f"{csv.size / GIB:.1f} GiB"
        _row("the first file: 20 bytes of CSV", lambda: iter([("a.csv", InMemory(b"a,b\n1,x\n2,y\n3,z\n"))]))
        _row(f"CSV, {one}", lambda: iter([("large.csv", csv)]))
        _row(f"CSV, 5 times {one}", lambda: iter([("large.csv", Repeated(csv, 5))]))
        _row(f"Parquet, {columns.size >> 20} MiB", lambda: iter([("rows.parquet", columns)]))
        _row(f"{SMALL} CSVs of 10 KB", lambda: ((f"{n}.csv", InMemory(_lines(250))) for n in range(SMALL)))


def _row(name: str, files: Callable[[], Iterator[tuple[str, RandomAccess]]]) -> None:
    before, began = _cpu(), time.monotonic()
    with TableReader() as read:
        found = [read(path, source) for path, source in files()]
    wall, cpu = time.monotonic() - began, _cpu() - before
    last = found[-1]
    assert isinstance(last, TableInsight), last
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print(f"{name:<46}{cpu:>8.2f}{wall:>8.2f}{peak:>6}  {last.rows} ({last.counted})", flush=True)


def _cpu() -> float:
    who = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in who)


def _csv(path: Path, size: int) -> Path:
    block = _lines(BLOCK)
    with path.open("wb") as file:
        file.write(b"id,score,label,note\n")
        while file.tell() < size:
            file.write(block)
    return path


def _lines(count: int) -> bytes:
    chance = random.Random(1)
    return "".join(
        f'{n},{chance.random():.6f},label{chance.randrange(20)},"some text, {chance.randrange(1000)}"\n'
        for n in range(count)
    ).encode()


def _parquet(path: Path) -> Path:
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        made = connection.sql("SELECT range AS id, 'label' || range % 20 AS label, random() AS s FROM range(10000000)")
        made.write_parquet(str(path))
    return path
