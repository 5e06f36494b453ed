"""What the tests of deploy share: a project with a model that runs, and a home whose server is ended afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import Program
from support.projects import write_files
from support.tinymodel import make_gguf

KITFILE = """\
manifestVersion: 1.0.0
package:
  name: tiny
model:
  name: {name}
  path: {path}
"""


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    """A project whose model speaks."""
    project = write_files(tmp_path / "chat", {"Kitfile": KITFILE.format(name="tiny-chat", path="tiny.gguf")})
    make_gguf(project / "tiny.gguf")
    return project


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """The program with a home of its own; what it started has ended when the test has."""
    program = Program(tmp_path / "home")
    yield program
    program("dev", "stop")
