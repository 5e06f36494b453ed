"""``orchard verify``: what is damaged is named, told from what is missing, and brought anew after a repair."""

import json
from pathlib import Path

import pytest

from orchard.oci import Descriptor, mediatype
from orchard.remote import Registry
from orchard.store import Layout
from support.cli import HubProgram, Program
from support.projects import contents, make_project
from support.registries import Running
from support.stores import put, put_manifest

MODEL = "model model/weights.bin"


@pytest.fixture
def packed(program: Program, project: Path) -> Program:
    program.ok("pack", project, "-t", "tiny:v1")
    return program


def blob(program: Program, kind: str = "model") -> Path:
    """Find the file of a layer."""
    layers = program.ok("inspect", "tiny:v1").document["manifest"]["layers"]
    digest = next(layer["digest"] for layer in layers if f".{kind}." in layer["mediaType"])
    return Path(program.home / "layout/blobs" / digest.replace(":", "/"))


def spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_verify_of_a_sound_version_says_so(packed: Program) -> None:
    ran = packed.ok("verify", "tiny:v1")
    assert ran.stdout.startswith("Verified tiny:v1: 8 blobs, ")
    assert ran.stdout.endswith(": all sound\n")
    assert packed.ok("verify", "tiny:v1", "--output", "json").document["sound"] is True
    assert packed.ok("verify", "--all").stdout.startswith("Verified the local store: 8 blobs, ")


@pytest.mark.parametrize("what", ["tiny:v1", "--all"])
def test_verify_of_a_damaged_layer_names_it_and_exits_with_6(packed: Program, what: str) -> None:
    spoil(path := blob(packed))
    ran = packed("verify", what, "--output", "json")
    assert ran.code == 6
    (finding,) = ran.document["findings"]
    assert (finding["fault"], finding["digest"]) == ("damaged", f"sha256:{path.name}")
    assert (finding["versions"], finding["removed"]) == (["tiny:v1"], False)
    error = json.loads(ran.stderr)["error"]
    assert error["kind"] == "IntegrityError"
    assert error["message"].startswith("1 of 8 blobs is not sound (tiny:v1); delete what is damaged with --repair")


def test_verify_in_words_shows_what_each_finding_is(packed: Program) -> None:
    spoil(blob(packed))
    blob(packed, "docs").unlink()
    ran = packed("verify", "tiny:v1")
    rows = {line.split("   ")[0].strip(): line for line in ran.lines[1:-1]}
    assert MODEL in rows["damaged"]
    assert "docs README.md" in rows["missing"]
    assert "2 of 8 blobs are not sound" in ran.complaint


def test_verify_of_a_damaged_manifest_and_config_says_which(packed: Program) -> None:
    digest = packed.ok("inspect", "tiny:v1").document["digest"]
    config = packed.ok("inspect", "tiny:v1").document["manifest"]["config"]["digest"]
    blobs = packed.home / "layout/blobs"
    spoil(blobs / config.replace(":", "/"))
    (finding,) = packed("verify", "tiny:v1", "--output", "json").document["findings"]
    assert (finding["fault"], finding["what"], finding["digest"]) == ("damaged", "config", config)
    spoil(blobs / digest.replace(":", "/"))
    (finding,) = packed("verify", "tiny:v1", "--output", "json").document["findings"]
    assert (finding["fault"], finding["what"], finding["digest"]) == ("damaged", "manifest", digest)


def test_verify_repair_lets_the_next_pull_bring_it_anew(
    program: Program, project: Path, hub: HubProgram, tmp_path: Path
) -> None:
    name = f"{hub.host}/verify/repair:v1"
    program.ok("pack", project, "-t", name)
    program.ok("tag", name, "tiny:v1")
    program.ok("push", name)
    spoil(path := blob(program))
    assert program("verify", name).code == 6
    program.ok("pull", name)
    assert program("verify", name).code == 6, "a pull does not hash what is there"
    ran = program("verify", name, "--repair", "--output", "json")
    assert (ran.code, ran.document["findings"][0]["removed"]) == (6, True)
    assert not path.exists()
    assert program("verify", name, "--output", "json").document["findings"][0]["fault"] == "missing"
    program.ok("pull", name)
    program.ok("verify", "--all")
    program.ok("unpack", name, "-d", tmp_path / "there")
    assert contents(tmp_path / "there") == contents(project)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_verify_checks_what_is_inside_compressed_layers(program: Program, project: Path, compression: str) -> None:
    program.ok("pack", project, "-t", "tiny:v1", "--compression", compression)
    program.ok("verify", "tiny:v1")
    layout = program.home / "layout"
    # A config that promises something else for the uncompressed layer, in a manifest that is sound.
    shown = program.ok("inspect", "tiny:v1").document
    shown["kitfile"]["model"]["diffId"] = "sha256:" + "0" * 64
    repository = Layout(layout).repository("localhost/tiny")
    raw = json.dumps(shown["kitfile"]).encode()
    config = put(repository, raw, shown["manifest"]["config"]["mediaType"])
    manifest = json.dumps({**shown["manifest"], "config": config.to_json()}).encode()
    repository.tag(put(repository, manifest, mediatype.OCI_MANIFEST), "v2")
    (finding,) = program("verify", "tiny:v2", "--output", "json").document["findings"]
    assert (finding["fault"], finding["what"]) == ("damaged", MODEL)
    assert "diffId sha256:000000" in finding["message"]


@pytest.mark.peer("docker-registry")
def test_verify_remote_reads_every_byte_and_the_referrers_and_stores_nothing(
    program: Program, project: Path, registry: Running, tmp_path: Path
) -> None:
    name = f"{registry.host}/verify/remote"
    program.ok("pack", project, "-t", f"{name}:v1")
    program.ok("push", f"{name}:v1")
    with Registry(registry.host) as client:
        repository = client.repository("verify/remote")
        subject = repository.resolve("v1")
        put_manifest(
            repository, b"a signature to spoil", subject=subject.to_json(), artifactType="application/x-signature"
        )
    second = Program(tmp_path / "second")
    document = second.ok("verify", "--remote", f"{name}:v1", "--output", "json").document
    assert (document["sound"], document["blobs"], document["referrers"]) == (True, 11, 1)
    assert not (second.home / "layout").exists()

    signature = Descriptor.of(b"a signature to spoil", "text/plain").digest
    path = registry.directory / "data/docker/registry/v2/blobs/sha256" / signature.hex[:2] / signature.hex / "data"
    path.write_bytes(b"another one")
    ran = second("verify", "--remote", f"{name}:v1")
    assert ran.code == 6
    assert str(signature) in ran.stdout
    assert "push the version again from a sound copy" in ran.complaint


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["verify"], 2, "use --all to verify the local store"),
        (["verify", "--all", "tiny:v1"], 2, "use --all to verify the local store"),
        (["verify", "--remote", "--all"], 2, "--all is for the local store"),
        (["verify", "--remote", "--repair", "tiny:v1"], 2, "--repair is for the local store"),
        (["verify", "nothing:v1"], 3, "see: orchard list"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_verify_when_asked_wrongly_says_what_to_do(
    program: Program, arguments: list[str], code: int, text: str
) -> None:
    ran = program(*arguments)
    assert (ran.code, text in ran.complaint) == (code, True), ran


def test_verify_of_an_empty_store_is_sound_and_makes_nothing(program: Program) -> None:
    assert program.ok("verify", "--all").stdout == "Verified the local store: 0 blobs, 0 B: all sound\n"
    assert not program.home.exists()


def test_verify_all_names_only_the_versions_that_need_what_is_damaged(packed: Program, tmp_path: Path) -> None:
    packed.ok("pack", make_project(tmp_path / "other", name="other", seed=2), "-t", "other:v1")
    spoil(blob(packed))
    (finding,) = packed("verify", "--all", "--output", "json").document["findings"]
    assert finding["versions"] == ["tiny:v1"]
