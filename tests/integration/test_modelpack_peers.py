"""ModelPacks of ours in the hands of other makers' clients: the files come out with the right names."""

import json
import subprocess
from pathlib import Path

import pytest

from support.cli import HubProgram, Program
from support.projects import contents, make_project
from support.registries import Running

pytestmark = pytest.mark.peer("docker-registry")


@pytest.fixture
def pushed(registry: Running, tmp_path: Path) -> tuple[str, Path]:
    """A project that was packed as a ModelPack and pushed to a registry: its name there, and the project."""
    project = make_project(tmp_path / "project")
    name = f"{registry.host}/packs/{tmp_path.name.replace('_', '-')}:v1"
    orchard = Program(tmp_path / "home")
    orchard.ok("pack", project, "-t", name, "--format", "modelpack")
    orchard.ok("push", name)
    return name, project


@pytest.mark.peer("oras")
def test_oras_pulls_every_file_under_its_title(pushed: tuple[str, Path], tmp_path: Path) -> None:
    name, project = pushed

    done = subprocess.run(
        ["oras", "pull", "--plain-http", "-o", str(tmp_path / "there"), name],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    found = {path: digest for path, (_, digest) in contents(tmp_path / "there").items()}
    assert found == {path: digest for path, (_, digest) in contents(project).items()}


@pytest.mark.peer("skopeo")
def test_skopeo_copies_it_and_the_copy_unpacks(pushed: tuple[str, Path], tmp_path: Path) -> None:
    name, project = pushed
    (tmp_path / "hub").mkdir()
    with HubProgram(tmp_path / "hub") as hub:
        copy = f"{hub.host}/packs/copy:v1"
        done = subprocess.run(
            ["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false",
             "--preserve-digests", f"docker://{name}", f"docker://{copy}"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        orchard = Program(tmp_path / "other")
        orchard.ok("unpack", copy, "-d", tmp_path / "there")
        shown = orchard.ok("inspect", "--remote", copy).document
    found = {path: digest for path, (_, digest) in contents(tmp_path / "there").items()}
    assert found == {path: digest for path, (_, digest) in contents(project).items()}
    assert shown["format"] == "ModelPack"


@pytest.mark.peer("modctl")
def test_modctl_pulls_and_extracts_it(pushed: tuple[str, Path], tmp_path: Path) -> None:
    name, project = pushed
    where = tmp_path / "there"

    done = subprocess.run(
        ["modctl", "pull", "--storage-dir", str(tmp_path / "store"), "--plain-http", "--extract-dir", str(where), name],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert (where / "model/weights.bin").read_bytes() == (project / "model/weights.bin").read_bytes()


@pytest.mark.peer("modctl")
@pytest.mark.parametrize("raw", ["true", "false"])
def test_what_modctl_builds_is_read_checked_and_converted(registry: Running, raw: str, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", prompts=False)
    (project / "Modelfile").write_text(
        "NAME tiny\nMODEL model/weights.bin\nCONFIG model/config.json\nCODE src/main.py\nDOC README.md\n"
    )
    name = f"{registry.host}/modctl/built:{raw}"
    built = subprocess.run(
        ["modctl", "build", "--storage-dir", str(tmp_path / "store"), "--no-progress", "--plain-http",
         "--output-remote", f"--raw={raw}", "-t", name, "-f", str(project / "Modelfile"), str(project)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    orchard = Program(tmp_path / "home")

    orchard.ok("unpack", name, "-d", tmp_path / "there")
    checked = orchard.ok("validate", "--remote", name, "--output", "json").document
    there = orchard.ok("convert", "--remote", name, "--to", "modelkit", "--output", "json").document
    back = f"{registry.host}/modctl/built@{there['digest']}"
    again = orchard.ok("convert", "--remote", back, "--to", "modelpack", "--output", "json").document

    names = ("model/weights.bin", "model/config.json", "src/main.py", "README.md")
    assert all((tmp_path / "there" / path).read_bytes() == (project / path).read_bytes() for path in names)
    assert "title-missing" in {one["rule"] for one in checked["remarks"]}
    assert (again["digest"], again["restored"]) == (checked["digest"], True)


def test_a_modelpack_goes_straight_to_a_registry(registry: Running, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    name = f"{registry.host}/packs/straight:v1"
    orchard, other = Program(tmp_path / "home"), Program(tmp_path / "other")

    digest = orchard.digest("pack", project, "-t", name, "--format", "modelpack", "--push")

    assert not list((tmp_path / "home").rglob("blobs/*/*"))
    other.ok("unpack", name, "-d", tmp_path / "there")
    assert other.ok("validate", "-r", name, "--strict", "--output", "json").document["digest"] == digest
    found = {path: content for path, (_, content) in contents(tmp_path / "there").items()}
    assert found == {path: content for path, (_, content) in contents(project).items()}


def test_pack_says_what_kit_says(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    orchard = Program(tmp_path / "home")

    ran = orchard.ok("pack", project, "-t", "x:v1", "--use-model-pack")

    assert ran.lines[-1].startswith("Model saved: sha256:")
    shown = orchard.ok("inspect", "x:v1").document
    assert shown["manifest"]["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    assert json.loads(shown["manifest"]["annotations"]["ml.kitops.modelkit.kitfile"])["package"]["name"] == "tiny"
    refused = orchard("pack", project, "-t", "x:v1", "--flat-titles")
    assert (refused.code, refused.complaint) == (2, "--flat-titles is for ModelPacks; add --format modelpack")


def test_the_time_of_files_is_source_date_epoch(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    orchard = Program(tmp_path / "home", environ={"SOURCE_DATE_EPOCH": "1700000000"})

    orchard.ok("pack", project, "-t", "x:v1", "--format", "modelpack")

    layer = orchard.ok("inspect", "x:v1").document["manifest"]["layers"][0]
    assert '"mtime":"2023-11-14T22:13:20Z"' in layer["annotations"]["org.cncf.model.file.metadata+json"]
