"""Clients that know container images (podman, buildah, containerd, crane): what they push is what is pulled."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from support.cli import HubProgram
from support.peers import Storage, attempt, call, containerd
from support.projects import noise

TEXT = "hello from another client\n"


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    with tempfile.TemporaryDirectory() as directory:  # podman takes no run directory of more than 50 characters
        yield Storage(Path(directory))


@pytest.fixture(scope="module")
def image(hub: HubProgram, storage: Storage, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image that buildah made and pushed."""
    directory = tmp_path_factory.mktemp("files")
    (directory / "text").write_text(TEXT)
    (directory / "noise").write_bytes(noise(3_000_000))
    container = storage.buildah("from", "scratch")
    storage.buildah("copy", "-q", container, directory, "/")
    storage.buildah("commit", "-q", container, "localhost/made:v1")
    reference = f"{hub.host}/images/made:v1"
    storage.buildah("push", "-q", "--tls-verify=false", "localhost/made:v1", f"docker://{reference}")
    return reference


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory, containerd(Path(directory)) as running:
        yield running


def digest_of(hub: HubProgram, name: str, tag: str = "v1") -> str:
    with urlopen(f"http://{hub.host}/v2/{name}/manifests/{tag}") as answer:
        return str(answer.headers["Docker-Content-Digest"])


@pytest.mark.peer("buildah", "podman")
def test_podman_pulls_pushes_and_searches(hub: HubProgram, storage: Storage, image: str) -> None:
    plain = "--tls-verify=false"
    storage.podman("pull", "-q", plain, image)
    again = f"{hub.host}/images/again"
    storage.podman("tag", image, f"{again}:v1")
    storage.podman("push", "-q", plain, f"{again}:v1")
    assert digest_of(hub, "images/again") == digest_of(hub, "images/made")
    assert storage.podman("search", plain, "--list-tags", again).split()[-2:] == [again, "v1"]
    assert again in storage.podman("search", plain, f"{hub.host}/images")


@pytest.mark.peer("buildah", "podman")
def test_podman_pushes_a_list_of_images(hub: HubProgram, storage: Storage, image: str) -> None:
    name = f"{hub.host}/images/list:v1"
    storage.podman("manifest", "create", name)
    storage.podman("manifest", "add", "--tls-verify=false", name, f"docker://{image}")
    storage.podman("manifest", "push", "-q", "--all", "--tls-verify=false", name, f"docker://{name}")
    with urlopen(f"http://{hub.host}/v2/images/list/manifests/v1") as answer:
        assert digest_of(hub, "images/made") in answer.read().decode()


@pytest.mark.peer("buildah", "containerd", "ctr")
def test_containerd_pulls_and_pushes(hub: HubProgram, image: str, address: str) -> None:
    ctr = ("ctr", "-a", address, "images")
    call(*ctr, "pull", "--plain-http", "--snapshotter", "native", image)
    again = f"{hub.host}/images/containerd:v1"
    call(*ctr, "tag", image, again)
    call(*ctr, "push", "--plain-http", again)
    assert digest_of(hub, "images/containerd") == digest_of(hub, "images/made")


@pytest.mark.peer("buildah", "containerd", "ctr")
def test_containerd_pulls_by_digest_what_a_mirror_keeps_of_another_registry(
    hub: HubProgram, image: str, address: str, tmp_path: Path
) -> None:
    # It asks with ?ns=registry.example, for that is where it thinks the image is.
    digest = digest_of(hub, "images/made")
    call("skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", f"docker://{image}",
         f"docker://{hub.host}/registry.example/library/box:v1")  # fmt: skip
    hosts = tmp_path / "registry.example"
    hosts.mkdir()
    (hosts / "hosts.toml").write_text(
        f'server = "http://127.0.0.1:9"\n[host."http://{hub.host}"]\ncapabilities = ["pull", "resolve"]\n'
    )
    for reference in ("registry.example/library/box:v1", f"registry.example/library/box@{digest}"):
        command = ("ctr", "-a", address, "images", "pull", "--hosts-dir", tmp_path, "--snapshotter", "native")
        assert digest in call(*command, reference)


@pytest.mark.peer("buildah", "crane")
def test_crane_copies_lists_checks_and_deletes(hub: HubProgram, image: str) -> None:
    name = f"{hub.host}/images/crane"
    call("crane", "copy", "--insecure", image, f"{name}:v1")
    assert call("crane", "ls", "--insecure", name).split() == ["v1"]
    digest = call("crane", "digest", "--insecure", f"{name}:v1").strip()
    assert digest == digest_of(hub, "images/made")
    assert "images/crane" in call("crane", "catalog", "--insecure", hub.host).split()
    call("crane", "validate", "--insecure", "--remote", f"{name}:v1")
    call("crane", "tag", "--insecure", f"{name}:v1", "v2")
    assert call("crane", "ls", "--insecure", name).split() == ["v1", "v2"]
    call("crane", "delete", "--insecure", f"{name}@{digest}")
    assert call("crane", "ls", "--insecure", name).split() == []


@pytest.mark.peer("crane")
def test_crane_shows_why_the_hub_refused(hub: HubProgram) -> None:
    refused = attempt("crane", "manifest", "--insecure", f"{hub.host}/images/absent:v1")
    assert (refused.returncode, "MANIFEST_UNKNOWN: images/absent has no manifest v1" in refused.stderr) == (1, True)
