"""Whatever can be packed can be unpacked, byte for byte, under every name that Linux takes."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchard.errors import InvalidError
from orchard.formats import parse_filters
from orchard.oci import Reference
from orchard.project import Existing, Terms, Workspace
from support.projects import contents, write_files

KITFILE = "manifestVersion: 1.0.0\npackage: {name: any}\nmodel: {path: m, name: m}\ncode:\n  - path: .\n"
ANY_NAMES = Terms(Existing.REFUSE, any_names=True)

# Everything but the separator, NUL and what UTF-8 cannot say; backslashes and drive letters have a test of their own.
plain = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0:"), min_size=1, max_size=12)
special = st.sampled_from(
    ["..a", "a..", "...", " ", "con", "NUL.txt", "a\nb", "-rf", "~", "é", "e\u0301", "\u202e", "A", "a"]
)
names = (plain | special).filter(lambda name: name not in {".", ".."} and len(name.encode()) < 200)
trees = st.dictionaries(st.lists(names, min_size=1, max_size=3).map("/".join), st.binary(max_size=700), max_size=6)
modes = st.sampled_from([0o600, 0o640, 0o644, 0o700, 0o755])


def roundtrip(files: dict[str, bytes], mode: int = 0o644) -> None:
    """Pack a tree and unpack it elsewhere; or see that packing refuses it."""
    with tempfile.TemporaryDirectory() as base:
        project, there = Path(base, "project"), Path(base, "there")
        write_files(project, {"Kitfile": KITFILE, "m/w": b"weights", **files})
        for path in project.rglob("*"):
            path.chmod(0o755 if path.is_dir() else mode)
        with Workspace(Path(base, "home"), environ=os.environ) as workspace:
            try:
                digest = workspace.pack(project, tag="x:v1").descriptor.digest
            except InvalidError:
                return
            workspace.unpack(Reference.parse("x:v1"), there, filters=parse_filters(()), terms=ANY_NAMES)
            assert contents(there) == contents(project)
            assert workspace.pack(there).descriptor.digest == digest


def _clashes(files: dict[str, bytes]) -> bool:
    """Tell whether one path is needed as a file and as a directory, or is that of the Kitfile or the model."""
    paths = set(files)
    parents = {"/".join(path.split("/")[:count]) for path in paths for count in range(1, path.count("/") + 1)}
    return bool(paths & parents) or any(path.split("/")[0] in {"m", "Kitfile", ".kitignore"} for path in paths)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files=trees.filter(lambda files: not _clashes(files)), mode=modes)
def test_tree_of_any_names_comes_back_as_it_was(files: dict[str, bytes], mode: int) -> None:
    roundtrip(files, mode)


@pytest.mark.parametrize("name", ["back\\slash", "C:x", "src/a\\b"])
def test_name_that_other_systems_read_as_a_path_comes_back_where_it_is_wanted(name: str) -> None:
    roundtrip({name: b"x"})


def test_unpack_of_names_that_clash_elsewhere_says_what_to_do(tmp_path: Path) -> None:
    write_files(tmp_path / "p", {"Kitfile": KITFILE, "m/w": "", "A": "1", "a": "2"})
    with Workspace(tmp_path / "home", environ=os.environ) as workspace:
        workspace.pack(tmp_path / "p", tag="x:v1")
        with pytest.raises(InvalidError, match="--any-names"):
            workspace.unpack(Reference.parse("x:v1"), tmp_path / "there", filters=parse_filters(()), terms=Terms())


@pytest.mark.parametrize(("mode", "expected"), [(0o664, 0o644), (0o666, 0o644), (0o775, 0o755), (0o4755, 0o755)])
def test_file_that_others_may_write_comes_back_for_its_owner_to_write(tmp_path: Path, mode: int, expected: int) -> None:
    write_files(tmp_path / "p", {"Kitfile": KITFILE, "m/w": "", "shared": "x"})
    (tmp_path / "p" / "shared").chmod(mode)
    before = os.umask(0o002)
    try:
        with Workspace(tmp_path / "home", environ=os.environ) as workspace:
            workspace.pack(tmp_path / "p", tag="x:v1")
            workspace.unpack(Reference.parse("x:v1"), tmp_path / "there", filters=parse_filters(()), terms=Terms())
    finally:
        os.umask(before)
    assert (tmp_path / "there" / "shared").stat().st_mode & 0o7777 == expected
