"""`orchard convert`, in the local store and in a registry, where blobs stay."""

from pathlib import Path

import pytest

from support.cli import Program
from support.projects import contents, make_project
from support.registries import Running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", weights=300_000)


def files(directory: Path) -> dict[str, str]:
    return {name: digest for name, (_, digest) in contents(directory).items()}


def test_there_and_back_is_the_same_digest(project: Path, tmp_path: Path) -> None:
    orchard = Program(tmp_path / "home")
    digest = orchard.digest("pack", project, "-t", "x:v1")

    ran = orchard.ok("convert", "x:v1", "--to", "modelpack", "-t", "x:pack,also")
    back = orchard.ok("convert", "x:also", "--to", "modelkit", "--output", "json").document

    assert ran.lines[-1].startswith("Converted x:v1 to a ModelPack as x:pack: sha256:")
    assert back == {
        "source": "x:also",
        "reference": None,
        "tags": [],
        "from": "ModelPack",
        "to": "ModelKit",
        "digest": digest,
        "restored": True,
        "layers": 6,
        "rewritten": 0,
        "notes": [],
    }
    assert orchard.ok("convert", "x:v1", "--to", "modelpack", "--explode", "-q").stdout.startswith("sha256:")


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("x:nothing", "--to", "modelpack"), 3, "x:nothing: not in the local store"),
        (("x:v1", "--to", "modelpack", "-r"), 2, "x:v1: a registry is needed here"),
        (("x:v1", "--to", "modelpack", "-t", "Upper:v1"), 7, ""),
        (("x:v1", "--to", "dduf"), 2, ""),
    ],
)
def test_what_cannot_be_done_is_one_clear_error(
    arguments: tuple[str, ...], code: int, complaint: str, project: Path, tmp_path: Path
) -> None:
    orchard = Program(tmp_path / "home")
    orchard.ok("pack", project, "-t", "x:v1")

    ran = orchard("convert", *arguments)

    assert ran.code == code
    assert complaint in ran.stderr


@pytest.mark.peer("docker-registry")
@pytest.mark.parametrize("target", ["team/kit", "other/pack"])
def test_in_a_registry_blobs_stay_there(registry: Running, project: Path, target: str, tmp_path: Path) -> None:
    orchard, elsewhere = Program(tmp_path / "home"), Program(tmp_path / "elsewhere")
    name, new = f"{registry.host}/team/kit:v1", f"{registry.host}/{target}:pack"
    orchard.ok("pack", project, "-t", name)
    orchard.ok("push", name)

    converted = elsewhere.ok("convert", name, "--remote", "--to", "modelpack", "-t", new, "--output", "json").document

    assert not list((tmp_path / "elsewhere").rglob("blobs/*/*"))
    assert converted["rewritten"] == 0
    assert elsewhere.ok("inspect", "-r", new).document["format"] == "ModelPack"
    elsewhere.ok("unpack", new, "-d", tmp_path / "there")
    assert contents(tmp_path / "there") == contents(project)
    back = elsewhere.ok("convert", new, "--remote", "--to", "modelkit", "--output", "json").document
    assert (back["digest"], back["restored"]) == (orchard.ok("inspect", name).document["digest"], True)


@pytest.mark.peer("docker-registry")
def test_in_a_registry_archives_are_taken_apart_through_the_local_store(
    registry: Running, project: Path, tmp_path: Path
) -> None:
    orchard = Program(tmp_path / "home")
    name, new = f"{registry.host}/exploded/kit:v1", f"{registry.host}/exploded/kit:files"
    orchard.ok("pack", project, "-t", name, "--compression", "gzip")
    orchard.ok("push", name)

    orchard.ok("convert", name, "--remote", "--to", "modelpack", "--explode", "-t", new)

    other = Program(tmp_path / "other")
    other.ok("unpack", new, "-d", tmp_path / "there")
    assert files(tmp_path / "there") == files(project)
    layers = other.ok("inspect", "-r", new).document["manifest"]["layers"]
    assert all(layer["mediaType"].endswith(".raw") for layer in layers)
