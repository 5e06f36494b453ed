"""What goes where: results on stdout, everything else on stderr; and the JSON that docs/output.md promises."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.cli import HubProgram, Program, Ran
from support.projects import write_files
from support.registries import PASSWORD, USER, docker_registry

DOCS = Path(__file__).parents[2] / "docs"


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


def _documented() -> dict[str, str]:
    rows = re.findall(r"^\| (`.+?) \| (.+) \|$", (DOCS / "output.md").read_text(), re.MULTILINE)
    return {command: text for commands, text in rows for command in re.findall(r"`([^`]+)`", commands)}


def _shape(text: str) -> tuple[dict[str, set[str]], set[str]]:
    """Read a row of the page: the keys with the keys inside them, and those in brackets, which may be absent."""
    optional = {key for inside in re.findall(r"\(([^)]*)\)", text) for key in re.findall(r"`(\w+)`", inside)}
    keys: dict[str, set[str]] = {}
    for item in re.findall(r"`([^`]+)`", re.sub(r"\([^)]*\)", "", text)):
        name, _, inside = item.replace("[]", "").partition("{")
        keys[name] = set(inside.rstrip("}").split(",")) if inside else set()
    return keys, optional


@pytest.mark.peer("docker-registry")
def test_json_of_every_command_is_as_the_page_says(project: Path, hub: HubProgram, tmp_path: Path) -> None:
    ran = _run_everything(project, hub, tmp_path)
    assert set(_documented()) == set(ran)
    for command, text in _documented().items():
        for one in ran[command]:
            assert all("[ERROR]" not in line and "MiB" not in line for line in one.stderr.splitlines()), one
            if command == "info":
                assert list(one.document)[:2] == ["manifestVersion", "package"]
            else:
                _assert_documented(command, text.rpartition("gives:")[2], one)
    _assert_agreement({command: runs[-1].document for command, runs in ran.items()})


def _assert_documented(command: str, text: str, one: Ran) -> None:
    keys, optional = _shape(text)
    document = one.document
    assert isinstance(document, list) == (command in {"list", "list --format json", "remove"})
    for value in document if isinstance(document, list) else [document]:
        assert set(value) - optional <= set(keys), command
        assert command == "remove" or set(keys) <= set(value), command
        for key, inside in keys.items():
            assert all(set(part) == inside for part in _parts(value.get(key)) if inside), command


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
    assert [(list(error), error["error"]["kind"], error["error"]["exit_code"]) for error in errors] == [
        (["error"], kind, code)
    ]
    assert errors[0]["error"]["message"]


def _parts(value: Any) -> list[Any]:  # noqa: ANN401 -- whatever JSON the command gave
    return value if isinstance(value, list) else [value]
