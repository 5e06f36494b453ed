"""`orchard unpack --dry-run`: the same answer as the real thing, and nothing done."""

from pathlib import Path

import pytest

from support.cli import Program
from support.projects import contents, write_files

REFERRING = "manifestVersion: 1.0.0\nmodel:\n  path: tiny:v1\ncode:\n  - path: own.py\n"


@pytest.mark.parametrize("filters", [(), ("-f", "model"), ("-f", "code,kitfile"), ("-f", "docs")])
def test_dry_run_then_it_names_the_files_that_unpack_writes(
    shelf: Program, tmp_path: Path, filters: tuple[str, ...]
) -> None:
    there = tmp_path / "there"
    dry = shelf.ok("unpack", "tiny:v1", "-d", there, *filters, "--dry-run", "--output", "json").document
    assert not there.exists()
    real = shelf.ok("unpack", "tiny:v1", "-d", there, *filters, "--output", "json").document
    assert (dry["dryRun"], real["dryRun"], dry["inTheWay"]) == (True, False, [])
    assert sorted(dry["files"]) == sorted(real["files"])
    assert (dry["layers"], dry["digest"]) == (real["layers"], real["digest"])


def test_dry_run_of_a_kit_that_refers_to_another_then_that_ones_files_are_named(tmp_path: Path) -> None:
    project = write_files(tmp_path / "project", {"Kitfile": REFERRING, "own.py": ""})
    program = Program(tmp_path / "home")
    program.ok(
        "pack",
        write_files(tmp_path / "base", {"Kitfile": "manifestVersion: 1.0.0\nmodel: {path: m.bin}\n", "m.bin": "x"}),
        "-t",
        "tiny:v1",
    )
    program.ok("pack", project, "-t", "child:v1")
    ran = program.ok("unpack", "child:v1", "-d", tmp_path / "there", "--dry-run")
    assert set(ran.lines) == {"Kitfile", "Kitfile.lock", "m.bin", "own.py"}
    assert "Would unpack to" in ran.stderr


def test_dry_run_when_files_are_in_the_way_then_each_is_named(shelf: Program, tmp_path: Path) -> None:
    write_files(tmp_path, {"README.md": "mine", "src": "a file", "Kitfile": "other"})
    before = contents(tmp_path)
    dry = shelf.ok("unpack", "tiny:v1", "-d", tmp_path, "--dry-run", "--output", "json").document
    assert sorted(dry["inTheWay"]) == ["Kitfile", "README.md", "src"]
    assert "path 'README.md' already exists" in shelf.ok("unpack", "tiny:v1", "-d", tmp_path, "--dry-run").stderr
    keep = shelf.ok("unpack", "tiny:v1", "-d", tmp_path, "--dry-run", "-i", "--output", "json").document
    assert (sorted(keep["inTheWay"]), "README.md" in keep["files"]) == (["Kitfile", "src"], False)
    over = shelf.ok("unpack", "tiny:v1", "-d", tmp_path, "--dry-run", "-o", "--output", "json").document
    assert (over["inTheWay"], "README.md" in over["files"]) == (["src"], True)
    assert contents(tmp_path) == before
