"""`orchard validate`: all that is wrong at once, in text and in JSON, with an exit code."""

from pathlib import Path

import pytest

from orchard.remote import Registry
from support import modelpacks
from support.cli import Program
from support.modelpacks import CNCF, FILEPATH, TITLE, Blob, artifact
from support.projects import make_project, write_files
from support.registries import Running


@pytest.mark.parametrize("form", ["modelkit", "modelpack"])
def test_what_orchard_packs_is_valid(form: str, tmp_path: Path) -> None:
    orchard = Program(tmp_path / "home")
    orchard.ok("pack", make_project(tmp_path / "p"), "-t", "x:v1", "--format", form)

    document = orchard.ok("validate", "x:v1", "--strict", "--output", "json").document

    assert (document["valid"], document["remarks"], document["format"].lower()) == (True, [], form)


@pytest.mark.peer("docker-registry")
def test_what_others_push_is_told_rule_by_rule(registry: Running, tmp_path: Path) -> None:
    bundle = modelpacks.tar({"a.gguf": b"a", "b.gguf": b"b"})
    made = artifact(
        [
            Blob(b"w", f"{CNCF}.weight.v1.raw", {FILEPATH: "../evil", TITLE: "evil\x1b[31m"}),
            Blob(bundle, f"{CNCF}.weight.v1.tar", {FILEPATH: "w", TITLE: "w"}),
        ],
        {"descriptor": {}, "config": {"format": "gguf"}, "modelfs": {"type": "layers", "diffIds": ["x"]}},
    )
    with Registry(registry.host) as client:
        made.push(client.repository("foreign/bad"))
    orchard, name = Program(tmp_path / "home"), f"{registry.host}/foreign/bad:v1"

    told = orchard("validate", "--remote", name)
    document = orchard("validate", "--remote", name, "--output", "json").document

    assert told.code == 7
    assert told.complaint == f"{name}: 2 rules broken"
    assert "error: path-unsafe: manifest: layers[0]\n  '../evil': the path leaves" in told.stdout
    assert "  why: unpacking it would write outside" in told.stdout
    assert "  do: rename the file" in told.stdout
    assert told.lines[-1] == f"Validated {name}, a ModelPack: 2 errors, 1 warning"
    assert [one["rule"] for one in document["remarks"]] == ["diff-ids", "path-unsafe", "weights-bundled"]
    assert not list((tmp_path / "home").rglob("blobs/*/*"))


def test_warnings_fail_only_where_that_is_asked_for(tmp_path: Path) -> None:
    kitfile = "manifestVersion: 1.0.0\npackage: {name: x, license: mine}\ndocs: [{path: README.md}]\n"
    project = write_files(tmp_path / "p", {"Kitfile": kitfile, "README.md": "x"})
    orchard = Program(tmp_path / "home")

    assert "0 errors, 1 warning" in orchard.ok("validate", project).stdout
    assert orchard("validate", project, "--strict").code == 7
    assert orchard.ok("validate", project, "-q").stdout == "license\n"


@pytest.mark.parametrize(
    ("files", "rule"),
    [
        ({"Kitfile": "manifestVersion: 1.0.0\nmodel: 7\n"}, "kitfile"),
        ({"Kitfile": "manifestVersion: 1.0.0\ndocs: [{path: gone.md}]\n"}, "files"),
        ({"Kitfile": "manifestVersion: 1.0.0\ndocs: [{path: a}]\n", ".kitignore": "a\n", "a": ""}, "files"),
    ],
)
def test_a_directory_that_cannot_be_packed_is_told_before(files: dict[str, str], rule: str, tmp_path: Path) -> None:
    project = write_files(tmp_path / "p", files)
    orchard = Program(tmp_path / "home")

    told = orchard("validate", project, "--output", "json")

    assert told.code == 7
    assert [one["rule"] for one in told.document["remarks"]] == [rule]


def test_what_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    orchard = Program(tmp_path / "home")

    assert (orchard("validate", "./nothing").code, orchard("validate", "x:nothing").code) == (2, 3)
    assert orchard("validate", tmp_path).code == 3
