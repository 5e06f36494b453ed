"""Packing: beside the best pipeline that this machine allows, written without our code and measured in the same run."""

import hashlib
import http.client
import mmap
import os
import queue
import shutil
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import orchard
from bench.timing import Measured, environment, measure_command

GIB = 1 << 30
BLOCK = 1 << 20
DEPTH = 8
BUFFER = 256 << 10


def best_pipeline(layers: list[list[Path]], target: Path) -> None:
    """Read and hash in one thread, write past the page cache in another, two layers at once: a tar without its headers.

    The rows "two layers at once, read+hash | O_DIRECT write, 1 MiB" of the measurements that our targets come from.
    """
    target.mkdir(parents=True, exist_ok=True)
    waiting: queue.SimpleQueue[tuple[int, list[Path]]] = queue.SimpleQueue()
    for job in enumerate(layers):
        waiting.put(job)

    def work() -> None:
        with suppress(queue.Empty):
            while True:
                number, paths = waiting.get_nowait()
                _Copy(paths).run(target / str(number))

    _at_once([work] * 2)


class _Copy:
    """One layer: read and hashed in one thread, written in another."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
        for _ in range(DEPTH):
            self._free.put(memoryview(mmap.mmap(-1, BLOCK)))

    def run(self, target: Path) -> None:
        reader = threading.Thread(target=self._read)
        reader.start()
        file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_DIRECT)
        while (block := self._full.get()) is not None:
            if len(block) < BLOCK:
                os.close(file)
                file = os.open(target, os.O_WRONLY | os.O_APPEND)
            os.write(file, block)
            if len(block) == BLOCK:
                self._free.put(block)
        os.fsync(file)
        os.close(file)
        reader.join()

    def _read(self) -> None:
        hasher, block, used = hashlib.sha256(), self._free.get(), 0
        for path in self._paths:
            file = os.open(path, os.O_RDONLY)
            while count := os.readv(file, [block[used : used + BUFFER]]):
                hasher.update(block[used : used + count])
                used += count
                if used == BLOCK:
                    self._full.put(block)
                    block, used = self._free.get(), 0
            os.close(file)
        self._full.put(block[:used])
        self._full.put(None)


def hash_and_send(layers: list[list[Path]], host: str, repository: str) -> None:
    """Hash and send each layer as one stream, two at once: the least that a client has to do."""
    waiting: queue.SimpleQueue[list[Path]] = queue.SimpleQueue()
    for paths in layers:
        waiting.put(paths)

    def work() -> None:
        with suppress(queue.Empty):
            while True:
                _send_hashed(waiting.get_nowait(), host, repository)

    _at_once([work] * 2)


def _send_hashed(paths: list[Path], host: str, repository: str) -> None:
    connection = http.client.HTTPConnection(host)
    connection.request("POST", f"/v2/{repository}/blobs/uploads/")
    place = _answered(connection)
    hasher = hashlib.sha256()
    size = sum(path.stat().st_size for path in paths)

    def body() -> Iterator[memoryview]:
        buffer = memoryview(bytearray(BLOCK))
        for path in paths:
            with path.open("rb", buffering=0) as file:
                while count := file.readinto(buffer):
                    hasher.update(buffer[:count])
                    yield buffer[:count]

    headers = {"Content-Length": str(size), "Content-Range": f"0-{size - 1}"}
    connection.request("PATCH", place, body=body(), headers=headers)
    place = _answered(connection)
    joint = "&" if "?" in place else "?"
    connection.request("PUT", f"{place}{joint}digest=sha256:{hasher.hexdigest()}")
    _answered(connection)
    connection.close()


def _answered(connection: http.client.HTTPConnection) -> str:
    answer = connection.getresponse()
    answer.read()
    assert answer.status in {201, 202}, answer.status
    return answer.headers["Location"]


def _at_once(jobs: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@dataclass(frozen=True, slots=True)
class Bench:
    """One tree, and what is done with it.

    Attributes:
        root: Where to work.
        tree: The project: two big files, many small ones, and a page.
        program: The program.
        runs: How often each thing is done.
    """

    root: Path
    tree: Path
    program: Path
    runs: int

    @property
    def layers(self) -> list[list[Path]]:
        """The files of each large layer."""
        return [*([path] for path in sorted(self.tree.glob("*.bin"))), sorted((self.tree / "small").iterdir())]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for paths in self.layers for path in paths)

    def pack(self, *words: str) -> Measured:
        """Run ``orchard pack`` once, in a process of its own."""
        command: list[str | Path] = [self.program, "pack", self.tree, *words]
        return measure_command(lambda: command, 1, environ=environment(self.root / "home"), before=lambda: None)

    def forget(self, name: str = "home") -> None:
        """Remove what an earlier run made."""
        shutil.rmtree(self.root / name, ignore_errors=True)
        os.sync()


def rows(root: Path, tree: Path, *, host: str, program: Path, runs: int) -> None:
    """Print the rows of packing."""
    bench = Bench(root, tree, program, runs)
    print(f"\n{'packing':<34}{'s':>8}{'GB/s':>8}{'CPU-s/GiB':>11}{'RSS MiB':>9}{'ratio':>8}  target")
    cold = _cold(bench)
    _repack(bench, cold)
    _single(bench)
    _pushed(bench, host)


def _cold(bench: Bench) -> float:
    """Pack, beside the best pipeline: first the one, then the other, in each run."""
    best, ours = [], []
    for _ in range(bench.runs):
        bench.forget("best")
        best.append(_timed(lambda: best_pipeline(bench.layers, bench.root / "best")))
        bench.forget("best")
        bench.forget()
        ours.append(bench.pack("-t", "bench:1"))
    floor = statistics.median(best)
    _print("best pipeline, two layers at once", floor, bench.size)
    return _print_command("pack", ours, size=bench.size, judge=lambda s: (floor / s, ">= 0.9 x best"))


def _repack(bench: Bench, cold: float) -> None:
    """Pack again after one file has changed, whose layer is small."""

    def changed() -> None:
        (bench.tree / "README.md").write_bytes(os.urandom(64).hex().encode())

    again, inside = [], []
    for _ in range(max(bench.runs, 5)):
        changed()
        again.append(bench.pack("-t", "bench:1"))
        changed()
        inside.append(_timed(lambda: orchard.pack(bench.tree, tag="bench:1", home=bench.root / "home")))
    _print_command("pack again, one file changed", again, size=bench.size, judge=lambda s: (s / cold, "<= 0.02 x pack"))
    _print(
        "the same, inside a Python program",
        statistics.median(inside),
        bench.size,
        ratio=statistics.median(inside) / cold,
    )


def _single(bench: Bench) -> None:
    """Pack one big file, beside reading and hashing it."""
    (big, *_), *_ = bench.layers
    alone = bench.root / "alone"
    alone.mkdir()
    os.link(big, alone / "weights.bin")
    (alone / "Kitfile").write_text(
        "manifestVersion: 1.0.0\npackage:\n  name: x\nmodel:\n  name: x\n  path: weights.bin\n"
    )
    one = replace(bench, tree=alone)
    floors, ours = [], []
    for _ in range(bench.runs):
        floors.append(_timed(lambda: _read_and_hash(big)))
        bench.forget()
        ours.append(one.pack())
    size, floor = big.stat().st_size, statistics.median(floors)
    _print("read + sha256 of one big file", floor, size)
    _print_command("pack of one big layer", ours, size=size, judge=lambda s: (floor / s, ">= 0.75 x read + sha256"))
    bench.forget("alone")


def _pushed(bench: Bench, host: str) -> None:
    """Pack straight to a hub, beside hashing and sending the same bytes to it."""
    floors, ours = [], []
    for number in range(bench.runs):
        floors.append(_timed(partial(hash_and_send, bench.layers, host, f"floor/{number}")))
        bench.forget()
        ours.append(bench.pack("-t", f"{host}/stream/{number}:1", "--push", "--no-cache"))
    floor = statistics.median(floors)
    _print("hash and send to the hub", floor, bench.size)
    _print_command("pack --push", ours, size=bench.size, judge=lambda s: (s / floor, "<= 1.15 x hash and send"))
    home = bench.root / "home"
    print(f"{'  files that it left':<34}{sum(path.is_file() for path in home.rglob('*')) if home.exists() else 0:>8}")


def _read_and_hash(path: Path) -> None:
    hasher, buffer = hashlib.sha256(), memoryview(bytearray(BUFFER))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            hasher.update(buffer[:count])


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _print(name: str, seconds: float, size: int, *, ratio: float | None = None) -> None:
    shown = "" if ratio is None else f"{'':>20}{ratio:>8.3f}"
    print(f"{name:<34}{seconds:>8.3f}{size / seconds / 1e9:>8.2f}{shown}", flush=True)


def _print_command(name: str, done: list[Measured], *, size: int, judge: Callable[[float], tuple[float, str]]) -> float:
    seconds = statistics.median(one.seconds for one in done)
    cpu = statistics.median(one.cpu_seconds for one in done) / (size / GIB)
    peak = max(one.peak_mib for one in done)
    ratio, target = judge(seconds)
    shown = f"{seconds:>8.3f}{size / seconds / 1e9:>8.2f}{cpu:>11.2f}{peak:>9.0f}{ratio:>8.3f}"
    print(f"{name:<34}{shown}  {target}", flush=True)
    return seconds
