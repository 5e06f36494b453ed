"""``orchard history``: versions over time, what each brought, which tags they had, which commit they come from."""

import subprocess
from pathlib import Path

import pytest

from support.cli import HubProgram, Program
from support.projects import make_project, write_files

GIT = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("repository"), prompts=False)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> tuple[Program, list[str]]:
    """Three versions from three commits; the tag latest moves along."""
    program = Program(tmp_path_factory.mktemp("old") / "home")
    subprocess.run([*GIT, "init", "-q"], cwd=repository, check=True)
    digests = []
    for number in (1, 2, 3):
        write_files(repository, {"README.md": f"# Version {number}\n"})
        subprocess.run([*GIT, "add", "-A"], cwd=repository, check=True)
        subprocess.run([*GIT, "commit", "-qm", str(number)], cwd=repository, check=True)
        digests.append(program.digest("pack", repository, "-t", "tiny:latest"))
    program.ok("tag", f"tiny@{digests[1]}", "tiny:v2")
    return program, digests


def test_history_shows_the_newest_first_with_former_tags(old: tuple[Program, list[str]], repository: Path) -> None:
    program, digests = old
    steps = program.ok("history", "tiny", "--output", "json").document
    assert [step["digest"] for step in steps] == digests[::-1]
    assert [(step["tags"], step["formerTags"]) for step in steps] == [
        (["latest"], []), (["v2"], ["latest"]), ([], ["latest"])
    ]  # fmt: skip
    assert steps[0]["new"] < steps[0]["size"] == steps[2]["new"]
    assert all(step["added"].endswith("Z") for step in steps)
    log = subprocess.run([*GIT, "log", "--format=%H"], cwd=repository, capture_output=True, text=True, check=True)
    assert [step["provenance"]["revision"] for step in steps] == log.stdout.split()
    assert steps[0]["provenance"]["branch"] == "main"


def test_history_in_words_is_a_block_for_each_version(old: tuple[Program, list[str]]) -> None:
    program, digests = old
    blocks = program.ok("history", "tiny").stdout.split("\n\n")
    assert blocks[1].startswith(f"version {digests[1]} (v2)\nName:    tiny 1.2.3\nAdded:   ")
    assert "\nCommit:  " in blocks[1]
    assert blocks[1].endswith("\nWas:     latest")


def test_history_of_a_tag_or_digest_begins_there(old: tuple[Program, list[str]]) -> None:
    program, digests = old
    assert program.ok("history", "tiny:v2", "--quiet").lines == [digests[1], digests[0]]
    assert program.ok("history", f"tiny@{digests[0]}", "--quiet").lines == [digests[0]]
    assert program.ok("history", "tiny", "-n", "1", "--quiet").lines == [digests[2]]
    ran = program("history", "tiny:v9")
    assert (ran.code, "orchard history tiny" in ran.complaint) == (3, True)
    assert program("history", "nothing").code == 3


def test_history_of_a_registry_has_its_tags_in_order(old: tuple[Program, list[str]], hub: HubProgram) -> None:
    program, digests = old
    name = f"{hub.host}/history/tiny"
    for number, digest in enumerate(digests, 9):
        program.ok("push", f"tiny@{digest}", f"{name}:v{number}")
    steps = program.ok("history", "--remote", name, "--output", "json").document
    assert [(step["tags"], step["digest"], step["added"]) for step in steps] == [
        ([f"v{number}"], digest, None) for number, digest in reversed(list(enumerate(digests, 9)))
    ]
    assert program.ok("history", "-r", f"{name}:v10", "-q").lines == [digests[1], digests[0]]


def test_history_says_where_the_model_is(program: Program, tmp_path: Path) -> None:
    project = write_files(tmp_path / "base", {"w.bin": "w", "a.md": "a"})
    head = "manifestVersion: 1.0.0\npackage: {name: x}\n"
    write_files(project, {"Kitfile": f"{head}model: {{name: m, path: w.bin}}\n"})
    digest = program.digest("pack", project, "-t", "base:v1")
    write_files(tmp_path / "tuned", {"Kitfile": f"{head}model: {{name: m, path: 'base:v1'}}\n"})
    program.ok("pack", tmp_path / "tuned", "-t", "tuned:v1")
    (step,) = program.ok("history", "tuned", "--output", "json").document
    assert step["parent"] == {"reference": "base:v1", "digest": digest}
    assert f"Model:   base:v1 ({digest})" in program.ok("history", "tuned").stdout
    kept = program.ok("prune", "--all-unused", "--keep", "tuned:*", "-n", "--output", "json").document["versions"]
    assert kept == []
