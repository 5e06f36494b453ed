"""Many processes share one home: nobody waits for nothing, nobody loses anything."""

from pathlib import Path

from orchard.store import Layout
from support.cli import PATIENCE, HubProgram, Program
from support.projects import contents, make_blob_project, make_project

PROCESSES = 4


def test_processes_pack_and_sweep_at_the_same_time(program: Program, tmp_path: Path) -> None:
    projects = [make_project(tmp_path / f"p{number}", name=f"p{number}", seed=number) for number in range(PROCESSES)]
    expected = [Program(tmp_path / "alone").digest("pack", project) for project in projects]
    running = [program.start("pack", project, "-t", f"p{number}:v1") for number, project in enumerate(projects)]
    running += [program.start("remove", "--all") for _ in range(2)]
    assert [process.wait(PATIENCE) for process in running] == [0] * len(running)
    layout = Layout(program.home / "layout")
    assert list(layout.verify()) == []
    assert [str(layout.repository(f"localhost/p{n}").resolve("v1").digest) for n in range(PROCESSES)] == expected


def test_processes_pull_the_same_version_at_the_same_time(program: Program, tmp_path: Path, hub: HubProgram) -> None:
    project = make_blob_project(tmp_path / "project", 8_000_000, 100_000)
    name = f"{hub.host}/sharing/blobs:v1"
    program.ok("pack", project, "-t", name)
    program.ok("push", name)
    other = Program(tmp_path / "other")
    running = [other.start("pull", name) for _ in range(PROCESSES)]
    assert [process.wait(PATIENCE) for process in running] == [0] * PROCESSES
    assert list(Layout(other.home / "layout").verify()) == []
    assert list((other.home / "layout/ingest").iterdir()) == []
    other.ok("unpack", name, "-d", tmp_path / "there")
    assert contents(tmp_path / "there") == contents(project)


def test_processes_that_unpack_into_one_directory_leave_a_whole_tree_or_nothing(
    program: Program, project: Path, tmp_path: Path
) -> None:
    program.ok("pack", project, "-t", "tiny:v1")
    there = tmp_path / "there"
    running = [program.start("unpack", "tiny:v1", "-d", there) for _ in range(PROCESSES)]
    codes = {process.wait(PATIENCE) for process in running}
    assert codes <= {0, 8, 9}
    assert (contents(there) if there.exists() else {}) == (contents(project) if 0 in codes else {})
