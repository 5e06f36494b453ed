"""Disks that are full: one line, exit code 9, and nothing half-done; with space, the same command works."""

import os
import re
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchard.store import Layout
from support.cli import HubProgram, Program
from support.projects import contents, make_blob_project

MIB = 1 << 20
SIZES = (3 * MIB, 3 * MIB)
SMALL = 2 * MIB  # less than a layer, more than what a measurement of coverage writes


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_blob_project(tmp_path_factory.mktemp("big"), *SIZES)


@pytest.fixture(scope="module")
def pushed(big: Path, hub: HubProgram, tmp_path_factory: pytest.TempPathFactory) -> tuple[Program, str]:
    """A home that holds the project under its name in the hub, where it is too."""
    program = Program(tmp_path_factory.mktemp("home"))
    reference = f"{hub.host}/disk/big:v1"
    program.ok("pack", big, "-t", reference)
    program.ok("push", reference)
    return program, reference


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def _limit_files() -> None:
    """Let no file grow beyond a size, as a spent quota does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL))


def assert_full(
    program: Program, *arguments: str | Path, before: Callable[[], None] | None = None, layout: Path | None = None
) -> None:
    ran = program(*arguments, before=before)
    assert ran.code == 9, ran
    assert ran.stdout == ""
    assert "disk full" in ran.complaint
    assert "free some space" in ran.complaint or "are needed" in ran.complaint
    store = Layout(program.home / "layout")
    assert list(store.verify()) == []
    if layout is None:
        assert store.entries() == []


def test_pack_pull_and_unpack_on_a_small_file_system_fail_cleanly(
    pushed: tuple[Program, str], big: Path, small_disk: Path
) -> None:
    full, reference = pushed
    program = Program(small_disk / "home")
    assert_full(program, "pack", big, "-t", "big:v1")
    assert_full(program, "pull", reference)
    for source in (program, full):
        ran = source("unpack", reference, "-d", small_disk / "there")
        assert ran.code == 9, ran
        assert "disk full" in ran.complaint
        assert not (small_disk / "there").exists()
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    program.ok("pack", big, "-t", "big:v1")
    program.ok("pull", reference)
    program.ok("unpack", reference, "-d", small_disk / "there")
    assert contents(small_disk / "there") == contents(big)


def test_pack_and_pull_with_a_limit_on_files_fail_cleanly(
    pushed: tuple[Program, str], big: Path, tmp_path: Path
) -> None:
    _, reference = pushed
    program = Program(tmp_path / "home")
    assert_full(program, "pack", big, "-t", "big:v1", before=_limit_files)
    assert_full(program, "pull", reference, before=_limit_files)
    program.ok("pack", big, "-t", "big:v1")
    program.ok("pull", reference)


def test_unpack_with_a_limit_on_files_leaves_the_directory_as_it_was(
    pushed: tuple[Program, str], big: Path, tmp_path: Path
) -> None:
    program, reference = pushed
    (tmp_path / "there").mkdir()
    (tmp_path / "there/d0.bin").write_bytes(b"mine")
    ran = program("unpack", reference, "-d", tmp_path / "there", "--overwrite", before=_limit_files)
    assert ran.code == 9, ran
    assert re.search(r"d[01]\.bin.*too large", ran.complaint)
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["d0.bin"]
    assert (tmp_path / "there/d0.bin").read_bytes() == b"mine"
    program.ok("unpack", reference, "-d", tmp_path / "there", "--overwrite")
    assert contents(tmp_path / "there") == contents(big)


def test_hub_on_a_full_disk_refuses_and_goes_on(big: Path, project: Path, tmp_path: Path, small_disk: Path) -> None:
    program = Program(tmp_path / "home")
    with HubProgram(small_disk) as hub:
        program.ok("pack", big, "-t", f"{hub.host}/x/big:v1")
        program.ok("pack", project, "-t", f"{hub.host}/x/tiny:v1")
        ran = program("push", f"{hub.host}/x/big:v1")
        assert ran.code == 5, ran
        assert hub.host in ran.complaint
        assert program("inspect", "--remote", f"{hub.host}/x/big:v1").code == 3
        program.ok("push", f"{hub.host}/x/tiny:v1")
        program.ok("inspect", "--remote", f"{hub.host}/x/tiny:v1")
