"""What the tests of the whole program share: a hub, a registry of another maker, a project, a home that holds it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import HubProgram, Program
from support.measuring import measured
from support.projects import make_project
from support.registries import Running, docker_registry

# Coverage doubles the time that a command takes; these reach every line of the command line.
MEASURED = frozenset(
    f"test_cli_{name}.py"
    for name in (
        *(
            "airgap",
            "cache",
            "commands",
            "completion",
            "config",
            "convert",
            "copy",
            "diff",
            "dry_run_unpack",
            "history",
        ),
        *("hub", "import", "index", "init", "login", "migrate", "options", "output", "pack", "prune", "reading"),
        *("references", "rehearsal", "remove", "search", "skill", "startup", "validate", "verify"),
    )
)


@pytest.fixture(autouse=True)
def _measure_the_command_line_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.path.name in MEASURED:
        for name, value in measured().items():
            monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProgram]:
    with HubProgram(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def hub_to_kill(tmp_path: Path) -> Iterator[HubProgram]:
    with HubProgram(tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that tests only read."""
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Program:
    """A home that tests only read; it holds the project as ``tiny:v1`` and ``tiny:v2``, and without a name."""
    program = Program(tmp_path_factory.mktemp("shelf"))
    program.ok("pack", project, "-t", "tiny:v1,v2")
    return program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program with an empty home."""
    return Program(tmp_path / "home")


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """KitOps' own program; ours answers to the same name."""
    for directory in os.get_exec_path():
        path = Path(directory) / "kit"
        if path.is_file() and "Go version" in _version(path):
            home = tmp_path_factory.mktemp("kit")
            return Program(home, path, {"KITOPS_HOME": str(home)})
    pytest.skip("MISSING PEER: kit of KitOps 1.7 is not installed; .ci/run says how to install it")


def _version(path: Path) -> str:
    return subprocess.run([path, "version"], capture_output=True, text=True, check=False).stdout
