"""Programs of other makers: a registry and two clients, in both directions, digest by digest."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import oras.client
import pytest

from orchard.oci import Digest, mediatype
from support.cli import HubProgram, Program
from support.projects import contents, make_project, noise, write_files
from support.registries import PASSWORD, USER, Running, docker_registry

SKOPEO = ("skopeo", "--insecure-policy")
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
IMAGE_LAYER = "application/vnd.oci.image.layer.v1.tar"

needs_registry = pytest.mark.peer("docker-registry")
needs_skopeo = pytest.mark.peer("skopeo")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project"), weights=3_000_000)


@pytest.fixture(scope="module")
def packed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Program, str]:
    """A home that holds the project as ``peers:v1``, and its digest."""
    program = Program(tmp_path_factory.mktemp("home"))
    return program, program.digest("pack", project, "-t", "peers:v1")


def skopeo_copy(source: str, target: str) -> None:
    flags = ("--src-tls-verify=false", "--dest-tls-verify=false", "--preserve-digests", "--quiet")
    _skopeo("copy", *flags, source, target)


def _skopeo(*arguments: str) -> str:
    done = subprocess.run([*SKOPEO, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_registry
def test_docker_registry_gives_back_what_orchard_pushed(
    packed: tuple[Program, str], project: Path, registry: Running, tmp_path: Path
) -> None:
    program, digest = packed
    name = f"{registry.host}/peers/tiny"
    assert program.digest("push", "peers:v1", f"{name}:v1,v2") == digest
    other = Program(tmp_path / "home")
    assert other.digest("pull", f"{name}:v2") == digest
    other.ok("unpack", f"{name}:v2", "-d", tmp_path / "there")
    assert contents(tmp_path / "there") == contents(project)
    assert [(one["tags"], one["digest"]) for one in other.ok("list", name, "--output", "json").document] == [
        (["v1"], digest),
        (["v2"], digest),
    ]
    other.ok("unpack", f"{name}@{digest}", "-d", tmp_path / "by-digest", "--filter", "docs")


@needs_registry
@needs_skopeo
def test_version_that_skopeo_carried_around_is_the_same(
    packed: tuple[Program, str], project: Path, registry: Running, hub: HubProgram, tmp_path: Path
) -> None:
    program, digest = packed
    first, second, third = f"{registry.host}/round/a:v1", f"{hub.host}/round/b:v1", f"{registry.host}/round/c:v1"
    program.ok("push", "peers:v1", first)
    skopeo_copy(f"docker://{first}", f"oci:{tmp_path / 'oci'}:v1")
    skopeo_copy(f"oci:{tmp_path / 'oci'}:v1", f"docker://{second}")
    skopeo_copy(f"docker://{second}", f"dir:{tmp_path / 'dir'}")
    skopeo_copy(f"dir:{tmp_path / 'dir'}", f"docker://{third}")
    for number, name in enumerate((second, third)):
        other = Program(tmp_path / f"home{number}")
        assert other.digest("pull", name) == digest
        other.ok("unpack", name, "-d", tmp_path / f"there{number}")
        assert contents(tmp_path / f"there{number}") == contents(project)


@needs_skopeo
def test_skopeo_reads_the_hub(packed: tuple[Program, str], hub: HubProgram) -> None:
    program, digest = packed
    name = f"{hub.host}/skopeo/tiny"
    program.ok("push", "peers:v1", f"{name}:v1,v2")
    raw = _skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{name}:v2")
    assert str(Digest.of(raw.encode())) == digest
    assert json.loads(raw) == program.ok("inspect", "peers:v1").document["manifest"]
    tags = json.loads(_skopeo("list-tags", "--tls-verify=false", f"docker://{name}"))["Tags"]
    assert tags == ["v1", "v2"]
    _skopeo("delete", "--tls-verify=false", f"docker://{name}:v1")
    assert program("inspect", "--remote", f"{name}:v2").code == 3  # skopeo deletes by digest


@needs_skopeo
def test_skopeo_reads_the_local_store_as_a_layout(packed: tuple[Program, str], tmp_path: Path, hub: HubProgram) -> None:
    program, digest = packed
    program.ok("tag", "peers:v1", "registry.example.com/team/peers:stable")
    layout = program.home / "layout"
    for name in ("localhost/peers:v1", "registry.example.com/team/peers:stable"):
        raw = _skopeo("inspect", "--raw", f"oci:{layout}:{name}")
        assert str(Digest.of(raw.encode())) == digest
    reference = f"{hub.host}/skopeo/from-layout:v1"
    skopeo_copy(f"oci:{layout}:localhost/peers:v1", f"docker://{reference}")
    assert Program(tmp_path / "home").digest("pull", reference) == digest


@needs_skopeo
def test_hub_takes_an_ordinary_image_from_skopeo_and_gives_it_back(
    packed: tuple[Program, str], hub: HubProgram, tmp_path: Path
) -> None:
    program, _ = packed
    digest = _write_image(tmp_path / "image")
    reference = f"{hub.host}/images/plain:v1"
    skopeo_copy(f"oci:{tmp_path / 'image'}:v1", f"docker://{reference}")
    shown = json.loads(_skopeo("inspect", "--tls-verify=false", f"docker://{reference}"))
    assert (shown["Digest"], shown["Architecture"]) == (digest, "amd64")
    skopeo_copy(f"docker://{reference}", f"dir:{tmp_path / 'back'}")
    assert str(Digest.of((tmp_path / "back/manifest.json").read_bytes())) == digest
    refused = program("pull", reference)
    assert (refused.code, "not a ModelKit" in refused.complaint) == (7, True)


@needs_skopeo
def test_hub_takes_the_formats_that_skopeo_can_write(hub: HubProgram, tmp_path: Path) -> None:
    _write_image(tmp_path / "image")
    for form in ("v2s2", "oci"):
        reference = f"docker://{hub.host}/images/{form}:v1"
        flags = ("--dest-tls-verify=false", "--quiet", "--format", form)
        _skopeo("copy", *flags, f"oci:{tmp_path / 'image'}:v1", reference)
        assert json.loads(_skopeo("inspect", "--tls-verify=false", reference))["Os"] == "linux"


@needs_registry
@needs_skopeo
def test_registry_with_a_login_takes_versions_from_orchard_and_skopeo(
    packed: tuple[Program, str], tmp_path: Path, guarded: Running
) -> None:
    _, digest = packed
    reference = f"{guarded.host}/team/tiny:v1"
    auth = tmp_path / "auth.json"
    _skopeo(
        "login", "--tls-verify=false", "--authfile", str(auth), "--username", USER, "--password", PASSWORD, guarded.host
    )
    # Podman's file of credentials is read by us as well.
    program = Program(packed[0].home, environ={"REGISTRY_AUTH_FILE": str(auth)})
    assert program.digest("push", "peers:v1", reference) == digest
    raw = _skopeo("inspect", "--raw", "--tls-verify=false", "--authfile", str(auth), f"docker://{reference}")
    assert str(Digest.of(raw.encode())) == digest
    assert packed[0]("inspect", "--remote", reference).code == 4


def test_oras_pushes_files_to_the_hub_and_pulls_them(
    hub: HubProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path / "files", {"a.txt": "a", "b.bin": noise(3_000_000), "empty": ""})
    monkeypatch.chdir(tmp_path / "files")
    client = oras.client.OrasClient(insecure=True)
    reference = f"{hub.host}/oras/files:v1"
    answer = client.push(target=reference, files=["a.txt", "b.bin", "empty"], quiet=True)
    assert answer.status_code == 201
    client.pull(target=reference, outdir=str(tmp_path / "back"))
    assert contents(tmp_path / "back") == contents(tmp_path / "files")
    assert client.get_tags(f"{hub.host}/oras/files") == ["v1"]
    manifest = client.get_manifest(reference)
    assert len(manifest["layers"]) == 3


def test_oras_reads_a_modelkit_from_the_hub(packed: tuple[Program, str], hub: HubProgram) -> None:
    program, _ = packed
    reference = f"{hub.host}/oras/kit:v1"
    program.ok("push", "peers:v1", reference)
    client = oras.client.OrasClient(insecure=True)
    manifest = client.get_manifest(reference, [mediatype.OCI_MANIFEST])
    assert manifest == program.ok("inspect", "peers:v1").document["manifest"]
    for layer in manifest["layers"]:
        body = client.get_blob(reference, layer["digest"]).content
        assert str(Digest.of(body)) == layer["digest"]


def test_artifact_of_oras_is_refused_by_orchard(
    hub: HubProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, {"a.txt": "a"})
    monkeypatch.chdir(tmp_path)
    reference = f"{hub.host}/oras/other:v1"
    oras.client.OrasClient(insecure=True).push(target=reference, files=["a.txt"], quiet=True)
    program = Program(tmp_path / "home")
    for command in (["pull", reference], ["unpack", reference, "-d", "there"], ["inspect", "-r", reference]):
        ran = program(*command)
        assert (ran.code, "not a ModelKit" in ran.complaint) == (7, True), ran
    assert program.ok("list", f"{hub.host}/oras/other", "--output", "json").document == []


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with docker_registry(tmp_path_factory.mktemp("guarded"), htpasswd=True) as running:
        yield running


def _write_image(directory: Path) -> str:
    """Write an ordinary container image as an OCI layout, by hand, and give the digest of its manifest."""
    blobs = directory / "blobs/sha256"
    blobs.mkdir(parents=True)

    def add(data: bytes, media_type: str) -> dict[str, Any]:
        digest = Digest.of(data)
        (blobs / digest.hex).write_bytes(data)
        return {"mediaType": media_type, "digest": str(digest), "size": len(data)}

    tar = subprocess.run(["tar", "-c", "/etc/hostname"], capture_output=True, check=True).stdout
    rootfs = {"type": "layers", "diff_ids": [str(Digest.of(tar))]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": mediatype.OCI_MANIFEST,
        "config": add(config, IMAGE_CONFIG),
        "layers": [add(tar, IMAGE_LAYER)],
    }
    root = add(json.dumps(manifest).encode(), mediatype.OCI_MANIFEST)
    root["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [root]}))
    return str(root["digest"])
