"""`orchard files`, `orchard cat` and `orchard tensors`: a version read where it lies."""

import subprocess
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from orchard.oci import Digest
from support.cli import PROGRAMS, HubProgram, Program
from support.faultserver import FaultServer
from support.kits import dataset_kit
from support.modelfiles import safetensors_bytes, write_gguf
from support.projects import contents, make_project, noise, write_files
from support.torchfiles import tensor, torch_zip

KITFILE = """\
manifestVersion: 1.0.0
package: {name: models}
model: {path: model}
datasets:
  - {name: big, path: big.bin}
"""
BIG = noise(9 << 20)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models")
    tensors: dict[str, np.ndarray] = {"a.weight": np.ones((3, 4), np.float32), "b": np.zeros(1500, np.float16)}
    write_files(directory, {"Kitfile": KITFILE, "model/m.safetensors": safetensors_bytes(tensors), "big.bin": BIG})
    write_gguf(directory / "model" / "tiny.gguf")
    return directory


@pytest.fixture
def packed(program: Program, models: Path) -> Program:
    program.ok("pack", models, "-t", "models:v1")
    return program


@pytest.fixture
def faults() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def test_files_lists_what_unpack_writes(shelf: Program, tmp_path: Path) -> None:
    listed = shelf.ok("files", "tiny:v1", "--digests", "--output", "json").document["files"]

    shelf.ok("unpack", "tiny:v1", "-d", tmp_path)
    written = {path: (f"{mode:04o}", digest) for path, (mode, digest) in contents(tmp_path).items() if digest}
    assert {file["path"]: (file["mode"], file["digest"]) for file in listed} == written


def test_files_shows_a_table_or_names(packed: Program) -> None:
    table = packed.ok("files", "models:v1").lines
    assert table[0].split() == ["KIND", "SIZE", "PATH"]
    assert table[1].split() == ["dataset", "9.0", "MiB", "big.bin"]
    assert packed.ok("files", "models:v1", "model", "-q").lines == ["model/m.safetensors", "model/tiny.gguf"]
    assert packed.ok("files", "models:v1", "big.bin", "--long").lines[1].split()[:2] == ["dataset", "0644"]


def test_cat_gives_the_bytes(packed: Program, models: Path) -> None:
    def cat(*arguments: str) -> bytes:
        return subprocess.run(
            [PROGRAMS / "orchard", "cat", *arguments], env=packed.variables, capture_output=True, check=True
        ).stdout

    assert cat("models:v1", "big.bin") == BIG
    assert cat("models:v1", "./big.bin", "--offset", "100", "--length", "7") == BIG[100:107]
    assert cat("models:v1", "model/tiny.gguf") == (models / "model/tiny.gguf").read_bytes()
    document = packed.ok("cat", "models:v1", "big.bin", "--offset", "100", "--length", "7", "--output", "json").document
    assert (document["encoding"], b64decode(document["content"])) == ("base64", BIG[100:107])


def test_tensors_shows_what_the_headers_say(packed: Program) -> None:
    text = packed.ok("tensors", "models:v1").stdout
    assert "model/m.safetensors: safetensors, 1.5K parameters\n" in text
    assert "model/tiny.gguf: gguf, 771 parameters, llama, Q4_K_M, context 2048, chat template\n" in text
    assert "a.weight   F32    3x4     48 B\n" in text
    assert packed.ok("tensors", "models:v1", "model/m.safetensors", "-q").lines == ["a.weight", "b"]
    first, second = packed.ok("tensors", "models:v1", "--output", "json").document["files"]
    assert first["parametersByType"] == {"F16": 1500, "F32": 12}
    assert (second["architecture"], second["hasChatTemplate"]) == ("llama", True)


def test_tensors_reads_what_pytorch_wrote_and_executes_nothing(program: Program, tmp_path: Path) -> None:
    write_files(tmp_path, {"Kitfile": KITFILE.partition("datasets")[0], "model/vocab.bin": b"no model"})
    (tmp_path / "model" / "state.bin").write_bytes(torch_zip({"fc.weight": tensor("0", 3, 4)}))
    program.ok("pack", tmp_path, "-t", "checkpoint:v1")

    (state,) = program.ok("tensors", "checkpoint:v1", "--output", "json").document["files"]

    assert (state["format"], state["parameters"], state["tensors"][0]["name"]) == ("torch", 12, "fc.weight")


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["files", "models:v1", "nowhere"], 3, "'nowhere' is not in this version"),
        (["cat", "models:v1", "model"], 3, "'model' is a directory; see: orchard files"),
        (["cat", "models:v1", "../x"], 3, "'../x' is not in this version"),
        (["cat", "models:v1"], 2, "Missing argument"),
        (["cat", "models:v2", "big.bin"], 3, "models:v2: not in the local store"),
        (["tensors", "models:v1", "big.bin"], 5, "not a model file that Orchard reads"),
        (["tensors", "models:v1", "nowhere"], 3, "'nowhere' is not in this version"),
    ],
)
def test_what_cannot_be_read_is_one_clear_error(packed: Program, arguments: list[str], code: int, why: str) -> None:
    failed = packed(*arguments)
    assert failed.code == code, failed
    assert why in failed.stderr
    assert failed.stdout == ""


def test_a_kit_in_a_registry_is_read_without_a_copy(hub: HubProgram, packed: Program, tmp_path: Path) -> None:
    name = f"{hub.host}/reading/models:v1"
    packed.ok("tag", "models:v1", name)
    packed.ok("push", name)
    other = Program(tmp_path / "other")

    assert other.ok("files", name, "-q").lines == ["big.bin", "model/m.safetensors", "model/tiny.gguf"]
    assert "771 parameters" in other.ok("tensors", name).stdout
    part = other.ok("cat", name, "big.bin", "--offset", "5", "--length", "4", "--output", "json").document
    assert b64decode(part["content"]) == BIG[5:9]
    assert not (other.home / "layout").exists()


def test_cat_of_a_remote_kit_takes_few_requests_and_bytes(faults: FaultServer, packed: Program, tmp_path: Path) -> None:
    name = f"{faults.host}/models:v1"
    packed.ok("tag", "models:v1", name)
    packed.ok("push", name)
    faults.seen.clear()

    found = Program(tmp_path / "other").ok("cat", name, "model/m.safetensors", "--length", "8", "--output", "json")

    assert found.document["length"] == 8
    assert [seen.line.split("/")[3] for seen in faults.seen] == ["manifests"] * 2 + ["blobs"] * 2
    config, window = faults.seen[2:]
    assert "range" not in config.headers
    assert "range" not in window.headers  # the layer is smaller than the first window


def test_cat_of_a_damaged_bare_layer_prints_nothing(faults: FaultServer, program: Program) -> None:
    version, store = dataset_kit(("big.bin", BIG[:1000], "raw"))
    faults.add_blob(store.read_range(version.manifest.config, 0, version.manifest.config.size))
    faults.add_manifest(version.descriptor.media_type, version.manifest.raw, "v1")
    faults.blobs[str(version.manifest.layers[0].digest)] = bytes(1000)
    name = f"{faults.host}/raw:v1"

    failed = program("cat", "--remote", name, "big.bin")

    assert (failed.code, failed.stdout) == (6, "")
    assert "does not match" in failed.complaint


def test_verify_finds_damage_inside_an_archive(faults: FaultServer, packed: Program) -> None:
    name = f"{faults.host}/models:v1"
    packed.ok("tag", "models:v1", name)
    packed.ok("push", name)
    (digest,) = [digest for digest, data in faults.blobs.items() if len(data) > len(BIG)]
    damaged = bytearray(faults.blobs[digest])
    damaged[600] ^= 1
    faults.blobs[digest] = bytes(damaged)

    assert packed("cat", "--remote", name, "big.bin", "--length", "50", "--output", "json").code == 0
    failed = packed("cat", "--remote", name, "big.bin", "--length", "50", "--verify")

    assert (failed.code, failed.stdout) == (6, "")
    assert Digest.parse(digest).hex in failed.complaint


def test_a_project_of_every_kind_is_listed(hub: HubProgram, program: Program, tmp_path: Path) -> None:
    name = f"{hub.host}/reading/tiny:v1"
    program.ok("pack", make_project(tmp_path / "p"), "-t", name, "--compression", "zstd")
    program.ok("push", name)
    kinds = {
        file["path"]: file["type"] for file in program.ok("files", name, "-r", "--output", "json").document["files"]
    }
    assert kinds["model/weights.bin"] == "model"
    assert kinds["src/run.sh"] == "code"
    assert program.ok("cat", "--remote", name, "README.md").stdout == "# Tiny\n\nGrüße.\n"


def test_a_modelpack_is_read_too_and_each_file_is_verified(faults: FaultServer, packed: Program, models: Path) -> None:
    name = f"{faults.host}/pack:v1"
    packed.ok("pack", models, "-t", name, "--format", "modelpack")
    packed.ok("push", name)
    faults.seen.clear()

    assert packed.ok("files", "--remote", name, "-q").lines == ["big.bin", "model/m.safetensors", "model/tiny.gguf"]
    assert not [seen for seen in faults.seen if "range" in seen.headers]  # the manifest says it all
    assert "771 parameters" in packed.ok("tensors", "--remote", name).stdout
    content = packed.ok("cat", "--remote", name, "big.bin", "--output", "json").document["content"]
    assert b64decode(content) == BIG

    (digest,) = [digest for digest, data in faults.blobs.items() if data == BIG]
    faults.blobs[digest] = bytes(len(BIG))
    assert packed("cat", "--remote", name, "big.bin", "--output", "json").code == 6
