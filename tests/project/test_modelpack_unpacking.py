"""ModelPacks of other makers, unpacked: names that are right, and nothing outside the directory."""

import io
import stat
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from orchard.errors import InvalidDocumentError, InvalidError, LimitExceededError, UnsafeArchiveError
from orchard.formats import Filters, parse_filters
from orchard.project import load_version
from orchard.project.unpacking import unpack
from support import modelpacks
from support.modelpacks import CNCF, FILEPATH, METADATA, Artifact, Blob, artifact, metadata

EVERYTHING = Filters()


def unpacked(made: Artifact, where: Path, filters: Filters = EVERYTHING) -> list[str]:
    store = made.store()
    return sorted(unpack(load_version(store, "v1"), store, where, filters=filters).files)


@pytest.mark.parametrize(
    ("make", "files"),
    [
        (modelpacks.modctl, ["Kitfile", "README.md", "config.json", "weights/model.gguf"]),
        (modelpacks.modctl_tar, ["Kitfile", "weights/model.gguf"]),
        (modelpacks.aikit, ["Kitfile", "README.md", "config.json", "models/model.gguf", "tokenizer.json"]),
        (modelpacks.olot, ["Kitfile", "models/model.gguf"]),
        (modelpacks.ramalama, ["Kitfile", "model.gguf"]),
        (modelpacks.kitops, ["Kitfile", "model.bin", "src/main.py"]),
        (modelpacks.cnai, ["Kitfile", "model.safetensors"]),
        (
            modelpacks.docker,
            ["Kitfile", "LICENSE-00001-of-00002", "LICENSE-00002-of-00002", "config.json", "model.gguf"],
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_every_producer_is_unpacked(make: Callable[[], Artifact], files: list[str], tmp_path: Path) -> None:
    assert unpacked(make(), tmp_path) == files
    weights = next(name for name in files if "model." in name)
    assert (tmp_path / weights).read_bytes() == modelpacks.WEIGHTS


def test_the_mode_of_a_file_is_the_one_of_its_metadata(tmp_path: Path) -> None:
    unpacked(modelpacks.ramalama(), tmp_path)

    assert stat.S_IMODE((tmp_path / "model.gguf").stat().st_mode) == 0o755


def test_filters_select_by_what_a_file_belongs_to(tmp_path: Path) -> None:
    paths = ("weights/1.safetensors", "weights/2.safetensors")
    layers = [Blob(path.encode(), f"{CNCF}.weight.v1.raw", {FILEPATH: path}) for path in paths]
    layers.append(Blob(b"d", f"{CNCF}.doc.v1.raw", {FILEPATH: "README.md"}))
    made = artifact(layers, {"descriptor": {"name": "big"}})

    assert unpacked(made, tmp_path / "a", parse_filters(["model:big"])) == list(paths)
    assert unpacked(made, tmp_path / "b", parse_filters(["model:./weights"])) == list(paths)
    assert unpacked(made, tmp_path / "c", parse_filters(["model:weights/2.safetensors"])) == [paths[1]]


@pytest.mark.parametrize("path", ["../evil", "a/../../evil", "/evil", "a/..", "C:\\evil", "CON", "a\\b", "x/\x00"])
def test_a_path_that_leads_out_is_refused(path: str, tmp_path: Path) -> None:
    made = artifact([Blob(b"w", f"{CNCF}.weight.v1.raw", {FILEPATH: path})], {})

    with pytest.raises(InvalidError):
        unpacked(made, tmp_path / "here")
    assert not list(tmp_path.rglob("*evil*"))
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize("second", ["a.bin", "A.BIN", "./a.bin"])
def test_two_layers_with_one_path_are_refused(second: str, tmp_path: Path) -> None:
    layers = [Blob(b"%d" % n, f"{CNCF}.doc.v1.raw", {FILEPATH: path}) for n, path in enumerate(("a.bin", second))]

    with pytest.raises(UnsafeArchiveError, match=r"(?i)a\.bin"):
        unpacked(artifact(layers, {}), tmp_path)


def test_a_layer_that_calls_itself_a_link_is_refused(tmp_path: Path) -> None:
    said = {FILEPATH: "w", METADATA: metadata("w", b"/etc", typeflag=2)}

    with pytest.raises(InvalidDocumentError, match="'w': its metadata calls it a symbolic link"):
        unpacked(artifact([Blob(b"/etc", f"{CNCF}.weight.v1.raw", said)], {}), tmp_path)


def test_compressed_tars_are_unpacked_with_and_without_a_diff_id(tmp_path: Path) -> None:
    tar = modelpacks.tar({"docs/a.md": b"a"})
    out = io.BytesIO()
    packer = zlib.compressobj(wbits=31)
    out.write(packer.compress(tar) + packer.flush())
    layer = Blob(out.getvalue(), f"{CNCF}.doc.v1.tar+gzip", {FILEPATH: "docs"})
    known = artifact([layer], {"modelfs": {"type": "layers", "diffIds": modelpacks.diff_ids(tar)}})

    assert unpacked(artifact([layer], {}), tmp_path / "a") == ["Kitfile", "docs/a.md"]
    assert unpacked(known, tmp_path / "b") == ["Kitfile", "docs/a.md"]


@pytest.mark.parametrize("path", ["a" * 300, "x/" * 100 + "y", f"{'b' * 200}/{'c' * 256}"], ids=len)
def test_a_name_that_no_file_can_have_is_one_error(path: str, tmp_path: Path) -> None:
    made = artifact([Blob(b"x", f"{CNCF}.doc.v1.raw", {FILEPATH: path})], {})

    with pytest.raises(LimitExceededError, match=r"levels|longer than 255 bytes"):
        unpacked(made, tmp_path / "there")
    assert not list(tmp_path.iterdir())
