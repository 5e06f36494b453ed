"""``--dry-run`` of push, pull, tag and remove: it says what the real run then does, and leaves everything as it was."""

from pathlib import Path

import pytest

from support.archive_tars import fingerprint
from support.cli import HubProgram, Program, Ran
from support.projects import make_project, write_files


@pytest.fixture
def packed(program: Program, project: Path) -> Program:
    program.ok("pack", project, "-t", "tiny:v1,v2")
    return program


def rehearsed(program: Program, *arguments: str) -> tuple[Ran, Ran]:
    """Rehearse a command, make sure that nothing changed, then run it."""
    before = fingerprint(program.home)
    told = program.ok(*arguments, "--dry-run", "--output", "json")
    assert fingerprint(program.home) == before
    return told, program.ok(*arguments, "--output", "json")


def same(told: Ran, done: Ran) -> None:
    """Assert that both gave the same, but for ``dryRun``."""
    pairs = [(one.document if isinstance(one.document, list) else [one.document]) for one in (told, done)]
    assert [{**value, "dryRun": False} for value in pairs[0]] == pairs[1]
    assert all(value["dryRun"] for value in pairs[0])


def test_push_sends_what_the_rehearsal_said(packed: Program, hub: HubProgram, tmp_path: Path) -> None:
    name = f"{hub.host}/rehearsal/push"
    told, done = rehearsed(packed, "push", "tiny:v1", f"{name}:v1")
    same(told, done)
    assert told.document["blobs"] == 8
    assert packed.ok("inspect", "-r", f"{name}:v1").document["digest"] == told.document["digest"]
    again = packed.ok("push", "tiny:v1", f"{name}:v3", "--dry-run", "--output", "json").document
    assert (again["blobs"], again["size"], again["skipped"]) == (0, 0, 1)
    assert packed("inspect", "-r", f"{name}:v3").code == 3
    packed.ok("pack", make_project(tmp_path / "other", seed=2), "-t", "tiny:v4")
    told, done = rehearsed(packed, "push", "tiny:v4", f"{name}:v4")
    same(told, done)
    assert (told.document["blobs"], told.document["skipped"]) == (4, 4)


def test_push_in_words_says_what_would_be_sent(packed: Program, hub: HubProgram) -> None:
    name = f"{hub.host}/rehearsal/words:v1"
    ran = packed.ok("push", "tiny:v1", name, "-n")
    digest = packed.ok("inspect", "tiny:v1").document["digest"]
    assert ran.stdout.startswith(f"Would push {digest}: 8 blobs, ")
    assert ran.stdout.endswith("; 0 there already\n")
    assert packed("inspect", "-r", name).code == 3


def test_pull_fetches_what_the_rehearsal_said(packed: Program, hub: HubProgram, tmp_path: Path) -> None:
    name = f"{hub.host}/rehearsal/pull:v1"
    packed.ok("push", "tiny:v1", name)
    there = Program(tmp_path / "there")
    there.ok("pack", make_project(tmp_path / "other", seed=2), "-t", "other:v1")
    told, done = rehearsed(there, "pull", name)
    same(told, done)
    assert (told.document["blobs"], told.document["skipped"]) == (4, 4)
    empty = Program(tmp_path / "empty")
    assert empty.ok("pull", name, "-n").stdout.startswith("Would pull sha256:")
    assert not empty.home.exists()
    assert there("pull", f"{hub.host}/rehearsal/none:v1", "-n").code == 3


def test_pull_of_a_kit_with_a_parent_counts_both(program: Program, hub: HubProgram, tmp_path: Path) -> None:
    base = f"{hub.host}/rehearsal/base:v1"
    head = "manifestVersion: 1.0.0\npackage: {name: x}\n"
    write_files(tmp_path / "base", {"Kitfile": f"{head}model: {{name: m, path: w.bin}}\n", "w.bin": "w" * 5000})
    write_files(tmp_path / "tuned", {"Kitfile": f"{head}model: {{name: m, path: '{base}'}}\n"})
    program.ok("pack", tmp_path / "base", "-t", base)
    program.ok("push", base)
    program.ok("pack", tmp_path / "tuned", "-t", f"{hub.host}/rehearsal/tuned:v1")
    program.ok("push", f"{hub.host}/rehearsal/tuned:v1")
    there = Program(tmp_path / "there")
    there.ok("pack", make_project(tmp_path / "other"), "-t", "other:v1")
    told, done = rehearsed(there, "pull", f"{hub.host}/rehearsal/tuned:v1")
    same(told, done)
    assert told.document["size"] > 5000


@pytest.mark.parametrize(
    "arguments",
    [
        ["remove", "tiny:v1"],
        ["remove", "tiny:v1,v2"],
        ["remove", "tiny:v1", "--force"],
        ["remove", "--all"],
        ["remove", "--all", "--force"],
        ["tag", "tiny:v1", "other:v3,v4"],
        ["tag", "tiny:v1", "tiny:v2"],
    ],
    ids=" ".join,
)
def test_remove_and_tag_do_what_the_rehearsal_said(packed: Program, arguments: list[str]) -> None:
    same(*rehearsed(packed, *arguments))


def test_remove_says_how_much_it_would_free(packed: Program) -> None:
    ran = packed.ok("remove", "tiny:v1", "--force", "-n")
    assert ran.stdout.startswith("Would remove tiny:v1 (digest sha256:")
    assert packed.ok("remove", "tiny:v1", "-n").stdout.startswith("Would untag tiny:v1 (digest sha256:")
    freed = ran.stderr.removeprefix("Would free ")
    assert packed.ok("remove", "tiny:v1", "--force").stderr == f"Freed {freed}"


def test_remove_from_a_registry_only_looks(packed: Program, hub: HubProgram) -> None:
    name = f"{hub.host}/rehearsal/remove:v1"
    packed.ok("push", "tiny:v1", name)
    same(*rehearsed(packed, "remove", "--remote", name))
    assert packed("remove", "--remote", name, "--dry-run").code == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["push", "nothing:v1", "localhost:1/x:v1"], 3),
        (["push", "tiny:v1"], 2),
        (["tag", "nothing:v1", "other:v1"], 3),
        (["tag", "tiny:v1", "other@sha256:" + "0" * 64], 2),
        (["remove", "nothing:v1"], 3),
        (["pull", "localhost:1/x:v1"], 5),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "",
)
def test_rehearsal_fails_as_the_real_run_does(packed: Program, arguments: list[str], code: int) -> None:
    before = fingerprint(packed.home)
    told, done = packed(*arguments, "--dry-run"), packed(*arguments)
    assert (told.code, told.stderr) == (done.code, done.stderr) == (code, told.stderr)
    assert fingerprint(packed.home) == before
