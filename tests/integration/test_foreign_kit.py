"""KitOps' own `kit` 1.7: the two programs read each other's kits, and give the same layers for the same tree."""

from pathlib import Path
from typing import Any

import pytest

from support.cli import HubProgram, Program
from support.projects import contents, make_blob_project, make_project, write_files
from support.registries import PASSWORD, USER, Running, docker_registry

pytestmark = pytest.mark.peer("kit")

PLAIN = "--plain-http"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project"), prompts=False)


def _layers(inspected: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(one["mediaType"], one["digest"], one["size"]) for one in inspected["manifest"]["layers"]]


def _diff_ids(value: Any) -> list[str]:  # noqa: ANN401 -- any part of a Kitfile
    if isinstance(value, list):
        return [found for part in value for found in _diff_ids(part)]
    if not isinstance(value, dict):
        return []
    return [str(part) for key, part in value.items() if key == "diffId"] + _diff_ids(list(value.values()))


@pytest.mark.parametrize("compression", ["none", "gzip", "gzip-fastest"])
def test_layers_of_kit_and_orchard_are_the_same(
    kit: Program, program: Program, project: Path, compression: str
) -> None:
    name = f"same-{compression}:v1"
    kit.ok("pack", project, "-t", name, "--compression", compression)
    program.ok("pack", project, "-t", name, "--compression", compression)
    ours, theirs = program.ok("inspect", name).document, kit.ok("inspect", name).document
    assert [one[0] for one in _layers(ours)] == [one[0] for one in _layers(theirs)]
    assert _diff_ids(ours["kitfile"]) == _diff_ids(theirs["kitfile"])
    if compression == "none":
        assert _layers(ours) == _layers(theirs)
        assert ours["manifest"]["config"]["digest"] == theirs["manifest"]["config"]["digest"]


def test_layers_of_a_difficult_tree_are_the_same(kit: Program, program: Program, tmp_path: Path) -> None:
    long = "/".join(["directory-with-a-long-name"] * 8)
    files: dict[str, str | bytes] = {
        "Kitfile": "manifestVersion: 1.0.0\npackage: {name: x}\nmodel: {name: m, path: a/b}\ncode:\n  - path: .\n"
        "docs:\n  - {path: docs/grüße.md}\n",
        ".kitignore": "*.log\n!keep.log\n/build\n",
        "a/b/w": "w",
        "a/c": "c",
        "docs/grüße.md": "ü",
        "docs/x.log": "no",
        "keep.log": "yes",
        "build/out": "no",
        f"{long}/file": "deep",
        "zero": b"",
    }
    project = write_files(tmp_path / "project", files)
    (project / "a/c").chmod(0o640)
    (project / "empty").mkdir(mode=0o700)
    kit.ok("pack", project, "-t", "difficult:v1")
    program.ok("pack", project, "-t", "difficult:v1")
    ours, theirs = program.ok("inspect", "difficult:v1").document, kit.ok("inspect", "difficult:v1").document
    assert _layers(ours) == _layers(theirs)


def test_kit_pulls_and_unpacks_what_orchard_pushed(
    kit: Program, program: Program, project: Path, hub: HubProgram, tmp_path: Path
) -> None:
    name = f"{hub.host}/kit/from-orchard:v1"
    digest = program.digest("pack", project, "-t", name)
    program.ok("push", name)
    assert f"Pulled {digest}" in kit.ok("pull", name, PLAIN).stdout
    kit.ok("unpack", name, PLAIN, "-d", tmp_path / "stored")
    assert contents(tmp_path / "stored") == contents(project)
    kit.ok("remove", name)
    kit.ok("unpack", name, PLAIN, "-d", tmp_path / "streamed")
    assert contents(tmp_path / "streamed") == contents(project)
    assert digest in kit.ok("list", name.rpartition(":")[0], PLAIN).stdout


def test_orchard_pulls_and_unpacks_what_kit_pushed(
    kit: Program, program: Program, project: Path, registry: Running, hub: HubProgram, tmp_path: Path
) -> None:
    for host in (hub.host, registry.host):
        name = f"{host}/kit/from-kit:v1"
        kit.ok("pack", project, "-t", name)
        kit.ok("push", name, PLAIN)
        digest = kit.ok("inspect", name).document["digest"]
        assert program.digest("pull", name) == digest
        program.ok("unpack", name, "-d", tmp_path / host)
        assert contents(tmp_path / host) == contents(project)
        assert program.ok("inspect", name).document["cliVersion"] == "1.7.0"


def test_blobs_are_shared_between_kit_and_orchard(
    kit: Program, program: Program, tmp_path: Path, hub: HubProgram
) -> None:
    project = make_project(tmp_path / "project", seed=77, prompts=False)
    name = f"{hub.host}/kit/shared"
    kit.ok("pack", project, "-t", f"{name}:kit")
    kit.ok("push", f"{name}:kit", PLAIN)
    packed = program.ok("pack", project, "-t", f"{name}:orchard", "--output", "json").document
    ran = program.ok("push", f"{name}:orchard", "-v")
    uploads = [line for line in ran.stderr.splitlines() if "PUT" in line and "/blobs/uploads/" in line]
    assert len(packed["layers"]) > 0
    assert uploads == []


def test_kit_and_orchard_log_in_for_each_other(kit: Program, project: Path, tmp_path: Path) -> None:
    both = tmp_path / "both"
    ours, theirs = Program(both), Program(both, kit.path, {"KITOPS_HOME": str(both)})
    (tmp_path / "registry").mkdir()
    with docker_registry(tmp_path / "registry", htpasswd=True) as guarded:
        name = f"{guarded.host}/kit/tiny:v1"
        login = ("login", guarded.host, "-u", USER, "--password-stdin", PLAIN)
        theirs.ok(*login, stdin=PASSWORD)
        ours.ok("pack", project, "-t", name)
        ours.ok("push", name)
        theirs.ok("logout", guarded.host)
        assert ours("inspect", "--remote", name).code == 4
        ours.ok(*login, stdin=PASSWORD)
        theirs.ok("pull", name, PLAIN)
    assert {path.name for path in both.iterdir()} >= {"layout", "storage", "credentials.json"}


@pytest.mark.slow
def test_kit_pushes_a_large_layer_in_chunks(kit: Program, program: Program, hub: HubProgram, tmp_path: Path) -> None:
    project = make_blob_project(tmp_path / "big", 110 << 20)
    name = f"{hub.host}/kit/chunked:v1"
    kit.ok("pack", project, "-t", name)
    kit.ok("push", name, PLAIN)
    digest = kit.ok("inspect", name).document["digest"]
    kit.ok("remove", "--force", name)
    assert program.digest("pull", name) == digest
    program.ok("unpack", name, "-d", tmp_path / "there")
    assert contents(tmp_path / "there") == contents(project)
