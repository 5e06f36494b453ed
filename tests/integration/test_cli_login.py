"""Logging in and out, against a registry that asks for it."""

import base64
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import Program
from support.registries import PASSWORD, USER, Running, docker_registry
from support.terminal import talk

pytestmark = pytest.mark.peer("docker-registry")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with docker_registry(tmp_path_factory.mktemp("guarded"), htpasswd=True) as running:
        yield running


def test_login_then_push_and_pull_work_and_logout_forgets(program: Program, project: Path, guarded: Running) -> None:
    reference = f"{guarded.host}/team/tiny:v1"
    digest = program.digest("pack", project, "-t", reference)
    refused = program("push", reference)
    assert refused.code == 4
    assert refused.complaint.endswith(f"{guarded.host}: login required; run: orchard login {guarded.host}")

    ran = program.ok("login", guarded.host, "-u", USER, "--password-stdin", stdin=PASSWORD + "\n")
    assert (ran.stdout, ran.stderr) == ("Log in successful\n", "")
    credentials = program.home / "credentials.json"
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    assert guarded.host in json.loads(credentials.read_text())["auths"]
    assert program.digest("push", reference) == digest
    assert program.digest("pull", reference) == digest

    assert program.ok("logout", guarded.host).stdout == f"Successfully logged out from {guarded.host}\n"
    assert program("pull", reference).code == 4
    again = program.ok("logout", guarded.host)
    assert again.stderr == f"{guarded.host}: nobody was logged in\n"


def test_login_with_a_wrong_password_fails_and_stores_nothing(program: Program, guarded: Running) -> None:
    ran = program("login", guarded.host, "-u", USER, "--password-stdin", stdin="canary-wrong")
    assert ran.code == 4
    assert f"{guarded.host}: refused this login" in ran.complaint
    assert "canary" not in ran.stderr
    assert not (program.home / "credentials.json").exists()


def test_login_on_a_terminal_asks_and_does_not_show_the_password(program: Program, guarded: Running) -> None:
    ran = talk(program, {"Username: ": USER, "Password: ": PASSWORD}, "login", guarded.host)
    assert ran.code == 0, ran
    assert ran.stdout == f"Username: {USER}\nPassword: \nLog in successful\n"


def test_password_on_the_command_line_works_with_a_warning(program: Program, guarded: Running) -> None:
    ran = program.ok("login", guarded.host, "--username", USER, "--password", PASSWORD)
    assert ran.stderr.startswith("[WARN] a password on the command line")
    assert PASSWORD not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("flags", "stdin", "hint"),
    [
        (["-u", "a", "--password-stdin"], "", "stdin was empty"),
        (["-u", "a", "-p", "b", "--password-stdin"], "c", "contradict"),
        (["-u", "a"], "", "--password-stdin"),
    ],
    ids=["empty", "both", "no-terminal"],
)
def test_login_without_a_usable_password_is_a_usage_error(
    program: Program, flags: list[str], stdin: str, hint: str
) -> None:
    ran = program("login", "registry.example.com", *flags, stdin=stdin)
    assert ran.code == 2
    assert hint in ran.complaint


def test_credentials_of_docker_are_used(program: Program, project: Path, guarded: Running, tmp_path: Path) -> None:
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    auth = {"auths": {guarded.host: {"auth": basic}}}
    (tmp_path / "config.json").write_text(json.dumps(auth))
    docker = Program(program.home, environ={"DOCKER_CONFIG": str(tmp_path)})
    docker.ok("pack", project, "-t", f"{guarded.host}/docker/tiny:v1")
    docker.ok("push", f"{guarded.host}/docker/tiny:v1")


def test_no_secret_is_ever_printed(program: Program, guarded: Running) -> None:
    program.ok("login", guarded.host, "-u", USER, "--password-stdin", stdin=PASSWORD)
    ran = program("list", f"{guarded.host}/nothing/here", "-vvv")
    assert ran.code == 3
    assert PASSWORD not in ran.stderr
    assert "Authorization" not in ran.stderr or "Basic" not in ran.stderr
