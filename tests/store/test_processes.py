"""Many processes, one store."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import orchard
from orchard.store import Layout

HERE = Path(__file__).parent
NAME = "localhost/shared"
PATHS = os.pathsep.join([str(HERE.parent), str(Path(str(orchard.__file__)).parent.parent)])


def run(script: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": PATHS}, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.slow
def test_processes_when_they_use_one_store_at_once_then_nothing_is_lost(tmp_path: Path) -> None:
    count, names = 15, ["a", "b", "c"]
    layout = Layout(tmp_path)
    sweeps = 0

    running = [run("hammer.py", tmp_path, name, count) for name in names]
    while any(process.poll() is None for process in running):
        sweeps += not layout.sweep().busy
    outcomes = [(process.communicate()[1], process.returncode) for process in running]

    assert outcomes == [("", 0)] * len(names)
    tags = {entry.tag for entry in layout.entries() if entry.tag != "latest"}
    assert tags - {None} == {f"{name}-{number}" for name in names for number in range(0, count, 3)}
    assert sweeps > 0
    assert list(layout.verify()) == []
    layout.sweep()
    assert list((tmp_path / "ingest").iterdir()) == []


@pytest.mark.slow
def test_process_when_killed_at_any_moment_then_the_store_is_sound_and_a_retry_succeeds(tmp_path: Path) -> None:
    rounds = 30

    out, err = (process := run("killing.py", tmp_path, rounds, 20260)).communicate()

    assert (err, process.returncode) == ("", 0)
    assert out.startswith(f"killed {rounds} of ")
