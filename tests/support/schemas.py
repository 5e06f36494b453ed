"""The schemas of what commands give with ``--output json``: every program that a test runs is held to them."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

DIRECTORY = Path(__file__).parents[2] / "docs/schemas"
SHARED = frozenset(("definitions", "kitfile"))  # not of one command
# Flags of the program itself that take a value: what follows them is no command.
_WITH_VALUE = frozenset(("--output", "--log-level", "--progress", "--config"))


@cache
def schema_names() -> frozenset[str]:
    """Name every schema."""
    return frozenset(path.stem for path in DIRECTORY.glob("*.json"))


@cache
def load(name: str) -> dict[str, Any]:
    """Read a schema."""
    value: dict[str, Any] = json.loads((DIRECTORY / f"{name}.json").read_text())
    return value


@cache
def _registry() -> Registry[Any]:
    return Registry().with_resources(
        (f"{name}.json", Resource.from_contents(load(name))) for name in sorted(schema_names())
    )


def check(name: str, value: object) -> None:
    """Assert that a document is what its schema says."""
    assert name in schema_names(), f"write docs/schemas/{name}.json: its command gives JSON"
    validator = Draft202012Validator(load(name), registry=_registry())
    problems = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
    assert not problems, f"docs/schemas/{name}.json: {problems[:5]}"


def check_run(arguments: Sequence[str], stdout: str, stderr: str) -> None:
    """Assert that a run with ``--output json`` gave what the schemas say, on both streams."""
    if "--output=json" not in arguments and ("--output", "json") not in pairwise(arguments):
        return
    for line in stderr.splitlines():
        if line.startswith('{"error"'):
            check("error", json.loads(line))
    name = command_of(arguments)
    if name and stdout.startswith(("{", "[")):
        check(name, json.loads(stdout))


def command_of(arguments: Sequence[str]) -> str:
    """Find the command in a command line, as its schema is called: the words of a command in a group with dashes."""
    words = list(_words(arguments))
    names = ["-".join(words[:count]) for count in (1, 2, 3, 4)]
    return next((name for name in reversed(names) if name in schema_names()), names[0])


def _words(arguments: Sequence[str]) -> Iterator[str]:
    before = ""
    for word in arguments:
        if not word.startswith("-") and before not in _WITH_VALUE:
            yield word
        before = word


def objects(schema: object, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every schema of an object inside a schema, with its path."""
    if isinstance(schema, list):
        for number, item in enumerate(schema):
            yield from objects(item, f"{path}[{number}]")
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield path, schema
        for key, item in schema.items():
            yield from objects(item, f"{path}.{key}")
