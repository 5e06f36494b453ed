"""What commands say of kits that a version needs, where they leave those where they are."""

from pathlib import Path

import pytest

from support.cli import HubProgram, Program
from support.projects import write_files

BASE = "manifestVersion: 1.0.0\nmodel:\n  name: base\n  path: model.bin\n"
CHILD = "manifestVersion: 1.0.0\nmodel:\n  path: {0}\ncode:\n  - path: src\n"


def family(program: Program, directory: Path, base: str, child: str) -> None:
    program.ok("pack", write_files(directory / "base", {"Kitfile": BASE, "model.bin": "weights"}), "-t", base)
    program.ok("pack", write_files(directory / "child", {"Kitfile": CHILD.format(base), "src/a.py": "a"}), "-t", child)


@pytest.fixture
def local(program: Program, tmp_path: Path) -> Program:
    family(program, tmp_path, "base:v1", "child:v1")
    return program


def test_export_names_what_the_file_lacks(local: Program, tmp_path: Path) -> None:
    ran = local.ok("export", "child:v1", "-o", tmp_path / "a.tar")
    assert "[WARN] child@sha256:" in ran.stderr
    assert "needs base:v1, which is not in the file; name it too" in ran.stderr
    assert "[WARN]" not in local.ok("export", "child:v1", "base:v1", "-o", tmp_path / "b.tar").stderr


def test_load_names_what_the_store_lacks(local: Program, tmp_path: Path) -> None:
    there = Program(tmp_path / "there")
    local.ok("export", "child:v1", "-o", tmp_path / "child.tar")
    local.ok("export", "base:v1", "-o", tmp_path / "base.tar")
    assert "needs base:v1, which is not in the local store" in there.ok("load", tmp_path / "child.tar").stderr
    there.ok("load", tmp_path / "base.tar")
    assert "needs" not in there.ok("load", tmp_path / "child.tar").stderr


def test_verify_says_that_the_model_has_to_be_verified_for_itself(local: Program) -> None:
    assert "child:v1 needs base:v1, which has to be verified for itself" in local.ok("verify", "child:v1").stderr
    assert local.ok("verify", "base:v1").stderr == ""


def test_push_of_what_needs_a_local_name_warns(local: Program, hub: HubProgram, tmp_path: Path) -> None:
    warning = "[WARN] base:v1, which the Kitfile names, is in the local store only"
    assert warning in local.ok("push", "child:v1", f"{hub.host}/referred/child:v1").stderr
    packed = local.ok("pack", tmp_path / "child", "-t", f"{hub.host}/referred/child:v2", "--push")
    assert warning in packed.stderr
    assert "[WARN]" not in local.ok("push", "base:v1", f"{hub.host}/referred/base:v1").stderr


def test_copy_says_that_the_model_stays_behind(program: Program, hub: HubProgram, tmp_path: Path) -> None:
    base, child = f"{hub.host}/behind/base:v1", f"{hub.host}/behind/child:v1"
    family(program, tmp_path, base, child)
    pushed = program.ok("push", base), program.ok("push", child)
    assert not any("[WARN]" in ran.stderr for ran in pushed)
    copied = program.ok("copy", child, f"{hub.host}/elsewhere/child")
    assert f"needs {base}, which stays where it is" in copied.stderr


def test_unpack_says_where_the_datasets_of_another_kit_went(program: Program, tmp_path: Path) -> None:
    head = "manifestVersion: 1.0.0\ndatasets:\n  - name: all\n    path: "
    program.ok("pack", write_files(tmp_path / "in", {"Kitfile": f"{head}here.csv\n", "here.csv": "x"}), "-t", "in:v1")
    text = f"{head}data/all\n    remotePath: in:v1\n"
    program.ok("pack", write_files(tmp_path / "out", {"Kitfile": text}), "-t", "out:v1")
    words = ("unpack", "out:v1", "-d", tmp_path / "there", "--include-remote", "--output", "json")
    for done in (program.ok(*words, "--dry-run").document, program.ok(*words).document):
        assert [layer["path"] for layer in done["layers"]] == ["data/all/here.csv"]
    assert (tmp_path / "there/data/all/here.csv").read_text() == "x"
