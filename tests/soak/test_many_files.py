"""A tree of 100,000 files is packed in bounded memory, pushed too, and found unchanged without being read.

``ORCHARD_SOAK=1`` (``make soak``) takes all of them; otherwise it is a fifth, in less memory.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from support.cli import HubProgram, Program

FULL = os.environ.get("ORCHARD_SOAK") == "1"
FILES = 100_000 if FULL else 20_000
LIMIT = (150 if FULL else 90) << 10  # KiB
# A process that is started counts the memory of the one that starts it as its own peak, until it has become another
# program; so a small one stands between it and the tests.
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
with open(sys.argv[1], "w") as file:
    file.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("many") / "project"
    for number in range(FILES):
        directory = root / "src" / f"{number // 1000:02}"
        if number % 1000 == 0:
            directory.mkdir(parents=True)
        file = os.open(directory / f"{number}", os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(file, b"%d" % number)
        os.close(file)
    (root / "Kitfile").write_text("manifestVersion: 1.0.0\npackage:\n  name: x\ncode:\n  - path: src\n")
    Event().wait(2.1)  # what is younger than two seconds is not remembered
    return root


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "home")


def packed(program: Program, tree: Path, *flags: str) -> dict[str, object]:
    """Pack in a process of its own, and look at the memory of that one."""
    peak = program.home.parent / "peak"
    measured = replace(program, prefix=(sys.executable, "-S", "-c", MEASURE, str(peak)))
    found = measured.ok("pack", tree, *flags, "--output", "json").document
    assert int(peak.read_text()) <= LIMIT
    assert isinstance(found, dict)
    return found


def test_pack_very_many_files_then_again_and_it_is_the_same(program: Program, tree: Path) -> None:
    first = packed(program, tree, "-t", "many:1")
    assert isinstance(first["layers"], list)
    assert first["layers"][0]["files"] == FILES
    again = packed(program, tree, "-t", "many:1")
    assert isinstance(again["layers"], list)
    assert (again["digest"], again["layers"][0]["new"]) == (first["digest"], False)


def test_pack_push_very_many_files_then_it_is_what_pack_gives(program: Program, tree: Path, tmp_path: Path) -> None:
    local = packed(program, tree)
    with HubProgram(tmp_path) as hub:
        assert packed(program, tree, "-t", f"{hub.host}/many/x:1", "--push", "--no-cache")["digest"] == local["digest"]
