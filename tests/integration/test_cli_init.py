"""``orchard init``: where it looks, where it writes, and what it says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchard.formats import parse_kitfile
from support.cli import Program
from support.hfserver import TOKEN, HubServer
from support.projects import write_files

FILES = {"README.md": b"# x\n", "config.json": b"{}", "model.safetensors": b"weights " * 3000, "src/a.py": b"1"}


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as running:
        running.model("Org/Tiny", FILES, card={"license": "apache-2.0"})
        yield running


@pytest.fixture
def remote(hub: HubServer, tmp_path: Path) -> Program:
    return Program(tmp_path / "home", environ={"HF_ENDPOINT": hub.url})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_files(tmp_path / "project", {"a.onnx": "x", "data/t.csv": "t", "data/more/u.csv": "u"})


def test_init_remote_lists_and_downloads_nothing(remote: Program, hub: HubServer, tmp_path: Path) -> None:
    ran = remote.ok("init", "--remote", "Org/Tiny", "--output", "-", cwd=tmp_path)
    kitfile = parse_kitfile(ran.stdout.encode())
    assert kitfile.package.name == "Tiny"
    assert kitfile.package.authors == ("Org",)
    assert kitfile.model is not None
    assert (kitfile.model.path, kitfile.model.license) == ("model.safetensors", "Apache-2.0")
    assert hub.paths("/resolve/") == []
    assert not (tmp_path / "Kitfile").exists()


def test_init_remote_writes_where_the_user_stands(remote: Program, hub: HubServer, tmp_path: Path) -> None:
    hub.models["Org/Tiny"].commit({"old.onnx": b"x"}, "v1")
    told = remote.ok(
        "init", "--remote", f"{hub.url}/Org/Tiny", "--ref", "v1", "--name", "mine", "--output", "json", cwd=tmp_path
    ).document
    assert told["path"] == "Kitfile"
    assert told["kitfile"]["model"]["path"] == "old.onnx"
    assert parse_kitfile((tmp_path / "Kitfile").read_bytes()).package.name == "mine"
    assert remote("init", "--remote", "Org/Tiny", cwd=tmp_path).code == 8


def test_init_remote_of_a_private_repository_needs_a_token(remote: Program, hub: HubServer) -> None:
    hub.models["Org/Tiny"].private = True
    assert remote("init", "--remote", "Org/Tiny", "-o", "-").code == 3
    remote.ok("init", "--remote", "Org/Tiny", "-o", "-", "--token", TOKEN)


def test_init_remote_of_a_gated_skill_says_what_can_be_seen(remote: Program, hub: HubServer) -> None:
    hub.model("Org/Skill", {"SKILL.md": b"---\nname: secret\n---\n"}, gated=True)
    kitfile = parse_kitfile(remote.ok("init", "--remote", "Org/Skill", "-o", "-").stdout.encode())
    assert [(prompt.name, prompt.path) for prompt in kitfile.prompts] == [("", ".")]


@pytest.mark.parametrize("words", [["-o", "Other"], ["--output", "Other"], ["--output=Other"]])
def test_init_writes_to_the_file_that_is_named(program: Program, project: Path, words: list[str]) -> None:
    ran = program.ok("init", ".", *words, cwd=project)
    assert ran.lines[-1] == "Saved to path 'Other'"
    assert parse_kitfile((project / "Other").read_bytes()).model is not None
    assert program("init", ".", *words, cwd=project).code == 8
    program.ok("init", ".", *words, "--force", cwd=project)
    assert not (project / "Kitfile").exists()


def test_init_to_stdout_writes_the_kitfile_alone(program: Program, project: Path) -> None:
    text = program.ok("init", project, "-o", "-").stdout
    assert text.startswith("manifestVersion: 1.0.0\n")
    assert not text.endswith("\n\n")
    assert program.ok("init", project, "-o", "-", "--output", "json").document["path"] is None


@pytest.mark.parametrize(("depth", "paths"), [("0", ["data/"]), ("1", ["data/t.csv", "data/more/"])])
def test_init_with_depth_lists_files(program: Program, project: Path, depth: str, paths: list[str]) -> None:
    kitfile = program.ok("init", project, "--depth", depth, "--output", "json").document["kitfile"]
    found = [entry["path"] for key in ("datasets", "code") for entry in kitfile.get(key, [])]
    assert found == paths
    program.ok("pack", project)


@pytest.mark.parametrize("words", [["--ref", "x"], ["--token", "x"]])
def test_init_refuses_what_is_for_remote(program: Program, project: Path, words: list[str]) -> None:
    ran = program("init", project, *words)
    assert (ran.code, ran.complaint) == (2, "--ref and --token are for --remote")


def test_init_with_a_link_that_leads_back_ends(program: Program, project: Path) -> None:
    (project / "data/loop").symlink_to("..")
    program.ok("init", project, "--depth", "20")
