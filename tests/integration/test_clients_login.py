"""Clients at a hub that wants a login: each gets its tokens in its own way, and pushes."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from support.cli import HubProgram
from support.conformance import PROGRAM, conform
from support.hubs import basic
from support.peers import Storage, attempt, call, containerd
from support.projects import write_files

USER, PASSWORD = "admin", "canary-password"
NAME = "admin/model"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProgram]:
    environ = {"ORCHARD_ADMIN_PASSWORD": PASSWORD}
    with HubProgram(tmp_path_factory.mktemp("guarded"), "--login", "required", environ=environ) as running:
        yield running


# The official program ---------------------------------------------------------------------------------------------


@pytest.mark.peer(PROGRAM)
@pytest.mark.parametrize("version", ["1.1", "dev"])
def test_hub_with_tokens_conforms(guarded: HubProgram, tmp_path: Path, version: str) -> None:
    login = {"OCI_USERNAME": USER, "OCI_PASSWORD": PASSWORD}
    names = {"OCI_REPO1": f"admin/one-{version}", "OCI_REPO2": f"admin/two-{version}"}
    assert conform(guarded.host, tmp_path, version, **login, **names)["passed"] > 600


def test_empty_login_at_the_token_endpoint_is_anybody(guarded: HubProgram) -> None:
    # What the program above sends when it has no login.
    empty = Request(f"http://{guarded.host}/token?service=orchard&scope=repository:{NAME}:pull,push")
    empty.add_header("Authorization", basic("", ""))
    with urlopen(empty) as answer:  # noqa: S310 -- a hub of ours
        token = json.load(answer)["token"]
    push = Request(f"http://{guarded.host}/v2/{NAME}/blobs/uploads/", data=b"", method="POST")
    push.add_header("Authorization", f"Bearer {token}")
    with pytest.raises(HTTPError, match=r"40[13]") as refused:
        urlopen(push)  # noqa: S310 -- as above
    refused.value.close()


# Clients ----------------------------------------------------------------------------------------------------------


@pytest.mark.peer("buildah", "podman")
def test_podman_logs_in_and_pushes(guarded: HubProgram) -> None:
    with tempfile.TemporaryDirectory() as directory:
        storage = Storage(Path(directory))
        auth = f"--authfile={directory}/auth.json"
        container = storage.buildah("from", "scratch")
        name = f"{guarded.host}/admin/podman:v1"
        storage.buildah("commit", "-q", container, name)
        login = ("--tls-verify=false", "-u", USER, "-p", PASSWORD, guarded.host)
        storage.podman("login", auth, *login)
        storage.podman("push", "-q", "--tls-verify=false", auth, name)
        storage.podman("rmi", "-f", name)
        storage.podman("pull", "-q", "--tls-verify=false", auth, name)


@pytest.mark.peer("buildah", "containerd", "ctr")
def test_containerd_pulls_and_pushes_with_a_login(guarded: HubProgram) -> None:
    with tempfile.TemporaryDirectory() as directory:
        storage = Storage(Path(directory))
        name = f"{guarded.host}/admin/containerd"
        storage.buildah("commit", "-q", storage.buildah("from", "scratch"), "made")
        storage.buildah("push", "-q", "--tls-verify=false", f"--creds={USER}:{PASSWORD}", "made", f"docker://{name}:v1")
        with containerd(Path(directory)) as address:
            ctr = ("ctr", "-a", address, "images")
            login = ("--plain-http", "--user", f"{USER}:{PASSWORD}")
            call(*ctr, "pull", *login, "--snapshotter", "native", f"{name}:v1")
            call(*ctr, "tag", f"{name}:v1", f"{name}-again:v1")
            call(*ctr, "push", *login, f"{name}-again:v1")


@pytest.mark.peer("oras", "crane")
def test_oras_and_crane_log_in_for_each_other(guarded: HubProgram, tmp_path: Path) -> None:
    environ = {"DOCKER_CONFIG": str(tmp_path)}
    write_files(tmp_path, {"a.txt": "a"})
    refused = attempt(
        "oras", "push", "--plain-http", f"{guarded.host}/admin/oras:v1", "a.txt", cwd=tmp_path, environ=environ
    )
    assert refused.returncode == 1
    call("oras", "login", "--plain-http", "-u", USER, "-p", PASSWORD, guarded.host, environ=environ)
    call("oras", "push", "--plain-http", f"{guarded.host}/admin/oras:v1", "a.txt", cwd=tmp_path, environ=environ)
    copy = f"{guarded.host}/admin/crane"
    call("crane", "copy", "--insecure", f"{guarded.host}/admin/oras:v1", f"{copy}:v1", environ=environ)
    assert call("crane", "ls", "--insecure", copy, environ=environ).split() == ["v1"]
    assert "admin/crane" in call("crane", "catalog", "--insecure", guarded.host, environ=environ).split()


@pytest.mark.peer("regctl")
def test_regctl_logs_in_and_pushes(guarded: HubProgram, tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)}
    write_files(tmp_path, {"a.txt": "a"})
    call("regctl", "registry", "set", "--tls", "disabled", guarded.host, environ=environ)
    call("regctl", "registry", "login", "-u", USER, "-p", PASSWORD, guarded.host, environ=environ)
    name = f"{guarded.host}/admin/regctl:v1"
    call(
        "regctl",
        "artifact",
        "put",
        "--artifact-type",
        "application/x-a",
        "-f",
        "a.txt",
        name,
        cwd=tmp_path,
        environ=environ,
    )
    call("regctl", "image", "copy", name, f"{guarded.host}/admin/regctl-copy:v1", environ=environ)


@pytest.mark.peer("helm")
def test_helm_logs_in_and_pushes(guarded: HubProgram, tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    write_files(tmp_path / "chart", {"Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.0.0\n"})
    call("helm", "package", "chart", cwd=tmp_path, environ=environ)
    login = ("-u", USER, "-p", PASSWORD, "--plain-http")
    call("helm", "registry", "login", guarded.host, *login, environ=environ)
    call(
        "helm", "push", "chart-1.0.0.tgz", f"oci://{guarded.host}/admin", "--plain-http", cwd=tmp_path, environ=environ
    )
    call("helm", "show", "chart", f"oci://{guarded.host}/admin/chart", "--plain-http", environ=environ)
