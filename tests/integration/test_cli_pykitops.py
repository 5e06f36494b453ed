"""pykitops 1.5 drives a program called `kit`; these are exactly the command lines that it builds."""

import json
import subprocess
from pathlib import Path

import pytest

from support.cli import PROGRAMS, HubProgram, Program
from support.projects import contents, make_project, write_files
from support.registries import PASSWORD, USER, docker_registry


class Wrapper:
    """Calls the program as pykitops does: by name, found on PATH, and every exit code but 0 is an exception."""

    def __init__(self, home: Path) -> None:
        self._environ = {**Program(home).variables, "PATH": f"{PROGRAMS}:/usr/bin:/bin"}

    def __call__(self, *words: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            ["kit", *words], input=stdin, env=self._environ, check=True, text=True, capture_output=True, timeout=60
        )
        return done.stdout


@pytest.fixture
def kit(tmp_path: Path) -> Wrapper:
    return Wrapper(tmp_path / "home")


def test_pykitops_packs_pushes_pulls_and_unpacks(kit: Wrapper, hub: HubProgram, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    reference = f"{hub.host}/pykitops/tiny:v1"
    kit("pack", str(project), "--tag", reference)
    kit("push", reference, "--plain-http")
    kit("pull", reference, "--plain-http", "--tls-verify", "--concurrency", "2", "--log-level", "debug")
    kit("unpack", "--dir", str(tmp_path / "there"), reference, "--plain-http")
    assert contents(tmp_path / "there") == contents(project)
    kit("unpack", "--dir", str(tmp_path / "part"), reference, "--filter", "model", "--filter", "kitfile", "--overwrite")
    assert (tmp_path / "part/model/weights.bin").is_file()
    assert not (tmp_path / "part/src").exists()
    kit("remove", reference, "--remote", "--plain-http")
    kit("remove", reference, "--force")
    assert json.loads(kit("list", "--format", "json")) == []


def test_pykitops_reads_json_and_yaml_from_a_clean_stdout(kit: Wrapper, hub: HubProgram, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    reference = f"{hub.host}/pykitops/read:v1"
    kit("pack", str(project), "--tag", reference, "--compression", "gzip", "--file", str(project / "Kitfile"))
    kit("push", reference, "--plain-http", "-vvv")
    local = json.loads(kit("inspect", reference, "-v", "--progress", "plain"))
    remote = json.loads(kit("inspect", reference, "--remote", "--plain-http", "-vv"))
    assert local == remote
    lines = kit("info", reference, "--remote", "--plain-http").splitlines()
    assert lines[0].startswith("manifestVersion:")
    assert all(":" in line or line.lstrip().startswith("-") for line in lines)
    assert kit("info", reference, "--filter", "package").startswith("name: tiny\n")
    assert reference.rpartition(":")[0] in kit("list", reference.rpartition(":")[0], "--plain-http")
    assert kit("tag", reference, "renamed:v2").startswith("Modelkit ")
    assert "renamed" in kit("list")
    assert kit("version").startswith("Version: ")


def test_pykitops_writes_a_kitfile_and_opens_it(kit: Wrapper, tmp_path: Path) -> None:
    write_files(tmp_path / "new", {"model.onnx": "x"})
    kit("init", str(tmp_path / "new"), "--name", "fresh", "--desc", " ", "--author", " ")
    assert "fresh" in (tmp_path / "new/Kitfile").read_text()
    kit("init", str(tmp_path / "new"), "--name", "again", "--desc", " ", "--author", " ", "--force")
    assert "again" in (tmp_path / "new/Kitfile").read_text()


@pytest.mark.peer("docker-registry")
def test_pykitops_logs_in_with_the_password_on_stdin(kit: Wrapper, tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    with docker_registry(tmp_path / "registry", htpasswd=True) as registry:
        login = ("login", registry.host, "--username", USER, "--password-stdin", "--plain-http")
        kit(*login, stdin=PASSWORD)
        kit("logout", registry.host)
        with pytest.raises(subprocess.CalledProcessError, match="exit status 4"):
            kit(*login, stdin="wrong")


def test_pykitops_gets_an_exception_when_something_fails(kit: Wrapper) -> None:
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        kit("unpack", "--dir", ".", "nothing:v1")
