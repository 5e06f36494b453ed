"""Unpacking: beside packing the same tree, and beside downloading the same bytes, measured in turns in one run.

Each run unpacks into a directory that was never there: ext4 looks long for a free inode where many files were deleted
seconds ago, which is nothing that unpacking could change.
"""

import hashlib
import http.client
import itertools
import json
import mmap
import os
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.servers import limited
from bench.timing import Measured, environment, measure_command

GIB = 1 << 30
BUFFER = 256 << 10
BLOCK = 1 << 20
BEHIND = 8 << 20
AT_ONCE = 2  # layers, as unpack does
RATE = 100_000_000  # bytes a second that the limited server gives a connection


@dataclass(frozen=True, slots=True)
class Bench:
    """One project, and what is done with it.

    Attributes:
        root: Where to work.
        tree: The project.
        program: The program.
        runs: How often each thing is done.
        size: Bytes of the project's files.
    """

    root: Path
    tree: Path
    program: Path
    runs: int
    size: int

    def run(self, home: str, *words: str | Path) -> Measured:
        """Run the program once, in a process of its own."""
        command: list[str | Path] = [self.program, *words]
        return measure_command(lambda: command, 1, environ=environment(self.root / home), before=lambda: None)

    def digest(self) -> str:
        """Give the digest of the version that was packed."""
        command: list[str | Path] = [self.program, "inspect", "bench:1", "--output", "json"]
        done = subprocess.run(command, env=environment(self.root / "store"), capture_output=True, check=True)
        return str(json.loads(done.stdout)["digest"])

    def fresh(self, number: int) -> Path:
        """Name a directory that was never there."""
        return self.root / f"unpacked-{number}"


def rows(root: Path, tree: Path, *, host: str, program: Path, runs: int) -> None:
    """Print the rows of unpacking."""
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    bench = Bench(root, tree, program, runs, size)
    print(f"\n{'unpacking':<34}{'s':>8}{'GB/s':>8}{'CPU-s/GiB':>11}{'RSS MiB':>9}{'ratio':>8}  target")
    numbers = itertools.count()
    # What was unpacked goes between the parts only: removing files slows down what makes the next ones (ext4).
    for part in (_from_store, partial(_from_hub, host=host), _from_limited):
        part(bench, numbers)
        for path in root.glob("unpacked-*"):
            shutil.rmtree(path)


def _from_store(bench: Bench, numbers: Iterator[int]) -> None:
    """Pack and unpack in turns, and let the disk read and write the same bytes and nothing else.

    The store's blobs are on the disk alone, while the project's files may be in the page cache. So packing is measured
    with them as they are and once more with them on the disk alone, where both commands have the same to do.
    """
    packs: list[Measured] = []
    equals: list[Measured] = []
    disks, unpacks = [], []
    for number in itertools.islice(numbers, bench.runs):
        for done, forgotten in ((equals, True), (packs, False)):
            shutil.rmtree(bench.root / "store", ignore_errors=True)
            drop(bench.tree, read=not forgotten)
            done.append(bench.run("store", "pack", bench.tree, "-t", "bench:1", "--no-cache"))
        drop(bench.root / "store")
        unpacks.append(bench.run("store", "unpack", "bench:1", "-d", bench.fresh(number)))
        drop(bench.root / "store")
        disks.append(_timed(partial(read_and_write, bench.root / "store/layout/blobs/sha256", bench.root / "moved")))
        shutil.rmtree(bench.root / "moved")
    cold, equal, disk = (statistics.median(one) for one in (_seconds(packs), _seconds(equals), disks))
    print(f"{'the disk alone: read and write':<34}{disk:>8.3f}{bench.size / disk / 1e9:>8.2f}")
    _print("pack, files in the page cache", packs, bench.size)
    _print("pack, files on the disk alone", equals, bench.size)
    _print("unpack from the store", unpacks, bench.size, judge=lambda s: (cold / s, ">= 0.8 x pack's speed"))
    for name, floor in (("beside pack from the disk alone", equal), ("beside the disk alone", disk)):
        print(f"  {name:<32}{floor / statistics.median(_seconds(unpacks)):>43.3f}")


def _seconds(done: list[Measured]) -> list[float]:
    return [one.seconds for one in done]


def drop(root: Path, *, read: bool = False) -> None:
    """Write everything to the disk, then take files out of the page cache, or into it."""
    os.sync()
    for path in filter(Path.is_file, root.rglob("*")):
        with path.open("rb", buffering=0) as file:
            while read and file.read(BUFFER):
                continue
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_NORMAL if read else os.POSIX_FADV_DONTNEED)


def read_and_write(source: Path, target: Path) -> None:
    """Read the big files of a directory and write as many bytes past the page cache: two and two at once, no more."""
    target.mkdir()
    files = sorted(source.iterdir(), key=lambda path: -path.stat().st_size)[:AT_ONCE]
    jobs = [partial(_read, path) for path in files]
    jobs += [partial(_write, target / path.name, path.stat().st_size) for path in files]
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _read(path: Path) -> None:
    """Read a file and drop it 8 MiB behind, which is the fastest way."""
    buffer = memoryview(bytearray(BLOCK))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            if not file.tell() % BEHIND or count < BLOCK:
                os.posix_fadvise(file.fileno(), 0, file.tell(), os.POSIX_FADV_DONTNEED)


def _write(path: Path, size: int) -> None:
    block = mmap.mmap(-1, BLOCK)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_DIRECT)
    for _ in range(size // BLOCK):
        os.write(file, block)
    os.close(file)


def _from_hub(bench: Bench, numbers: Iterator[int], *, host: str) -> None:
    """Download and unpack in turns, and look when the first file of a layer is there."""
    reference = f"{host}/bench/unpacking:v1"
    bench.run("store", "tag", "bench:1", reference)
    bench.run("store", "push", reference)
    receiving, downloads, unpacks, shares = [], [], [], []
    for number in itertools.islice(numbers, bench.runs):
        out = bench.fresh(number)
        receiving.append(_timed(partial(download, host, "bench/unpacking")))
        os.sync()
        kept = bench.root / "kept"
        kept.mkdir()
        downloads.append(_timed(partial(download, host, "bench/unpacking", target=kept)))
        shutil.rmtree(kept)
        os.sync()
        with _watching(out) as first:
            began = time.perf_counter()
            done = bench.run("nothing", "unpack", reference, "-d", out)
        unpacks.append(done)
        shares.append((first[0] - began) / done.seconds if first else 1.0)
    floor = statistics.median(downloads)
    for name, seconds in (
        ("receive the same layers", statistics.median(receiving)),
        ("download them: hash, write", floor),
    ):
        print(f"{name:<34}{seconds:>8.3f}{bench.size / seconds / 1e9:>8.2f}")
    _print("unpack from the hub", unpacks, bench.size, judge=lambda s: (s / floor, "<= 1.1 x download"))
    print(f"{'  first file, share of the time':<34}{statistics.median(shares):>8.3f}")


def _from_limited(bench: Bench, numbers: Iterator[int]) -> None:
    """Download and unpack in turns, from a server that gives each connection no more than a network does."""
    repository, digest = "bench/source", bench.digest()
    downloads, unpacks = [], []
    with limited(bench.root / "store/layout", RATE) as host:
        for number in itertools.islice(numbers, bench.runs):
            downloads.append(_timed(partial(download, host, repository, tag=digest)))
            words = ("unpack", f"{host}/{repository}@{digest}", "-d", bench.fresh(number))
            unpacks.append(bench.run("nothing", *words))
    floor = statistics.median(downloads)
    print(f"{'receive at 100 MB/s a connection':<34}{floor:>8.3f}{bench.size / floor / 1e9:>8.2f}")
    _print("unpack from there", unpacks, bench.size, judge=lambda s: (s / floor, "<= 1.1 x receive, two at once"))


def download(host: str, repository: str, *, tag: str = "v1", target: Path | None = None) -> None:
    """Get all layers, two at once; hash them and write them to files, or only receive them."""
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    manifest = json.loads(b"".join(bytes(part) for part in _get(host, f"/v2/{repository}/manifests/{tag}", accept)))
    waiting = iter(sorted(manifest["layers"], key=lambda layer: -int(layer["size"])))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                layer = next(waiting, None)
            if layer is None:
                return
            parts = _get(host, f"/v2/{repository}/blobs/{layer['digest']}", {})
            if target is None:
                for _ in parts:
                    continue
            else:
                _keep(parts, target, layer["digest"])

    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _keep(parts: Iterator[memoryview], target: Path, digest: str) -> None:
    """Write a file and hash it on the way.

    Raises:
        RuntimeError: If it is not the one that was asked for.
    """
    hasher = hashlib.sha256()
    with (target / digest.removeprefix("sha256:")).open("wb", buffering=0) as file:
        for part in parts:
            hasher.update(part)
            file.write(part)
    if f"sha256:{hasher.hexdigest()}" != digest:
        raise RuntimeError(digest)


def _get(host: str, path: str, headers: dict[str, str]) -> Iterator[memoryview]:
    """Give an answer piece by piece; each is good until the next.

    Raises:
        RuntimeError: If it is not the one that was asked for.
    """
    connection = http.client.HTTPConnection(host)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    if answer.status != http.client.OK:
        raise RuntimeError(f"{path}: {answer.status}")
    buffer = memoryview(bytearray(BUFFER))
    while count := answer.readinto(buffer):
        yield buffer[:count]
    connection.close()


@contextmanager
def _watching(directory: Path) -> Iterator[list[float]]:
    """Write down when the first file of a layer stands in a directory, beside the Kitfile."""
    first: list[float] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.005):
            if any(not path.name.startswith((".orchard-", "Kitfile")) for path in directory.glob("*")):
                first.append(time.perf_counter())
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield first
    finally:
        stop.set()
        thread.join()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _print(
    name: str, done: list[Measured], size: int, *, judge: Callable[[float], tuple[float, str]] | None = None
) -> None:
    seconds = statistics.median(one.seconds for one in done)
    cpu = statistics.median(one.cpu_seconds for one in done) / (size / GIB)
    shown = f"{seconds:>8.3f}{size / seconds / 1e9:>8.2f}{cpu:>11.2f}{max(one.peak_mib for one in done):>9.0f}"
    if judge is not None:
        ratio, target = judge(seconds)
        shown += f"{ratio:>8.3f}  {target}"
    print(f"{name:<34}{shown}", flush=True)
