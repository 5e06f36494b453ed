"""``orchard prune``: the policy on a command line, what it says before and after, and the space that it frees."""

from pathlib import Path

import pytest

from support.cli import Program
from support.projects import make_project


@pytest.fixture
def packed(program: Program, tmp_path: Path) -> Program:
    """Three versions of one repository; the first has lost its tag."""
    for seed, tag in ((1, "v1"), (2, "v1"), (3, "v3")):
        program.ok("pack", make_project(tmp_path / str(seed), seed=seed), "-t", f"tiny:{tag}")
    return program


def blobs(program: Program) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in (program.home / "layout/blobs/sha256").iterdir()}


def test_prune_dry_run_says_what_prune_then_does(packed: Program) -> None:
    before = blobs(packed)
    told = packed.ok("prune", "--dry-run", "--output", "json").document
    assert blobs(packed) == before
    done = packed.ok("prune", "--output", "json").document
    assert {**told, "dryRun": False} == done
    assert [one["tags"] for one in done["versions"]] == [[]]
    assert done["freed"] == sum(before.values()) - sum(blobs(packed).values())
    assert done["blobs"] == len(before) - len(blobs(packed))
    assert len(packed.ok("list").lines) == 3
    packed.ok("verify", "--all")


def test_prune_says_so_in_words(packed: Program) -> None:
    ran = packed.ok("prune", "--keep-last", "1", "-n")
    assert [line.split()[:2] for line in ran.lines[:3]] == [["REPOSITORY", "TAGS"], ["tiny", "<none>"], ["tiny", "v1"]]
    assert ran.lines[-1].startswith("Would remove 2 versions and ")
    assert packed.ok("prune", "--keep-last", "1").lines[-1].startswith("Removed 2 versions and ")
    assert packed.ok("prune").stdout == "Removed 0 versions and 0 blobs; freed 0 B\n"


def test_prune_by_age_keeps_what_is_young(packed: Program) -> None:
    assert packed.ok("prune", "--all-unused", "--older-than", "1d", "--output", "json").document["versions"] == []
    gone = packed.ok("prune", "--all-unused", "--keep", "*:v3", "--older-than", "0s", "--output", "json").document
    assert sorted(one["tags"] for one in gone["versions"]) == [[], ["v1"]]
    assert all(one["added"].endswith("Z") for one in gone["versions"])


def test_prune_frees_what_interrupted_transfers_left_unless_told_not_to(packed: Program) -> None:
    packed.ok("prune")
    partial = packed.home / "layout/ingest/sha256-0.partial"
    partial.write_bytes(bytes(1000))
    assert packed.ok("prune", "--keep-interrupted", "--output", "json").document["freed"] == 0
    assert packed.ok("prune", "--output", "json").document["freed"] == 1000
    assert not partial.exists()


@pytest.mark.parametrize("flags", [["--older-than", "soon"], ["--keep-last", "-1"]], ids=" ".join)
def test_prune_when_the_policy_makes_no_sense_changes_nothing(packed: Program, flags: list[str]) -> None:
    before = blobs(packed)
    assert packed("prune", *flags).code == 2
    assert blobs(packed) == before


def test_prune_of_an_empty_home_makes_nothing(program: Program) -> None:
    program.ok("prune", "--dry-run")
    program.ok("prune", "--all-unused")
    assert not program.home.exists()
