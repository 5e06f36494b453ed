"""Kills without warning, at any moment: the store stays sound, and the next try succeeds.

``ORCHARD_SOAK=1`` (``make soak``) kills each command 200 times; otherwise it is a handful. The moments are spread
evenly over the time that the command takes when nobody kills it, and moved by chance within their share of it.
"""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import pytest

import orchard
from orchard.errors import NotFoundError, OrchardError
from orchard.remote import Options, Retry
from orchard.store import Layout
from support.cli import HubProgram, Program
from support.projects import contents, noise, write_files

FULL = os.environ.get("ORCHARD_SOAK") == "1"
KILLS = 200 if FULL else 8
HUB_KILLS = 200 if FULL else 5
SEED = int(os.environ.get("ORCHARD_SEED", "20260801"))
BLOBS = 4
BLOB = (6 << 20) + 123
SMALL_FILES = 400
IMPATIENT = Options(retry=Retry(attempts=1))

pytestmark = pytest.mark.timeout(0 if FULL else 300)


@dataclass(frozen=True)
class Packed:
    """A project, the home that holds it as ``soak:v1``, and what a whole copy of it has."""

    project: Path
    program: Program
    digest: str
    blobs: frozenset[str]


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    project = _make_project(tmp_path_factory.mktemp("project"), seed=1)
    program = _program(tmp_path_factory.mktemp("home"))
    digest = program.digest("pack", project, "-t", "soak:v1")
    return Packed(project, program, digest, _blobs(program))


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProgram]:
    with HubProgram(tmp_path_factory.mktemp("hub")) as running:
        yield running


def _program(home: Path) -> Program:
    return Program(home)


def _make_project(directory: Path, *, seed: int) -> Path:
    datasets = "".join(f"  - {{name: d{number}, path: d{number}.bin}}\n" for number in range(BLOBS))
    kitfile = f"manifestVersion: 1.0.0\npackage: {{name: soak}}\ncode:\n  - path: src\ndatasets:\n{datasets}"
    files: dict[str, str | bytes] = {
        f"src/{number % 20}/{number}.py": f"{seed} {number}" for number in range(SMALL_FILES)
    }
    files |= {f"d{number}.bin": noise(BLOB, seed * 10 + number) for number in range(BLOBS)}
    return write_files(directory, {"Kitfile": kitfile, **files})


def _blobs(program: Program) -> frozenset[str]:
    return frozenset(path.name for path in (program.home / "layout/blobs/sha256").iterdir())


def _moments(seconds: float, count: int, salt: str) -> Iterator[float]:
    """Give so many moments within a span, in no order."""
    chance = random.Random(f"{SEED} {salt}")  # noqa: S311 -- reproducible, not secret
    moments = [seconds * (number + chance.random()) / count for number in range(count)]
    chance.shuffle(moments)
    yield from moments


def _duration(program: Program, *arguments: str | Path) -> float:
    began = time.monotonic()
    program.ok(*arguments)
    return time.monotonic() - began


def _kill(program: Program, moment: float, *arguments: str | Path) -> bool:
    """Start a command and kill it after so many seconds; tell whether it was still running."""
    process = program.start(*arguments)
    try:
        assert process.wait(moment) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait() == -signal.SIGKILL
    return False


def assert_sound(program: Program, moment: float) -> None:
    assert list(Layout(program.home / "layout").verify()) == [], moment


def assert_whole(program: Program, packed: Packed) -> None:
    """Everything is there and sound, and a sweep leaves nothing but that."""
    layout = Layout(program.home / "layout")
    assert list(layout.verify()) == []
    assert not layout.sweep(partials=True).busy
    assert _blobs(program) == packed.blobs
    assert list((program.home / "layout/ingest").iterdir()) == []


def test_pack_when_killed_leaves_the_store_sound_and_a_retry_gives_the_same_digest(
    packed: Packed, tmp_path: Path
) -> None:
    command = ("pack", packed.project, "-t", "soak:v1")
    seconds = _duration(_program(tmp_path / "measured"), *command)
    killed = 0
    for moment in _moments(seconds, KILLS, "pack"):
        program = _program(tmp_path / "home")
        killed += _kill(program, moment, *command)
        assert_sound(program, moment)
        assert program.digest(*command) == packed.digest
        assert_whole(program, packed)
        shutil.rmtree(program.home)
    assert killed


def test_pull_when_killed_leaves_the_store_sound_and_a_retry_completes_it(
    packed: Packed, hub: HubProgram, tmp_path: Path
) -> None:
    reference = f"{hub.host}/pull/soak:v1"
    packed.program.ok("push", "soak:v1", reference)
    seconds = _duration(_program(tmp_path / "measured"), "pull", reference)
    killed = 0
    for moment in _moments(seconds, KILLS, "pull"):
        program = _program(tmp_path / "home")
        killed += _kill(program, moment, "pull", reference)
        assert_sound(program, moment)
        assert program.digest("pull", reference) == packed.digest
        assert_whole(program, packed)
        shutil.rmtree(program.home)
    assert killed


def test_push_when_killed_leaves_nothing_half_done_and_a_retry_completes_it(
    packed: Packed, hub: HubProgram, tmp_path: Path
) -> None:
    seconds = _duration(packed.program, "push", "soak:v1", f"{hub.host}/push/measured:v1")
    killed = 0
    for number, moment in enumerate(_moments(seconds, KILLS, "push")):
        reference = f"{hub.host}/push/soak{number}:v1"
        program = _program(tmp_path / "home")
        killed += _kill(packed.program, moment, "push", "soak:v1", reference)
        assert_sound(packed.program, moment)
        _assert_there_or_not(reference, packed, tmp_path / "between")
        assert packed.program.digest("push", "soak:v1", reference) == packed.digest
        assert str(orchard.pull(reference, home=program.home)) == packed.digest
        assert_whole(program, packed)
        shutil.rmtree(program.home)
    assert killed


def test_unpack_when_killed_is_undone_or_done_and_a_retry_completes_it(packed: Packed, tmp_path: Path) -> None:
    command = ("unpack", "soak:v1", "-d")
    seconds = _duration(packed.program, *command, tmp_path / "measured")
    whole = contents(packed.project)
    killed = 0
    for moment in _moments(seconds, KILLS, "unpack"):
        there = tmp_path / "there"
        killed += _kill(packed.program, moment, *command, there)
        again = packed.program(*command, there)
        # A kill after the last file was in place looks like files that were there before.
        assert again.code in {0, 8}, again
        assert contents(there) == whole, moment
        shutil.rmtree(there)
    assert killed


def test_unpack_over_files_when_killed_leaves_the_old_ones_or_the_new_ones(packed: Packed, tmp_path: Path) -> None:
    old_project = _make_project(tmp_path / "old", seed=2)
    packed.program.ok("pack", old_project, "-t", "soak:old")
    old, new = contents(old_project), contents(packed.project)
    command = ("unpack", "soak:v1", "--overwrite", "-d")
    packed.program.ok("unpack", "soak:old", "-d", tmp_path / "measured")
    seconds = _duration(packed.program, *command, tmp_path / "measured")
    killed = 0
    for moment in _moments(seconds, KILLS, "overwrite"):
        there = tmp_path / "there"
        orchard.unpack("soak:old", there, home=packed.program.home)
        killed += _kill(packed.program, moment, *command, there)
        # Whoever unpacks there next, even nothing, first undoes what was half done.
        orchard.unpack("soak:v1", there, filters=["docs:none"], home=packed.program.home)
        assert contents(there) in (old, new), moment
        packed.program.ok(*command, there)
        assert contents(there) == new
        shutil.rmtree(there)
    assert killed


def test_hub_when_killed_has_every_push_that_it_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(f"{SEED} hub")  # noqa: S311 -- reproducible, not secret
    everything: dict[str, str] = {}
    with HubProgram(tmp_path) as hub:
        for number in range(HUB_KILLS):
            pusher = _Pusher(tmp_path / "pusher", hub.host, number)
            pusher.start()
            Event().wait(chance.uniform(0.05, 0.8))
            hub.end(signal.SIGKILL)
            pusher.finish()
            hub.start()
            _assert_pullable(pusher.acknowledged, tmp_path / "puller")
            assert str(orchard.push(pusher.current, home=pusher.home)) == pusher.digest
            everything |= {**pusher.acknowledged, pusher.current: pusher.digest}
        _assert_pullable(everything, tmp_path / "last")


class _Pusher(Thread):
    """Packs and pushes one version after the other, until a push fails."""

    def __init__(self, home: Path, host: str, number: int) -> None:
        super().__init__()
        self.home = home
        self.acknowledged: dict[str, str] = {}
        self.current = ""
        self.digest = ""
        self._name = f"{host}/hub/soak{number}"
        self._chance = random.Random(f"{SEED} pusher {number}")  # noqa: S311 -- reproducible, not secret
        self._failure: BaseException | None = None

    def run(self) -> None:
        try:
            while True:
                self._push_another()
        except OrchardError as error:
            self._failure = error

    def finish(self) -> None:
        self.join()
        assert isinstance(self._failure, orchard.errors.RemoteError), self._failure

    def _push_another(self) -> None:
        count = len(self.acknowledged)
        data = self._chance.randbytes(self._chance.choice([10, 100_000, 5_000_000]))
        kitfile = f"manifestVersion: 1.0.0\npackage: {{name: n{count}}}\ndatasets:\n  - path: data\n"
        project = write_files(self.home / "project", {"Kitfile": kitfile, "data": data})
        self.current = f"{self._name}:v{count}"
        self.digest = str(orchard.pack(project, tag=self.current, home=self.home).digest)
        orchard.push(self.current, home=self.home, options=IMPATIENT)
        self.acknowledged[self.current] = self.digest


def _assert_pullable(versions: dict[str, str], home: Path) -> None:
    for reference, digest in versions.items():
        assert str(orchard.pull(reference, home=home)) == digest
    assert list(Layout(home / "layout").verify()) == []


def _assert_there_or_not(reference: str, packed: Packed, home: Path) -> None:
    """After a killed push the version is whole in the registry, or it is not there."""
    try:
        assert str(orchard.pull(reference, home=home)) == packed.digest
    except NotFoundError:
        return
    assert list(Layout(home / "layout").verify()) == []
    shutil.rmtree(home)
