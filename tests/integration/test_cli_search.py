"""``orchard search`` and ``orchard list`` over many repositories, local and in a registry."""

import re
from pathlib import Path

import pytest

from support.cli import HubProgram, Program
from support.projects import make_project
from support.registries import Running


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A home with three repositories: tiny (v1, v2), other (v1), and one without a name."""
    base = tmp_path_factory.mktemp("many")
    program = Program(base / "home")
    for number, (name, reference) in enumerate([("tiny", "tiny:v1,v2"), ("other", "other:v1"), ("nameless", "")], 1):
        project = make_project(base / name, name=name, seed=number)
        kitfile = project / "Kitfile"
        kitfile.write_text(kitfile.read_text().replace("epochs: 3", f"epochs: {number}"))
        program.ok("pack", project, *(["-t", reference] if reference else []))
    return program


def found(program: Program, *arguments: str) -> list[str]:
    return [one["reference"] for one in program.ok("search", *arguments, "--output", "json").document]


def test_search_looks_everywhere_and_wants_every_word(many: Program) -> None:
    assert found(many, "tiny") == ["tiny:v1"]
    assert found(many, "APACHE", "grace", "other") == ["other:v1"]
    assert found(many, "epochs=2") == ["other:v1"]
    assert len(found(many, "every kind of layer")) == 3
    assert found(many, "data/train.csv", "v2") == ["tiny:v1"]
    assert found(many, "tiny", "absent") == []


def test_search_shows_where_it_found_the_words(many: Program) -> None:
    lines = many.ok("search", "apache", "epochs=1").lines
    assert [line.split() for line in lines] == [
        ["REPOSITORY", "TAG", "WHERE", "WHAT"],
        ["tiny", "v1,v2", "package.license", "Apache-2.0"],
        ["model.parameters.epochs", "1"],
    ]
    ran = many.ok("search", "absent")
    assert (ran.stdout, ran.stderr) == ("", "Nothing holds absent\n")


@pytest.mark.parametrize("flags", [["model:other-model"], ["code:nothing", "model:other-model"]], ids=" ".join)
def test_list_filter_keeps_what_has_such_a_part(many: Program, flags: list[str]) -> None:
    words = [word for flag in flags for word in ("--filter", flag)]
    assert [line.split()[0] for line in many.ok("list", *words).lines[1:]] == ["other"]


def test_list_filter_by_type_takes_all_that_have_it(many: Program) -> None:
    assert len(many.ok("list", "-f", "prompts").lines) == 5
    assert len(many.ok("list", "-f", "kitfile").lines) == 5
    assert len(many.ok("list", "-f", "mcpservers").lines) == 1
    assert many("list", "-f", "nonsense").code == 2


@pytest.mark.peer("docker-registry")
def test_registries_are_listed_and_searched_whole_and_in_part(
    many: Program, hub: HubProgram, registry: Running, tmp_path: Path
) -> None:
    program = Program(tmp_path / "home")
    for host in (hub.host, registry.host):
        for source, target in (("tiny:v1", "find/a/tiny:v1,v2"), ("other:v1", "find/b/other:v1")):
            many.ok("push", source, f"{host}/{target}")
        listed = program.ok("list", "--remote", f"{host}/find", "--output", "json").document
        assert [(one["repo"], one["tags"]) for one in listed] == [
            (f"{host}/find/a/tiny", ["v1"]), (f"{host}/find/a/tiny", ["v2"]), (f"{host}/find/b/other", ["v1"])
        ]  # fmt: skip
        assert len(program.ok("list", "--remote", f"{host}/find/b").lines) == 2
        assert found(program, "grace", "epochs=2", "--remote", f"{host}/find") == [f"{host}/find/b/other:v1"]
        assert len(program.ok("list", f"{host}/find/a/tiny", "-f", "model:tiny-model").lines) == 3
    both = found(program, "other", "-r", f"{hub.host}/find", "-r", f"{registry.host}/find")
    assert both == [f"{hub.host}/find/b/other:v1", f"{registry.host}/find/b/other:v1"]
    limited = program.ok("search", "tiny", "--remote", f"{hub.host}/find", "--limit", "1")
    assert "[WARN] not all versions were read; raise --limit" in limited.stderr
    assert not (program.home / "layout").exists()


def test_hub_searches_what_it_knows(many: Program, hub: HubProgram, tmp_path: Path) -> None:
    program = Program(tmp_path / "home")
    for source, target in (("tiny:v1", "look/a/tiny:v1,v2"), ("other:v1", "look/b/other:v1")):
        many.ok("push", source, f"{hub.host}/{target}")
    ran = program.ok("search", "--hub", hub.host, "namespace:look", "license:apache-2.0")
    assert ran.lines[0].split() == ["REPOSITORY", "TAG", "FORMAT", "PARAMS", "LICENSE", "SIZE", "PUSHED", "WHAT"]
    assert [line.split()[0] for line in ran.lines[1:]] == [f"{hub.host}/look/b/other", f"{hub.host}/look/a/tiny"]
    hits = program.ok("search", "--hub", hub.host, "namespace:look tiny", "--latest", "--output", "json").document
    assert next((hit["repo"], sorted(hit["tags"])) for hit in hits) == (f"{hub.host}/look/a/tiny", ["v1", "v2"])
    assert {"path": "license", "value": "Apache-2.0"} in hits[0]["matches"]
    assert hits[0]["facts"]["license"] == ["Apache-2.0"]
    limited = program.ok("search", "--hub", hub.host, "repo:look/*", "--sort", "-repo", "--limit", "1", "--quiet")
    assert limited.lines == [f"{hub.host}/look/b/other:v1"]
    more = program.ok("search", "--hub", hub.host, "repo:look/*", "--limit", "1")
    assert more.stderr == "There are more than 1; raise --limit, or say more\n"
    none = program.ok("search", "--hub", hub.host, "repo:none")
    assert (none.stdout, none.stderr) == ("", "The hub finds nothing that you may read\n")


def test_hub_points_at_what_it_does_not_understand(hub: HubProgram, program: Program) -> None:
    ran = program("search", "--hub", hub.host, "llama", "prams>7e9")
    assert ran.code == 2
    assert ran.stderr.endswith("did you mean params?\n  llama prams>7e9\n        ^\n")
    assert "sort='beauty' is no order" in program("search", "--hub", hub.host, "x", "--sort", "beauty").stderr


@pytest.mark.peer("docker-registry")
def test_registry_that_is_no_hub_says_how_to_search_it(registry: Running, program: Program) -> None:
    ran = program("search", "--hub", registry.host, "x")
    assert (ran.code, f"orchard search --remote {registry.host} WORD" in ran.stderr) == (3, True), ran


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["search", "x", "--hub", "h", "--remote", "h"], 2, "--hub and --remote exclude each other"),
        (["search", "x", "--latest"], 2, "--sort and --latest are for --hub"),
        (["list", "--remote"], 2, "orchard list --remote registry.example.com"),
        (["list", "--remote", "team/model"], 2, "a registry is needed here"),
        (["search"], 2, "Missing argument"),
        (["search", " "], 2, "write a word"),
        (["search", "x", "--remote", "localhost:1"], 5, "localhost:1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_asked_wrongly_says_what_to_do(program: Program, arguments: list[str], code: int, text: str) -> None:
    ran = program(*arguments)
    assert (ran.code, text in ran.stderr, "Traceback" in ran.stderr) == (code, True, False), ran


def test_quiet_search_gives_names_alone(many: Program) -> None:
    names = many.ok("search", "grace", "--quiet").lines
    assert names[1:] == ["other:v1", "tiny:v1"]
    assert re.fullmatch("sha256:[0-9a-f]{64}", names[0])
