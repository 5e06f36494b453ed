"""Clients of registries and what they may: robots, public repositories, refusals, ours and KitOps' own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchard.hub.access import Mandate, Name, People, Visibility, Wanted
from orchard.hub.db.sqlite import open_sqlite
from support.cli import HubProgram, Program
from support.hubinside import CATALOG
from support.peers import attempt, call
from support.projects import contents, write_files

PASSWORD = "correct horse: battery staple"
PLAIN = "--plain-http"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProgram]:
    environ = {"ORCHARD_ADMIN_PASSWORD": PASSWORD}
    with HubProgram(tmp_path_factory.mktemp("hub"), "--login", "required", environ=environ) as hub:
        yield hub


@pytest.fixture(scope="module")
def robot(hub: HubProgram) -> str:
    """A robot of the namespace ``bots``, made by another process while the hub runs; what it pushes is public."""
    database = open_sqlite(hub.data / CATALOG)
    found = People.of(database, lambda: 1_700_000_000.0)
    found.namespaces.create(Mandate.operator(), Name("bots"), visibility=Visibility.PUBLIC)
    wanted = Wanted(name="ci", scopes=frozenset(("pull", "push")))
    secret = found.tokens.create_robot(Mandate.operator(), "bots", wanted)[1]
    database.close()
    return secret


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_files(tmp_path / "files", {"a.txt": "a", "b.txt": "b" * 100_000})
    return tmp_path / "files"


def test_our_own_program_logs_in_pushes_and_pulls(hub: HubProgram, files: Path, tmp_path: Path) -> None:
    write_files(files, {"Kitfile": "manifestVersion: 1.0.0\npackage:\n  name: kit\ncode:\n  - path: .\n"})
    orchard = Program(tmp_path / "home", environ={"DOCKER_CONFIG": str(tmp_path / "docker")})
    reference = f"{hub.host}/admin/kit:v1"
    orchard.ok("pack", files, "--tag", reference)
    assert orchard("push", reference).code == 4
    orchard.ok("login", hub.host, "--username", "admin", "--password-stdin", stdin=PASSWORD)
    orchard.ok("push", reference)
    assert orchard.ok("search", "--hub", hub.host, "kit", "--quiet").lines == [reference]
    assert Program(tmp_path / "stranger")("search", "--hub", hub.host, "kit").code == 4
    other = Program(tmp_path / "other", environ=orchard.environ)
    other.ok("login", hub.host, "--username", "admin", "--password-stdin", stdin=PASSWORD)
    other.ok("unpack", reference, "--dir", tmp_path / "back")
    assert (tmp_path / "back/b.txt").read_text() == (files / "b.txt").read_text()


@pytest.mark.peer("oras")
def test_oras_pushes_with_a_robot_and_everybody_pulls(hub: HubProgram, robot: str, files: Path, tmp_path: Path) -> None:
    config, nobody = tmp_path / "config.json", tmp_path / "nobody.json"
    login = ("oras", "login", PLAIN, "--registry-config", config, hub.host, "-u", "ci")
    assert attempt(*login, "-p", robot[:-1] + "x").returncode == 1
    call(*login, "-p", robot)
    reference = f"{hub.host}/bots/files:v1"
    call("oras", "push", PLAIN, "--registry-config", config, reference, "a.txt", "b.txt", cwd=files)
    refused = attempt("oras", "push", PLAIN, "--registry-config", config, f"{hub.host}/admin/x:v1", "a.txt", cwd=files)
    assert refused.returncode == 1
    call("oras", "pull", PLAIN, "--registry-config", nobody, "-o", tmp_path / "back", reference)
    assert contents(tmp_path / "back") == contents(files)
    assert attempt("oras", "push", PLAIN, "--registry-config", nobody, reference, "a.txt", cwd=files).returncode == 1


@pytest.mark.peer("skopeo", "oras")
def test_skopeo_copies_lists_and_deletes(hub: HubProgram, files: Path, tmp_path: Path) -> None:
    plain = "--tls-verify=false"
    login = ("-u", "admin", "-p", PASSWORD)
    environ = {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}
    reference = f"{hub.host}/admin/copied"
    call("oras", "push", "--oci-layout", f"{tmp_path}/layout:v1", "a.txt", cwd=files)
    first, second = f"docker://{reference}:v1", f"docker://{reference}2:v1"
    push = ("skopeo", "copy", "--dest-tls-verify=false", f"oci:{tmp_path}/layout:v1", first)
    assert attempt(*push, environ=environ).returncode == 1
    assert attempt("skopeo", "login", plain, "-u", "admin", "-p", "guess", hub.host, environ=environ).returncode == 1
    call("skopeo", "login", plain, *login, hub.host, environ=environ)
    call(*push, environ=environ)
    call("skopeo", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", first, second, environ=environ)
    listed = call("skopeo", "list-tags", plain, f"docker://{reference}2", environ=environ)
    assert json.loads(listed)["Tags"] == ["v1"]
    call("skopeo", "delete", plain, second, environ=environ)
    assert attempt("skopeo", "inspect", "--raw", plain, second, environ=environ).returncode != 0


@pytest.mark.peer("crane", "oras")
def test_crane_lists_what_it_may_see(hub: HubProgram, robot: str, files: Path, tmp_path: Path) -> None:
    environ = {"DOCKER_CONFIG": str(tmp_path)}
    call("crane", "auth", "login", "--insecure", hub.host, "-u", "x", "-p", robot, environ=environ)
    call(
        "oras",
        "push",
        PLAIN,
        "--registry-config",
        tmp_path / "config.json",
        f"{hub.host}/bots/crane:v1",
        "a.txt",
        cwd=files,
    )
    assert "bots/crane" in call("crane", "catalog", "--insecure", hub.host, environ=environ).split()
    assert call("crane", "ls", "--insecure", f"{hub.host}/bots/crane", environ=environ).split() == ["v1"]
    call("crane", "copy", "--insecure", f"{hub.host}/bots/crane:v1", f"{hub.host}/bots/crane2:v1", environ=environ)


@pytest.mark.peer("kit")
def test_kit_logs_in_pushes_and_pulls(hub: HubProgram, files: Path, tmp_path: Path) -> None:
    write_files(files, {"Kitfile": "manifestVersion: 1.0.0\npackage:\n  name: kit\ncode:\n  - path: .\n"})
    environ = {"KITOPS_HOME": str(tmp_path / "kit")}
    reference = f"{hub.host}/admin/by-kit:v1"
    call("kit", "pack", files, "-t", reference, environ=environ)
    call("kit", "login", "--plain-http", hub.host, "-u", "admin", "-p", PASSWORD, environ=environ)
    call("kit", "push", "--plain-http", reference, environ=environ)
    call("kit", "pull", "--plain-http", reference, environ={"KITOPS_HOME": str(tmp_path / "kit")})
