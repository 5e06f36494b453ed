"""A kit whose model is in another kit is read as it is unpacked: with that model."""

from pathlib import Path

import pytest

from orchard.errors import NotFoundError
from orchard.formats import parse_filters
from orchard.oci import Reference
from orchard.project import Terms, Workspace, open_version
from support.projects import write_files

BASE = "manifestVersion: 1.0.0\nmodel:\n  path: model\n  parts:\n    - path: tok.json\ncode:\n  - path: base.py\n"
CHILD = "manifestVersion: 1.0.0\nmodel:\n  path: {}\ncode:\n  - path: src\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "home", environ={})
    base = {"Kitfile": BASE, "model/w.bin": "weights", "tok.json": "{}", "base.py": "base"}
    made.pack(write_files(tmp_path / "base", base), tag="base:v1")
    made.pack(write_files(tmp_path / "child", {"Kitfile": CHILD.format("base:v1"), "src/a.py": "a"}), tag="child:v1")
    return made


def test_files_are_those_that_unpack_writes(workspace: Workspace, tmp_path: Path) -> None:
    child = Reference.parse("child:v1")
    _, unpacked = workspace.unpack(child, tmp_path / "out", filters=parse_filters(()), terms=Terms())

    with open_version(workspace, child) as opened:
        assert {file.path for file in opened.list()} == {*unpacked.files} - {"Kitfile", "Kitfile.lock"}
        assert opened.read("model/w.bin") == b"weights"
        assert opened.read("tok.json") == b"{}"


def test_what_the_kit_holds_itself_is_read_without_its_parent(workspace: Workspace) -> None:
    base = workspace.layout.repository("localhost/base").resolve("v1")
    workspace.layout.remove("localhost/base", base.digest)

    with open_version(workspace, Reference.parse("child:v1")) as opened:
        assert opened.read("src/a.py") == b"a"
        for _ in range(2):
            with pytest.raises(NotFoundError, match="Failed to resolve referenced modelkit base:v1"):
                opened.read("model/w.bin")


def test_a_file_of_the_parents_code_is_not_there(workspace: Workspace) -> None:
    with (
        open_version(workspace, Reference.parse("child:v1")) as opened,
        pytest.raises(NotFoundError, match=r"base\.py"),
    ):
        opened.read("base.py")


def test_a_kit_without_a_parent_asks_for_none(workspace: Workspace) -> None:
    with open_version(workspace, Reference.parse("base:v1")) as opened:
        assert [file.path for file in opened.list()] == ["base.py", "model/w.bin", "tok.json"]
