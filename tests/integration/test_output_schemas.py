"""Every command has a schema for its JSON, every schema says what each property means, and real output obeys."""

import json
from pathlib import Path

import click
import pytest
from jsonschema import Draft202012Validator

from orchard.cli import COMMANDS
from orchard.cli import program as root
from support import schemas
from support.cli import HubProgram, Program
from support.projects import write_files
from support.registries import PASSWORD, USER, docker_registry

# They run until they are stopped, and give no result.
SERVERS = frozenset(("hub",))
VARIANTS = frozenset(("error", "list-format-json"))


def _leaves() -> set[str]:
    """Name every command; those in groups with dashes."""
    found = ((name, root.get_command(click.Context(root), name)) for name in COMMANDS)
    return {leaf for name, command in found if command is not None for leaf in _below(name, command)}


def _below(name: str, command: click.Command) -> set[str]:
    if not isinstance(command, click.Group):
        return {name}
    return {leaf for inner, below in command.commands.items() for leaf in _below(f"{name}-{inner}", below)}


def test_every_command_has_a_schema_and_every_schema_a_command() -> None:
    named = schemas.schema_names() - schemas.SHARED - VARIANTS
    assert _leaves() - SERVERS - named == set(), "write docs/schemas/<command>.json"
    assert named - _leaves() == set(), "schemas of no command"


@pytest.mark.parametrize("name", sorted(schemas.schema_names()))
def test_schema_is_one_and_describes_each_property_of_closed_objects(name: str) -> None:
    schema = schemas.load(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"{name}.json"
    assert schema["title"]
    for path, inside in schemas.objects(schema):
        assert "additionalProperties" in inside, f"{name}: {path}: say whether it is closed"
        assert inside["additionalProperties"] is False or inside.get("description"), f"{name}: {path}: say why open"
        for key, value in inside["properties"].items():
            assert value.get("description"), f"{name}: {path}.{key}: describe it"


def test_page_of_schemas_lists_each_of_them() -> None:
    page = (schemas.DIRECTORY / "README.md").read_text()
    assert [name for name in schemas.schema_names() if f"({name}.json)" not in page] == []


@pytest.mark.peer("docker-registry")
def test_real_output_of_every_command_obeys_its_schema(project: Path, hub: HubProgram, tmp_path: Path) -> None:
    # Program itself holds each run to its schema; this makes sure that each is run.
    program = Program(tmp_path / "home")
    name = f"{hub.host}/schemas/tiny"
    write_files(tmp_path / "new", {"model.onnx": "x"})

    def run(*arguments: str | Path, stdin: str = "") -> None:
        program.ok(*arguments, "--output", "json", stdin=stdin)

    run("pack", project, "-t", f"{name}:v1")
    run("pack", project)
    run("push", f"{name}:v1")
    run("pull", f"{name}:v1")
    run("unpack", f"{name}:v1", "-d", tmp_path / "there")
    run("tag", f"{name}:v1", f"{name}:v2,v3")
    run("list")
    run("list", name)
    run("inspect", f"{name}:v1")
    run("inspect", "--remote", f"{name}:v1")
    run("info", f"{name}:v1")
    run("info", f"{name}:v1", "--filter", "model.parameters")
    run("remove", f"{name}:v3")
    run("remove", "--remote", f"{name}:v1")
    run("init", tmp_path / "new")
    run("version")
    run("completion", "bash")
    run("dev", "status")
    schemas.check("list-format-json", program.ok("list", "--format", "json").document)
    (tmp_path / "registry").mkdir()
    with docker_registry(tmp_path / "registry", htpasswd=True) as guarded:
        run("login", guarded.host, "-u", USER, "--password-stdin", stdin=PASSWORD)
        run("logout", guarded.host)


def test_real_errors_obey_their_schema(program: Program) -> None:
    for arguments in (["inspect", "nothing:v1"], ["push", "--nonsense"], ["inspect", "Upper:v1"], ["nonsense"]):
        failed = program(*arguments, "--output", "json")
        (line,) = [line for line in failed.stderr.splitlines() if line.startswith("{")]
        schemas.check("error", json.loads(line))
        assert json.loads(line)["error"]["exitCode"] == failed.code


def test_a_document_that_disobeys_is_found_out() -> None:
    with pytest.raises(AssertionError, match="tags"):
        schemas.check("tag", {"source": "a", "reference": "b", "digest": "sha256:" + "0" * 64})
    with pytest.raises(AssertionError, match=r"write docs/schemas/unheard-of\.json"):
        schemas.check("unheard-of", {})
