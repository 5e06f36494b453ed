"""What goes where: results on stdout, everything else on stderr; and names only, where that is asked for."""

import json
from pathlib import Path
from typing import Any

import pytest

import orchard
from support.cli import HubProgram, Program, Ran
from support.projects import write_files
from support.registries import PASSWORD, USER, docker_registry


def _run_everything(project: Path, hub: HubProgram, base: Path) -> dict[str, tuple[Ran, ...]]:
    """Run every command with ``--output json``."""
    program = Program(base / "home")
    name = f"{hub.host}/json/tiny"
    write_files(base / "new", {"model.onnx": "x"})

    def run(*arguments: str | Path, stdin: str = "") -> Ran:
        return program.ok(*arguments, "--output", "json", stdin=stdin)

    (base / "registry").mkdir()
    with docker_registry(base / "registry", htpasswd=True) as guarded:
        return {
            "pack": (run("pack", project, "-t", f"{name}:v1"),),
            "push": (run("push", f"{name}:v1"),),
            "pull": (run("pull", f"{name}:v1"),),
            "unpack": (run("unpack", f"{name}:v1", "-d", base / "there"),),
            "tag": (run("tag", f"{name}:v1", f"{name}:v2,v3"),),
            "list": (run("list"), run("list", name)),
            "list --format json": (program.ok("list", "--format", "json"), program.ok("list", name, "--format=json")),
            "inspect": (run("inspect", f"{name}:v1"), run("inspect", "--remote", f"{name}:v1")),
            "info": (run("info", f"{name}:v1"),),
            "remove": (run("remove", f"{name}:v3"), run("remove", "--remote", f"{name}:v1")),
            "login": (run("login", guarded.host, "-u", USER, "--password-stdin", stdin=PASSWORD),),
            "logout": (run("logout", guarded.host),),
            "init": (run("init", base / "new"),),
            "version": (run("version"),),
            "completion": (run("completion", "bash"),),
        }


@pytest.mark.peer("docker-registry")
def test_json_of_every_command_agrees_with_that_of_the_others(project: Path, hub: HubProgram, tmp_path: Path) -> None:
    ran = _run_everything(project, hub, tmp_path)
    for one in (one for runs in ran.values() for one in runs):
        assert all("[ERROR]" not in line and "MiB" not in line for line in one.stderr.splitlines()), one
    assert list(ran["info"][0].document)[:2] == ["manifestVersion", "package"]
    _assert_agreement({command: runs[-1].document for command, runs in ran.items()})


def _assert_agreement(documents: dict[str, Any]) -> None:
    packed, unpacked, (listed, *_) = documents["pack"], documents["unpack"], documents["list"]
    digests = {documents[command]["digest"] for command in ("pack", "push", "pull", "unpack", "tag", "inspect")}
    assert digests == {listed["digest"]}
    assert packed["size"] == sum(layer["size"] for layer in packed["layers"]) == listed["size"]
    assert len(unpacked["files"]) == sum(layer["files"] for layer in packed["layers"]) + 1
    assert documents["tag"]["tags"] == ["v3"]


def test_json_of_info_is_the_part_that_is_asked_for(shelf: Program) -> None:
    parameters = shelf.ok("info", "tiny:v1", "-f", "model.parameters", "--output", "json").document
    assert parameters == {"epochs": 3, "rate": 0.5}
    assert shelf.ok("info", "tiny:v1", "-f", "model.name", "--output=json").document == "tiny-model"


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [
        (["inspect", "nothing:v1", "--output", "json"], "NotFoundError", 3),
        (["--output", "json", "inspect", "nothing:v1"], "NotFoundError", 3),
        (["inspect", "Upper:v1", "--output=json"], "InvalidReferenceError", 7),
        (["push", "tiny:v1", "--output", "json"], "UsageError", 2),
        (["push", "--nonsense", "--output", "json"], "UsageError", 2),
        (["nonsense", "--output=json"], "UsageError", 2),
        (["pull", "localhost:1/x:v1", "--output", "json", "--concurrency", "0"], "UsageError", 2),
    ],
)
def test_error_as_json_is_one_object_on_stderr(shelf: Program, arguments: list[str], kind: str, code: int) -> None:
    failed = shelf(*arguments)
    errors = [json.loads(line) for line in failed.stderr.splitlines() if line.startswith("{")]
    assert failed.code == code, failed
    assert failed.stdout == ""
    assert [(list(error), error["error"]["kind"], error["error"]["exitCode"]) for error in errors] == [
        (["error"], kind, code)
    ]
    assert errors[0]["error"]["message"]


def test_quiet_prints_names_only_and_no_notes(program: Program, project: Path, hub: HubProgram, tmp_path: Path) -> None:
    name = f"{hub.host}/quiet/tiny"
    digest = program.ok("pack", project, "-t", f"{name}:v1", "-q").stdout
    assert digest.startswith("sha256:")
    for arguments, expected in [
        (["-q", "push", f"{name}:v1"], digest),
        (["pull", f"{name}:v1", "-q"], digest),
        (["tag", f"{name}:v1", "other:v2", "-q"], "other:v2\n"),
        (["list", "-q"], f"{name}:v1\nother:v2\n"),
        (["unpack", "other:v2", "-q", "-d", str(tmp_path / "there")], ""),
        (["remove", "-q", "other:v2"], "other:v2\n"),
        (["list", name, "-q"], f"{name}:v1\n"),
        (["version", "-q"], f"{orchard.__version__}\n"),
    ]:
        ran = program.ok(*arguments)
        assert (ran.stdout, ran.stderr) == (expected, ""), ran
    assert program("inspect", "nothing:v1", "-q").complaint.startswith("nothing:v1: ")
    assert program.ok("list", "-q", "--output", "json").document[0]["tags"] == ["v1"]
