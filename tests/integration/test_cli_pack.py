"""``orchard pack``: its options, as people type them."""

import os
import subprocess
from pathlib import Path

import pytest

from support.cli import Program
from support.schemas import check

KITFILE = "manifestVersion: 1.0.0\npackage:\n  name: x\ncode:\n  - path: a.py\n"
CREATED = "org.opencontainers.image.created"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.py").write_text("a")
    (root / "Kitfile").write_text(KITFILE)
    return root


def annotations(program: Program, name: str) -> dict[str, str]:
    found: dict[str, str] = program.ok("inspect", name).document["manifest"].get("annotations", {})
    return found


def test_pack_with_annotations_then_inspect_shows_them(program: Program, project: Path) -> None:
    program.ok("pack", project, "-t", "x:1", "--annotation", "a=b=c", "--annotation", "empty=", "--cli-version")
    assert annotations(program, "x:1") == {"a": "b=c", "empty": "", "ml.kitops.modelkit.cli-version": "0.1.0"}


@pytest.mark.parametrize("text", ["novalue", "=x"])
def test_pack_with_a_broken_annotation_then_it_says_how(program: Program, project: Path, text: str) -> None:
    ran = program("pack", project, "--annotation", text)
    assert (ran.code, ran.complaint) == (2, f"--annotation {text}: write KEY=VALUE")


def test_pack_created_then_the_epoch_of_the_source_counts(program: Program, project: Path) -> None:
    stamped = Program(program.home, environ={**program.environ, "SOURCE_DATE_EPOCH": "86400"})
    stamped.ok("pack", project, "-t", "x:1", "--created")
    assert annotations(stamped, "x:1") == {CREATED: "1970-01-02T00:00:00Z"}
    stamped.ok("pack", project, "-t", "x:2")
    assert annotations(stamped, "x:2") == {}


def test_pack_created_with_a_broken_epoch_then_it_is_named(program: Program, project: Path) -> None:
    stamped = Program(program.home, environ={**program.environ, "SOURCE_DATE_EPOCH": "yesterday"})
    ran = stamped("pack", project, "--created")
    assert (ran.code, ran.complaint[:31]) == (2, "$SOURCE_DATE_EPOCH is 'yesterda")


@pytest.mark.peer("git")
def test_pack_in_git_then_inspect_says_where_it_comes_from(program: Program, project: Path) -> None:
    who = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@b"}
    for words in (("init", "-q", "-b", "trunk"), ("add", "."), ("commit", "-q", "-m", "one")):
        subprocess.run(["git", "-C", project, *words], check=True, env={**os.environ, **who})
    program.ok("pack", project, "-t", "x:1")
    shown = program.ok("inspect", "x:1").document
    check("inspect", shown)
    assert (shown["provenance"]["branch"], shown["provenance"]["dirty"]) == ("trunk", False)
    program.ok("pack", project, "-t", "x:2", "--no-provenance")
    assert "provenance" not in program.ok("inspect", "x:2").document


def test_pack_raw_then_the_layer_is_the_file(program: Program, project: Path) -> None:
    packed = program.ok("pack", project, "--layer-format", "raw", "--output", "json").document
    assert packed["layers"][0]["size"] == 1


def test_pack_dry_run_then_layers_and_files_are_listed_and_nothing_is_written(program: Program, project: Path) -> None:
    ran = program.ok("pack", project, "-t", "x:1", "--dry-run")
    assert ran.lines == [
        "code a.py: 1 files, 2.0 KiB, application/vnd.kitops.modelkit.code.v1.tar",
        "  a.py  1 B",
        "Would pack 1 layers, 2.0 KiB",
    ]
    assert program.ok("pack", project, "--dry-run", "--quiet").lines == ["a.py"]
    assert not program.home.exists()


def test_pack_dry_run_gives_the_sizes_that_pack_gives(program: Program, project: Path) -> None:
    planned = program.ok("pack", project, "--dry-run", "--output", "json").document
    packed = program.ok("pack", project, "--output", "json").document
    assert planned["size"] == packed["size"]
    assert planned["layers"][0]["contents"] == [{"path": "a.py", "size": 1}]


def test_pack_dry_run_of_what_cannot_be_packed_then_it_fails_as_pack_does(program: Program, project: Path) -> None:
    (project / "a.py").unlink()
    assert program("pack", project, "--dry-run").complaint == program("pack", project).complaint


def test_pack_names_with_control_characters_then_they_come_back_and_each_takes_one_line(
    program: Program, tmp_path: Path
) -> None:
    root = tmp_path / "odd"
    (root / "src").mkdir(parents=True)
    names = ["a\nb", "\x1b[31mred", "tab\t", "é\u202e"]
    for name in names:
        (root / "src" / name).write_text(name)
    (root / "Kitfile").write_text(KITFILE.replace("a.py", "src"))
    listed = program.ok("pack", root, "--dry-run").lines
    assert listed[1:-1] == ["  src/\\x1b[31mred  8 B", "  src/a\\nb  3 B", "  src/tab\\t  4 B", "  src/é\\u202e  5 B"]
    program.ok("pack", root, "-t", "odd:1")
    program.ok("unpack", "odd:1", "-d", tmp_path / "out", "--any-names")
    assert {path.name: path.read_text() for path in (tmp_path / "out" / "src").iterdir()} == {n: n for n in names}


@pytest.mark.parametrize("flags", [(), ("--dry-run",), ("--push", "-t", "127.0.0.1:1/x:1")], ids=["", "dry", "push"])
def test_pack_a_name_that_is_not_utf8_then_it_is_named_before_anything_is_read_or_sent(
    program: Program, project: Path, flags: tuple[str, ...]
) -> None:
    (project / "src").mkdir()
    Path(os.fsdecode(os.fsencode(project / "src") + b"/\xff")).write_text("x")
    (project / "Kitfile").write_text(KITFILE.replace("a.py", "src"))
    ran = program("pack", project, *flags)
    assert ran.complaint == "'src/\\\\xff': the name is not UTF-8; rename the file"
    assert not list(program.home.rglob("sha256-*"))
