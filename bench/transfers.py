"""Moving one large layer, beside other tools on the same registries. ``python -m bench.transfers --size 1G``."""

import argparse
import itertools
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.servers import BIN, docker_registry, hub, limited, nginx
from bench.timing import Measured, environment, measure_command
from support.wire import Wire

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

GIB: Final = 1 << 30
MIB: Final = 1 << 20
RATE: Final = 100_000_000  # bytes a second that the limited server gives a connection
PEERS: Final = ("skopeo", "oras")
SERVERS: Final = ("docker-registry", "nginx")
NAME: Final = "localhost/bench"
KITFILE: Final = "manifestVersion: 1.0.0\npackage: {name: bench}\nmodel: {path: weights.bin}\n"
UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
PULL: Final = """\
import sys, orchard
from orchard.remote import Options
orchard.pull(sys.argv[1], options=Options(ranges=int(sys.argv[2])))
"""

Words = Sequence[str | Path]
Commands = dict[str, Callable[[], Words]]


def rows(root: Path, size: int, runs: int) -> None:
    """Measure all of it and print it.

    Args:
        root: Where to work.
        size: Bytes of the layer.
        runs: How often; medians are shown.
    """
    root.mkdir(exist_ok=True)
    work = _Work(root, size, runs)
    missing = [program for program in (*PEERS, *SERVERS) if not shutil.which(program)]
    print(f"\none layer of {size / GIB:.2f} GiB moved; medians of {runs} runs, each tool in turn")
    if missing:
        print(f"not on PATH, so left out: {', '.join(missing)}")
    print(f"{'work':<28}{'with':<12}{'s':>8}{'GB/s':>8}{'CPU-s/GiB':>11}{'RSS MiB':>9}{'x first':>9}")
    registries: dict[str, Callable[[Path], AbstractContextManager[str]]] = {"hub": hub}
    if "docker-registry" not in missing:
        registries["docker-registry"] = docker_registry
    for name, start in registries.items():
        with start(root / name) as host:
            work.push(name, host)
            work.pull(name, host)
        shutil.rmtree(root / name)
    layout = work.home / "layout"
    with limited(layout, RATE) as host:
        work.pull_through_several("pull, 100 MB/s a connection", host)
    if "nginx" not in missing:
        with nginx(root / "nginx", layout) as host:
            work.pull_through_several("pull, no limit (nginx)", host)
    with hub(root / "resuming") as host:
        work.resume(host)


class _Work:
    """What is measured, and where."""

    def __init__(self, root: Path, size: int, runs: int) -> None:
        self.home = root / "home"
        self._there = root / "there"
        self._size = size
        self._runs = runs
        self._peers = [peer for peer in PEERS if shutil.which(peer)]
        self._numbers = itertools.count()
        self._digest = self._pack(root / "tree")

    def push(self, name: str, host: str) -> None:
        """Push to a registry that has nothing of it in that repository."""
        layout = self.home / "layout"

        def target() -> str:
            return f"{host}/bench/n{next(self._numbers)}:v1"

        skopeo = ("skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false")
        oras = ("oras", "cp", "--no-tty", "--from-oci-layout", f"{layout}@{self._digest}", "--to-plain-http")
        commands: Commands = {
            "orchard": lambda: [BIN / "orchard", "push", "bench:v1", target()],
            "skopeo": lambda: [*skopeo, f"oci:{layout}:{NAME}:v1", f"docker://{target()}"],
            "oras": lambda: [*oras, target()],
        }
        self._measure(f"push to {name}", self._present(commands), environment(self.home))

    def pull(self, name: str, host: str) -> None:
        """Pull into an empty store."""
        source, oci = f"{host}/bench/source:v1", f"{self._there}/oci:v1"
        self._orchard("push", "bench:v1", source)
        skopeo = ("skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false")
        commands: Commands = {
            "orchard": lambda: [BIN / "orchard", "pull", source],
            "skopeo": lambda: [*skopeo, f"docker://{source}", f"oci:{oci}"],
            "oras": lambda: ["oras", "cp", "--no-tty", "--from-plain-http", source, "--to-oci-layout", oci],
        }
        self._measure(f"pull from {name}", self._present(commands), environment(self._there))

    def pull_through_several(self, name: str, host: str) -> None:
        """Pull through as many connections as pay, and through one."""
        reference = f"{host}/bench/source@{self._digest}"
        commands: Commands = {
            label: partial(list, [sys.executable, "-c", PULL, reference, number])
            for label, number in (("up to 8", "8"), ("one", "1"))
        }
        self._measure(name, commands, environment(self._there))

    def resume(self, host: str) -> None:
        """Kill a push and a pull at 90 per cent, run them again, and count what goes over the wire."""
        with Wire(host) as wire:
            there = f"{wire.address}/bench/killed:v1"
            for work, home, words in (
                ("push", self.home, ("push", "bench:v1", there)),
                ("pull", self._there, ("pull", there)),
            ):
                process = subprocess.Popen(
                    [BIN / "orchard", *words],
                    env=environment(home),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                wire.alarm, wire.limit = process.kill, self._size * 9 // 10
                process.wait()
                wire.reset()
                self._orchard(*words, home=home)
                again = max(0, max(wire.sent, wire.received) - self._size // 10)
                print(f"{work + ' killed at 90 %':<28}{'orchard':<12}{again / MIB:>8.1f} MiB sent again (at most 32)")
                wire.reset()
        shutil.rmtree(self._there)

    def _measure(self, name: str, commands: Commands, environ: Mapping[str, str]) -> None:
        # skopeo remembers where it has put a blob and mounts it from there; here it may not.
        environ = {**environ, "_CONTAINERS_ROOTLESS_UID": "1000", "XDG_DATA_HOME": str(self._there / "data")}
        measured: dict[str, list[Measured]] = {label: [] for label in commands}
        for _ in range(self._runs):
            for label, command in commands.items():
                measured[label].append(measure_command(command, 1, environ=environ, before=self._clear))
        first = 0.0
        for label, each in measured.items():
            seconds = statistics.median(one.seconds for one in each)
            cpu = statistics.median(one.cpu_seconds for one in each)
            peak = max(one.peak_mib for one in each)
            first = first or seconds
            speed = f"{seconds:>8.2f}{self._size / seconds / 1e9:>8.2f}"
            shown = f"{speed}{cpu / (self._size / GIB):>11.2f}{peak:>9.0f}{seconds / first:>9.2f}"
            print(f"{name:<28}{label:<12}{shown}", flush=True)
        self._clear()

    def _clear(self) -> None:
        shutil.rmtree(self._there, ignore_errors=True)
        self._there.mkdir()

    def _present(self, commands: Commands) -> Commands:
        return {tool: command for tool, command in commands.items() if tool in {"orchard", *self._peers}}

    def _orchard(self, *words: str | Path, home: Path | None = None) -> str:
        command = [BIN / "orchard", "-q", *words]
        return subprocess.run(
            command, env=environment(home or self.home), check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def _pack(self, tree: Path) -> str:
        """Make the kit, and give its digest; the tree is not needed any more then."""
        tree.mkdir(parents=True)
        (tree / "Kitfile").write_text(KITFILE)
        with (tree / "weights.bin").open("wb") as file:
            left = self._size
            while left:
                left -= file.write(os.urandom(min(left, 4 * MIB)))
        found = re.search(r"sha256:[0-9a-f]{64}", self._orchard("pack", tree, "-t", "bench:v1"))
        shutil.rmtree(tree)
        assert found is not None
        return found[0]


def main() -> None:
    """Measure transfers alone."""

    def amount(text: str) -> int:
        return int(text[:-1]) * UNITS[text[-1].upper()] if text[-1].isalpha() else int(text)

    parser = argparse.ArgumentParser(prog="bench.transfers", description=__doc__)
    parser.add_argument("--size", type=amount, default=GIB, help="bytes of the layer (default 1G)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dir", default=None, help="where to work (default: the temporary directory)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orchard-bench-", dir=arguments.dir) as name:
        rows(Path(name), arguments.size, arguments.runs)


if __name__ == "__main__":
    main()
