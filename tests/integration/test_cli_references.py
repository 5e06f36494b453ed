"""Kits that refer to other kits, with the real program and a real hub."""

import json
from pathlib import Path

import pytest

from support.cli import HubProgram, Program
from support.projects import contents, write_files

BASE = "manifestVersion: 1.0.0\nmodel:\n  name: base\n  path: model.bin\n"
CHILD = "manifestVersion: 1.0.0\nmodel:\n  path: {0}\ncode:\n  - path: src\n"


def project(directory: Path, parent: str) -> Path:
    return write_files(directory, {"Kitfile": CHILD.format(parent), "src/a.py": "a"})


def push_base(program: Program, directory: Path, reference: str, weights: str) -> str:
    digest = program.digest("pack", write_files(directory, {"Kitfile": BASE, "model.bin": weights}), "-t", reference)
    program.ok("push", reference)
    return digest


@pytest.fixture
def other(tmp_path: Path) -> Program:
    return Program(tmp_path / "other")


def test_pack_push_pull_unpack_a_kit_whose_parent_is_in_the_registry(
    hub: HubProgram, program: Program, other: Program, tmp_path: Path
) -> None:
    base, child = f"{hub.host}/refs/base:v1", f"{hub.host}/refs/child:v1"
    digest = push_base(program, tmp_path / "base", base, "weights")
    other.ok("pack", project(tmp_path / "child", base), "-t", child)
    other.ok("push", child)
    puller = Program(tmp_path / "puller")
    pulled = puller.ok("pull", child, "--output", "json").document
    assert pulled["referenced"] == [f"{hub.host}/refs/base@{digest}"]
    listed = {(one["repo"], *one["tags"]) for one in puller.ok("list", "--output", "json").document}
    assert listed == {(f"{hub.host}/refs/base", "v1"), (f"{hub.host}/refs/child", "v1")}
    unpacked = puller.ok("unpack", child, "-d", tmp_path / "out")
    assert f"Unpacked referenced modelkit {base}" in unpacked.stderr
    assert (tmp_path / "out/model.bin").read_text() == "weights"
    assert (tmp_path / "out/Kitfile.lock").read_bytes() == (tmp_path / "child/Kitfile.lock").read_bytes()


def test_a_tag_that_moves_then_the_kit_stays_what_it_was(
    hub: HubProgram, program: Program, other: Program, tmp_path: Path
) -> None:
    base, child = f"{hub.host}/moving/base:v1", f"{hub.host}/moving/child:v1"
    first = push_base(program, tmp_path / "base", base, "first")
    version = other.digest("pack", project(tmp_path / "child", base), "-t", child)
    other.ok("push", child)
    push_base(program, tmp_path / "base", base, "second")
    fresh = Program(tmp_path / "fresh")
    fresh.ok("unpack", child, "-d", tmp_path / "out")
    assert (tmp_path / "out/model.bin").read_text() == "first"
    # Next year, elsewhere: the lock came along with the Kitfile, and the same version comes of it.
    rebuilt = fresh.digest("pack", tmp_path / "child", "-t", child, "--locked")
    assert rebuilt == version
    fresh.ok("pull", child)
    names = {(one["repo"], *one["tags"]) for one in fresh.ok("list", "--output", "json").document}
    assert (f"{hub.host}/moving/base",) in names  # the tag means another version now
    assert fresh.digest("pack", tmp_path / "child", "-t", child, "--update-lock") != version
    lock = json.loads((tmp_path / "child/Kitfile.lock").read_text())
    assert lock["kits"][base] != first


def test_pack_locked_without_a_lock_then_it_says_what_to_do(program: Program, tmp_path: Path) -> None:
    program.ok("pack", write_files(tmp_path / "base", {"Kitfile": BASE, "model.bin": "x"}), "-t", "base:v1")
    child = project(tmp_path / "child", "base:v1")
    refused = program("pack", child, "--locked")
    assert (refused.code, "Kitfile.lock is not there; pack once without --locked" in refused.complaint) == (8, True)
    program.ok("pack", child)
    program.ok("pack", child, "--locked")
    program.ok("pack", project(child, "base:v1,v2"), "-t", "x:y")


def test_pack_with_a_broken_lock_then_it_is_named(program: Program, tmp_path: Path) -> None:
    program.ok("pack", write_files(tmp_path / "base", {"Kitfile": BASE, "model.bin": "x"}), "-t", "base:v1")
    child = project(tmp_path / "child", "base:v1")
    (child / "Kitfile.lock").write_text('{"version": 1, "kit": {}}')
    assert "Kitfile.lock" in program("pack", child).complaint


def test_pack_a_lock_is_no_content(program: Program, tmp_path: Path) -> None:
    program.ok("pack", write_files(tmp_path / "base", {"Kitfile": BASE, "model.bin": "x"}), "-t", "base:v1")
    child = write_files(tmp_path / "child", {"Kitfile": CHILD.format("base:v1").replace("src", "."), "a.py": "a"})
    first = program.digest("pack", child, "-t", "child:v1")
    assert program.digest("pack", child, "-t", "child:v1") == first
    program.ok("unpack", "child:v1", "-f", "code", "-d", tmp_path / "out")
    assert set(contents(tmp_path / "out")) == {"a.py"}


def test_storage_that_cannot_be_reached_is_one_error_with_the_next_step(program: Program, tmp_path: Path) -> None:
    entry = "datasets:\n  - path: x.csv\n    remotePath: s3://data/x.csv\n    remoteHash: abc\n"
    write_files(tmp_path / "far", {"Kitfile": f"manifestVersion: 1.0.0\n{entry}"})
    ran = Program(program.home, environ={"S3_API_ENDPOINT": "http://127.0.0.1:1"})("pack", tmp_path / "far")
    assert (ran.code, "check $S3_API_ENDPOINT" in ran.complaint) == (5, True), ran


def test_lock_that_cannot_be_written_then_nothing_is_tagged(program: Program, tmp_path: Path) -> None:
    program.ok("pack", write_files(tmp_path / "base", {"Kitfile": BASE, "model.bin": "w"}), "-t", "base:v1")
    child = project(tmp_path / "child", "base:v1")
    file = "/proc/self/fd/0"  # nothing can stand beside it
    ran = program("pack", child, "-f", file, "-t", "child:v1", stdin=CHILD.format("base:v1"))
    assert (ran.code, "0.lock: cannot be written" in ran.complaint) == (9, True), ran
    assert "child:v1" not in program.ok("list", "-q").lines
