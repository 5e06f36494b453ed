"""``python -m bench``: print one table. ``--size 256M`` for a short run, ``--only pages,hub`` for parts."""

import argparse
import itertools
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.limits import copy_speed, hash_speed, read_and_hash_speed
from bench.timing import Measured, environment, measure_command

GIB = 1 << 30
SMALL_FILES = 2000
SMALL_SIZE = 8 << 10
BIN = Path(sys.executable).parent
START_UP = (
    ("version", 0.060),
    ("--help", 0.060),
    ("list", 0.100),
    ("inspect tiny:v1", 0.100),
    ("files tiny:v1", 0.100),
    ("list {host}/tiny", 0.200),
    ("inspect -r {host}/tiny:v1", 0.200),
    ("pull {host}/tiny:v1", 0.200),
)
Words = Sequence[str | Path]
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def main() -> None:
    """Measure everything and print it; each section in a process of its own.

    What a process had in memory when it started another one counts as that one's peak too (``ru_maxrss`` outlives
    ``exec``), so the sections must not share one.
    """
    arguments = _arguments()
    if arguments.tree is not None:
        SECTIONS[arguments.only[0]](Bench(arguments.root, arguments.tree, arguments.size, arguments.runs))
        return
    with tempfile.TemporaryDirectory(prefix="orchard-bench-", dir=arguments.dir) as name:
        tree = make_tree(Path(name) / "tree", arguments.size)
        size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
        cores = len(os.sched_getaffinity(0))
        print(
            f"{platform.machine()}, {cores} cores, Python {platform.python_version()}; {size / GIB:.2f} GiB: ", end=""
        )
        print(f"2 big files and {SMALL_FILES} small ones; medians of {arguments.runs} runs", flush=True)
        for section in arguments.only or SECTIONS:
            root = Path(name) / section
            root.mkdir()
            given = ("--size", str(arguments.size), "--runs", str(arguments.runs), "--tree", tree, "--root", root)
            subprocess.run([sys.executable, "-m", "bench", "--only", section, *given], check=True)
            shutil.rmtree(root)


class Bench(NamedTuple):
    """What a section works with.

    Attributes:
        root: An empty directory of its own.
        tree: The tree.
        size: Bytes of the tree, and of a single layer that is moved.
        runs: How often; medians are shown.
    """

    root: Path
    tree: Path
    size: int
    runs: int


def _moving(bench: Bench) -> None:
    from bench import transfers as moving  # noqa: PLC0415 -- a section loads what it needs

    moving.rows(bench.root, bench.size, bench.runs)


def _packing(bench: Bench) -> None:
    from bench import packing  # noqa: PLC0415 -- as above

    with hub(bench.root / "hub") as host:
        packing.rows(bench.root, bench.tree, host=host, program=BIN / "orchard", runs=bench.runs)


def _unpacking(bench: Bench) -> None:
    from bench import unpacking  # noqa: PLC0415 -- as above

    with hub(bench.root / "hub") as host:
        unpacking.rows(bench.root, bench.tree, host=host, program=BIN / "orchard", runs=bench.runs)


def _reading(bench: Bench) -> None:
    from bench import reading  # noqa: PLC0415 -- as above

    reading.rows(bench.root, max(bench.size, 256 << 20))


def _datasets(bench: Bench) -> None:
    from bench import datasets  # noqa: PLC0415 -- as above

    datasets.rows(bench.root, bench.size // 4)


def _insights(bench: Bench) -> None:
    from bench import insights  # noqa: PLC0415 -- as above

    insights.rows(bench.root)


def _understanding(bench: Bench) -> None:
    from bench import understanding  # noqa: PLC0415 -- as above

    understanding.rows(bench.root)


def _hub(bench: Bench) -> None:
    from bench import hubs  # noqa: PLC0415 -- as above

    hubs.rows(bench.root, bench.size, bench.runs)


def _million(bench: Bench) -> None:
    from bench import million  # noqa: PLC0415 -- as above

    million.rows(bench.root, bench.size, bench.runs)


def _searching(bench: Bench) -> None:
    from bench import searching  # noqa: PLC0415 -- as above

    searching.rows(bench.root, bench.size)


def _verbs(bench: Bench) -> None:
    limits = measure_limits(bench.tree, bench.root, cores=len(os.sched_getaffinity(0)), runs=bench.runs)
    size = sum(path.stat().st_size for path in bench.tree.rglob("*") if path.is_file())
    with hub(bench.root / "hub") as host:
        transfers(bench.root, bench.tree, size=size, host=host, runs=bench.runs, limits=limits)


def measure_limits(tree: Path, root: Path, *, cores: int, runs: int) -> dict[str, float]:
    """Measure what this machine can do, in bytes a second."""
    big = sorted(tree.glob("*.bin"))
    limits = {
        "sha256, all cores": hash_speed(cores),
        "sha256, one core": hash_speed(1),
        "read + sha256, one core": read_and_hash_speed(big),
        "file copy (cp -r)": copy_speed(tree, root / "copy", runs),
    }
    shutil.rmtree(root / "copy", ignore_errors=True)
    print(f"\n{'limit':<28}{'GB/s':>8}")
    for name, speed in limits.items():
        print(f"{name:<28}{speed / 1e9:>8.2f}")
    return limits


def transfers(root: Path, tree: Path, *, size: int, host: str, runs: int, limits: dict[str, float]) -> None:
    """Measure pack, push, pull and unpack."""
    ours, theirs, out = root / "home", root / "second", root / "out"
    reference = f"{host}/bench/tree:v1"
    bound = min(limits["sha256, all cores"], limits["file copy (cp -r)"])

    def forget(*paths: Path) -> Callable[[], None]:
        def run() -> None:
            for path in paths:
                shutil.rmtree(path, ignore_errors=True)

        return run

    header = (
        f"\n{'work':<18}{'s':>8}{'GB/s':>8}{'CPU-s/GiB':>11}{'RSS MiB':>9}{'x sha256':>10}{'x copy':>8}{'x min':>7}"
    )
    print(f"{header}   (min = the slower of sha256 on all cores and copy)")
    fresh = itertools.count()  # the hub must not have the blobs yet, so each push goes to a new repository

    def words(*command: str | Path) -> Callable[[], Words]:
        return lambda: [BIN / "orchard", *command]

    rows: list[tuple[str, Path, Callable[[], Words], Callable[[], None]]] = [
        ("pack", ours, words("pack", tree, "-t", reference), forget(ours)),
        ("pack again", ours, words("pack", tree, "-t", reference), forget()),
        ("push", ours, lambda: [BIN / "orchard", "push", reference, f"{host}/push/{next(fresh)}:v1"], forget()),
        ("pull", theirs, words("pull", f"{host}/push/0:v1"), forget(theirs)),
        ("unpack", ours, words("unpack", reference, "-d", out), forget(out)),
        ("unpack from hub", root / "empty", words("unpack", f"{host}/push/0:v1", "-d", out), forget(out)),
    ]
    for name, home, command, before in rows:
        done = measure_command(command, runs, environ=environment(home), before=before)
        print(row(name, done, size=size, limits=limits, bound=bound), flush=True)


def row(name: str, done: Measured, *, size: int, limits: dict[str, float], bound: float) -> str:
    """Lay out one line of the table."""
    speed = size / done.seconds
    ratios = (speed / limits["sha256, all cores"], speed / limits["file copy (cp -r)"], speed / bound)
    shown = f"{done.seconds:>8.2f}{speed / 1e9:>8.2f}{done.cpu_seconds / (size / GIB):>11.2f}{done.peak_mib:>9.0f}"
    return f"{name:<18}{shown}{ratios[0]:>10.2f}{ratios[1]:>8.2f}{ratios[2]:>7.2f}"


def start_up(bench: Bench) -> None:
    """Measure what a command costs before it does anything: the least of 15 starts, bytecode compiled."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", "src"], check=True)
    project = bench.root / "project"
    project.mkdir()
    (project / "Kitfile").write_text("manifestVersion: 1.0.0\npackage: {name: tiny}\ndocs: [{path: README.md}]\n")
    (project / "README.md").write_text("tiny\n")
    with hub(bench.root / "hub") as host:
        for words in (("pack", project, "-t", "tiny:v1"), ("pack", project, "-t", f"{host}/tiny:v1", "--push")):
            subprocess.run(
                [BIN / "orchard", *words], env=environment(bench.root / "home"), check=True, capture_output=True
            )
        _start_up_rows(bench, host)


def _start_up_rows(bench: Bench, host: str) -> None:
    print(f"\n{'start-up':<32}{'CPU ms':>8}{'target':>8}")
    for command, target in START_UP:
        least = min(_start(command.format(host=host).split(), environment(bench.root / "home")) for _ in range(15))
        print(f"{command.format(host='HUB'):<32}{least * 1000:>8.0f}{target * 1000:>8.0f}")


def _start(words: list[str], environ: dict[str, str]) -> float:
    return measure_command(lambda: [BIN / "orchard", *words], 1, environ=environ, before=int).cpu_seconds


def make_tree(root: Path, size: int) -> Path:
    """Write the tree: two big files and many small ones, all different, none compressible."""
    (root / "small").mkdir(parents=True)
    big = (size - SMALL_FILES * SMALL_SIZE) // 2
    for name in ("weights-1.bin", "weights-2.bin"):
        with (root / name).open("wb") as file:
            left = big
            while left > 0:
                left -= file.write(os.urandom(min(left, 4 << 20)))
    for number in range(SMALL_FILES):
        (root / "small" / f"{number:04}.txt").write_bytes(os.urandom(SMALL_SIZE))
    (root / "README.md").write_text("one small file\n")
    (root / "Kitfile").write_text(
        "manifestVersion: 1.0.0\npackage:\n  name: bench\nmodel:\n  name: bench\n  path: weights-1.bin\n"
        "datasets:\n  - name: more\n    path: weights-2.bin\ncode:\n  - path: small\n"
        "docs:\n  - path: README.md\n"
    )
    return root


@contextmanager
def hub(data: Path) -> Iterator[str]:
    """Run a hub of ours.

    Raises:
        RuntimeError: If it does not start.
    """
    data.mkdir()
    log = data.parent / "hub.log"
    with log.open("w") as out:
        command: Words = [BIN / "orchard", "hub", "--port", "0", "--data", data]
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment(data))
    try:
        for _ in range(400):
            if found := re.search(r"http://([\w.\-:]+)", log.read_text()):
                yield found[1]
                return
            time.sleep(0.05)  # noqa: TID251 -- waiting for another process
        raise RuntimeError(log.read_text())
    finally:
        process.terminate()
        process.wait()


def _pages(bench: Bench) -> None:
    from bench import pages  # noqa: PLC0415 -- as above

    pages.rows(bench.root, bench.runs)


SECTIONS: dict[str, Callable[[Bench], None]] = {
    "packing": _packing,
    "unpacking": _unpacking,
    "verbs": _verbs,
    "moving": _moving,
    "reading": _reading,
    "insights": _insights,
    "understanding": _understanding,
    "datasets": _datasets,
    "hub": _hub,
    "million": _million,
    "searching": _searching,
    "pages": _pages,
    "start-up": start_up,
}


def _arguments() -> argparse.Namespace:
    def amount(text: str) -> int:
        return int(text[:-1]) * UNITS[text[-1].upper()] if text[-1].isalpha() else int(text)

    def sections(text: str) -> list[str]:
        if unknown := set(text.split(",")) - set(SECTIONS):
            raise argparse.ArgumentTypeError(
                f"no section {', '.join(sorted(unknown))}: there are {', '.join(SECTIONS)}"
            )
        return text.split(",")

    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--size", type=amount, default=4 * GIB, help="bytes of the tree (default 4G)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dir", default=None, help="where to work (default: the temporary directory)")
    parser.add_argument("--only", type=sections, default=None, help=f"some of {', '.join(SECTIONS)}; with commas")
    parser.add_argument("--tree", type=Path, default=None, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, default=None, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
