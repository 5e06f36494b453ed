"""`remove` of several names, and of tags in registries that can and cannot remove a tag alone."""

from pathlib import Path

import pytest

from support.cli import HubProgram, Program
from support.registries import Running


def test_remove_of_several_tags_takes_all_or_none(program: Program, project: Path) -> None:
    program.ok("pack", project, "-t", "tiny:v1,v2,v3")
    assert program("remove", "tiny:v1,nothing,v2").code == 3
    assert program.ok("list", "-q").lines == ["tiny:v1", "tiny:v2", "tiny:v3"]
    assert len(program.ok("remove", "tiny:v1,v2").lines) == 2
    assert program.ok("list", "-q").lines == ["tiny:v3"]


def test_remove_of_several_tags_by_force_takes_the_version_once(program: Program, project: Path) -> None:
    program.ok("pack", project, "-t", "tiny:v1,v2,v3")
    removed = program.ok("remove", "--force", "tiny:v1,v2", "--output", "json").document
    assert [sorted(one["tags"]) for one in removed] == [["v1", "v2", "v3"], []]
    assert program.ok("list", "-q").stdout == ""


@pytest.mark.parametrize(
    "arguments", [["--all", "--remote"], ["tiny", "--all"], [], ["--remote"], ["--remote", "tiny:v1"]]
)
def test_remove_of_nothing_in_particular_is_a_usage_error(program: Program, arguments: list[str]) -> None:
    assert program("remove", *arguments).code == 2


def test_remove_of_tags_of_a_hub_leaves_the_others(program: Program, project: Path, hub: HubProgram) -> None:
    name = f"{hub.host}/remove/tiny"
    digest = program.digest("pack", project, "-t", f"{name}:v1")
    program.ok("push", f"{name}:v1", f"{name}:v1,v2,v3")
    ran = program.ok("remove", "--remote", f"{name}:v1,v2")
    assert ran.lines == [f"Removed {name}:v1 (digest {digest})", f"Removed {name}:v2 (digest {digest})"]
    assert program.ok("list", "-q", name).lines == [f"{name}:v3"]
    program.ok("remove", "--remote", f"{name}@{digest}")
    assert program("inspect", "-r", f"{name}:v3").code == 3


@pytest.mark.peer("docker-registry")
def test_remove_of_the_only_tag_of_a_registry_without_untagging_takes_the_version(
    program: Program, project: Path, registry: Running
) -> None:
    name = f"{registry.host}/remove/tiny"
    program.ok("pack", project, "-t", f"{name}:v1")
    program.ok("push", f"{name}:v1", f"{name}:v1,v2")
    failed = program("remove", "--remote", f"{name}:v1")
    assert failed.code == 5
    assert "does not support untagging, and v2 name the same version; use --force" in failed.complaint
    program.ok("remove", "--remote", "--force", f"{name}:v1")
    assert program("inspect", "-r", f"{name}:v2").code == 3
    program.ok("push", f"{name}:v1")
    program.ok("remove", "--remote", f"{name}:v1")
    assert program("inspect", "-r", f"{name}:v1").code == 3
