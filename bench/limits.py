"""What this machine can do: the numbers that ours are compared with, measured in the same run."""

import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.timing import median_seconds

BUFFER = 256 << 10


def hash_speed(threads: int) -> float:
    """Measure sha256 from memory with this many threads, in bytes a second."""
    block, rounds = os.urandom(1 << 20), 256

    def work() -> None:
        hasher = hashlib.sha256()
        for _ in range(rounds):
            hasher.update(block)

    seconds = median_seconds(lambda: _at_once([work] * threads), 5)
    return threads * rounds * len(block) / seconds


def read_and_hash_speed(files: Iterable[Path]) -> float:
    """Measure reading files from the page cache and hashing them in one thread, in bytes a second."""
    paths = list(files)

    def work() -> None:
        for path in paths:
            with path.open("rb", buffering=0) as file:
                hasher = hashlib.sha256()
                while chunk := file.read(BUFFER):
                    hasher.update(chunk)

    return sum(path.stat().st_size for path in paths) / median_seconds(work, 3)


def copy_speed(tree: Path, target: Path, runs: int) -> float:
    """Measure ``cp -r`` of a tree, without a flush, in bytes a second."""
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())

    def work() -> None:
        subprocess.run(["cp", "-r", "--reflink=never", str(tree), str(target)], check=True)

    return size / median_seconds(work, runs, before=lambda: shutil.rmtree(target, ignore_errors=True))


def _at_once(jobs: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
