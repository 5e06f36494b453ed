"""The verbs of the library beyond pack, push, pull and unpack: verify, diff, export, load, history."""

from pathlib import Path

import pytest

import orchard
from orchard.errors import ConflictError, NotFoundError, UsageError
from support.cli import HubProgram
from support.projects import contents, make_project


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two versions of one repository."""
    home = tmp_path / "home"
    for number in (1, 2):
        orchard.pack(make_project(tmp_path / str(number), seed=number), tag=f"tiny:v{number}", home=home)
    return home


def test_verify_gives_findings_and_raises_for_none_of_them(home: Path) -> None:
    verified = orchard.verify("tiny:v1", home=home)
    assert (verified.contents, verified.findings) == (8, ())
    weights = next(layer for layer in orchard.inspect("tiny:v1", home=home).layers if layer.path.endswith(".bin"))
    path = home / "layout/blobs/sha256" / weights.descriptor.digest.hex
    path.write_bytes(bytes(path.stat().st_size))
    (finding,) = orchard.verify("tiny:v1", home=home).findings
    assert (finding.fault, finding.digest) == ("damaged", weights.descriptor.digest)
    with pytest.raises(NotFoundError, match="tiny:v9"):
        orchard.verify("tiny:v9", home=home)


def test_diff_gives_values(home: Path) -> None:
    found = orchard.diff("tiny:v1", "tiny:v2", home=home)
    assert not found.identical
    assert [change.path for change in found.files or ()] == ["data/train.csv", "model/weights.bin"]
    assert orchard.diff("tiny:v1", "tiny:v2", level="kitfile", home=home).files is None
    assert orchard.diff("tiny:v1", "tiny:v1", home=home).identical


def test_export_and_load_bring_versions_across(home: Path, hub: HubProgram, tmp_path: Path) -> None:
    exported = orchard.export(["tiny:v1", "tiny:v2"], tmp_path / "a.tar", home=home)
    assert (tmp_path / "a.tar").stat().st_size == exported.size
    with pytest.raises(ConflictError, match="already there"):
        orchard.export("tiny:v1", tmp_path / "a.tar", home=home)
    there = tmp_path / "there"
    assert orchard.load(tmp_path / "a.tar", home=there) == ("tiny:v1", "tiny:v2")
    orchard.unpack("tiny:v2", tmp_path / "out", home=there)
    assert contents(tmp_path / "out") == contents(tmp_path / "2")
    with pytest.raises(UsageError, match="holds 2 versions"):
        orchard.load(tmp_path / "a.tar", name="one:v1", home=there)
    name = f"{hub.host}/verbs"
    assert orchard.load(tmp_path / "a.tar", to=name, home=there) == (f"{name}/tiny:v1", f"{name}/tiny:v2")
    assert orchard.verify(f"{name}/tiny:v1", remote=True, home=tmp_path / "nowhere").findings == ()
    assert [step.tags for step in orchard.history(f"{name}/tiny", remote=True, home=there)] == [("v2",), ("v1",)]


def test_history_is_a_list_of_steps(home: Path) -> None:
    steps = orchard.history("tiny", home=home)
    assert [step.tags for step in steps] == [("v2",), ("v1",)]
    assert steps[0].new < steps[0].version.size == steps[1].new
    assert [step.tags for step in orchard.history("tiny:v1", home=home)] == [("v1",)]
