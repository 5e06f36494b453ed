"""Clocks: wall time, and CPU time of this process and its children."""

import gc
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Measured:
    """One kind of work, measured several times.

    Attributes:
        seconds: Median wall time.
        cpu_seconds: Median CPU time.
        peak_mib: Largest resident memory of any run, in MiB; of the child process.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float


def median_seconds(work: Callable[[], None], runs: int, before: Callable[[], object] = lambda: None) -> float:
    """Run work several times and give the median of its wall time."""
    times = []
    for _ in range(runs):
        before()
        gc.collect()
        os.sync()
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure_command(
    command: Callable[[], Sequence[str | Path]], runs: int, *, environ: Mapping[str, str], before: Callable[[], object]
) -> Measured:
    """Run a command several times in a process of its own.

    Raises:
        RuntimeError: If it fails.
    """
    walls, cpus, peaks = [], [], []
    for _ in range(runs):
        before()
        os.sync()
        began = time.perf_counter()
        words = [str(word) for word in command()]
        process = subprocess.Popen(words, env=dict(environ), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert process.stderr is not None
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        walls.append(time.perf_counter() - began)
        process.stderr.close()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{words[1]} failed: {errors.decode(errors='replace')}")
        cpus.append(usage.ru_utime + usage.ru_stime)
        peaks.append(usage.ru_maxrss / 1024)
    return Measured(statistics.median(walls), statistics.median(cpus), max(peaks))


def environment(home: Path) -> dict[str, str]:
    """Give a command a home of its own."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "ORCHARD_HOME": str(home)}
