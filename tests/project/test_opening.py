import gzip
import io
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from msgspec import structs
from msgspec.structs import replace

from orchard.errors import (
    IntegrityError,
    InvalidDocumentError,
    LimitExceededError,
    NotFoundError,
    StorageError,
    UnsupportedError,
    UsageError,
)
from orchard.formats import LayerKind
from orchard.oci import Descriptor
from orchard.project import Held, IndexCache, OpenVersion
from orchard.store import Bytes
from support.archive_tars import END, directory, member
from support.kits import Noting, dataset_kit
from support.modelfiles import safetensors_bytes, write_gguf

WEIGHTS: dict[str, np.ndarray] = {
    "first": np.arange(2_000_000, dtype=np.float32).reshape(1000, 2000),
    "second": np.arange(1_000_000, dtype=np.uint16),
    "none": np.zeros((0, 3), dtype=np.float16),
}
MODEL = safetensors_bytes(WEIGHTS)
TAR = directory("m") + member("m/model.safetensors", MODEL) + member("m/config.json", b"{}") + END
CSV = b"".join(b"%d,%d\n" % (n, n * n) for n in range(200_000))


def opened(*layers: tuple[str, bytes, str], verify: bool = False) -> tuple[OpenVersion, Noting]:
    version, store = dataset_kit(*layers)
    return OpenVersion(version, Held(store, version.kit.layers, verify=verify)), store


def sizes(store: Noting) -> list[int | None]:
    return [size for _, size in store.reads]


def test_list_then_gives_every_file() -> None:
    kit, _ = opened(("m", TAR, "tar"), ("train.csv", CSV, "raw"))

    assert [(file.path, file.size) for file in kit.list()] == [
        ("m/config.json", 2),
        ("m/model.safetensors", len(MODEL)),
        ("train.csv", len(CSV)),
    ]
    assert [file.path for file in kit.list("./m/")] == ["m/config.json", "m/model.safetensors"]
    assert [file.path for file in kit.list("train.csv")] == ["train.csv"]
    assert kit.list("m")[0].kind is LayerKind.DATASET


def test_list_when_there_are_many_layers_then_looks_into_several_at_once() -> None:
    together = Barrier(4, timeout=30)
    version, _ = dataset_kit(*((f"d{n}", member(f"d{n}/a", bytes(n)) + END, "tar") for n in range(8)))

    class Meeting(Noting):
        def read_range(self, content: Descriptor, offset: int, size: int) -> bytes:
            together.wait()
            return super().read_range(content, offset, size)

    store = Meeting()
    for n, layer in enumerate(version.kit.layers):
        store.push(layer.descriptor, Bytes(member(f"d{n}/a", bytes(n)) + END))

    kit = OpenVersion(version, Held(store, version.kit.layers))

    assert [(file.path, file.size) for file in kit.list()] == [(f"d{n}/a", n) for n in range(8)]


@pytest.mark.parametrize("form", ["tar", "tar+gzip"])
@pytest.mark.parametrize("verify", [False, True], ids=["", "verified"])
def test_read_then_gives_the_content(form: str, *, verify: bool) -> None:
    raw = gzip.compress(TAR) if form == "tar+gzip" else TAR
    kit, _ = opened(("m", raw, form), ("train.csv", CSV, "raw"), verify=verify)

    with kit:
        assert kit.read("m/config.json") == b"{}"
        assert kit.read("m/model.safetensors") == MODEL
        assert kit.read("train.csv", offset=7, size=20) == CSV[7:27]
        assert kit.read("train.csv", offset=len(CSV) - 3) == CSV[-3:]
        assert kit.read("train.csv", offset=len(CSV) + 3, size=5) == b""
        assert b"".join(kit.stream("m/model.safetensors")) == MODEL
        assert b"".join(kit.stream("train.csv", offset=100, size=1_000_000)) == CSV[100:1_000_100]
        with kit.open("m/model.safetensors") as file:
            assert file.read() == MODEL


def test_tensor_then_takes_three_reads_and_little_more_than_its_bytes() -> None:
    kit, store = opened(("m", member("model.safetensors", MODEL) + END, "tar"))

    tensor = kit.tensor("model.safetensors", "first")

    np.testing.assert_array_equal(np.asarray(tensor), WEIGHTS["first"])
    assert sizes(store) == [256 << 10, 1024 + -len(MODEL) % 512, 8_000_000]


def test_tensor_when_the_layer_is_one_bare_file_then_takes_two_reads() -> None:
    kit, store = opened(("model.safetensors", MODEL, "raw"))

    np.testing.assert_array_equal(np.asarray(kit.tensor("model.safetensors", "second")), WEIGHTS["second"])
    np.testing.assert_array_equal(np.asarray(kit.tensor("model.safetensors", "none")), WEIGHTS["none"])

    assert sizes(store) == [64 << 10, 2_000_000]


def test_tensor_when_the_layer_was_seen_before_then_takes_two_reads(tmp_path: Path) -> None:
    version, store = dataset_kit(("m", TAR, "tar"))
    OpenVersion(version, Held(store, version.kit.layers, IndexCache(tmp_path))).list()
    store.reads.clear()

    OpenVersion(version, Held(store, version.kit.layers, IndexCache(tmp_path))).tensor("m/model.safetensors", "second")

    assert sizes(store) == [64 << 10, 2_000_000]


def test_tensor_when_other_layers_cannot_hold_the_file_then_does_not_look_at_them() -> None:
    kit, store = opened(("m", TAR, "tar"), ("data", directory("data") + member("data/x", bytes(1 << 20)) + END, "tar"))

    kit.tensors("m/model.safetensors")

    assert {digest for digest, _ in store.reads} == {kit.version.kit.layers[0].descriptor.digest}


def test_tensors_when_it_is_gguf_then_describes_them(tmp_path: Path) -> None:
    raw = write_gguf(tmp_path / "tiny.gguf").read_bytes()
    kit, _ = opened(("tiny.gguf", raw, "raw"))

    assert [tensor.name for tensor in kit.tensors("tiny.gguf")] == [
        "token_embd.weight",
        "output_norm.weight",
        "blk.0.attn_q.weight",
    ]
    assert np.asarray(kit.tensor("tiny.gguf", "output_norm.weight")).tolist() == [1, 1, 1]
    assert np.asarray(kit.tensor("tiny.gguf", "blk.0.attn_q.weight")).shape == (2, 144)


class TestFile:
    def test_when_it_is_read_from_any_place_then_is_as_a_file(self) -> None:
        kit, _ = opened(("train.csv", CSV, "raw"))
        same = io.BytesIO(CSV)
        with kit.open("train.csv") as file:
            for offset, whence, size in [
                (0, 0, 10),
                (5, 1, 300_000),
                (-1000, 2, 99),
                (0, 0, -1),
                (9, 2, 5),
                (77, 0, 1),
            ]:
                assert file.seek(offset, whence) == same.seek(offset, whence)
                assert file.read(size) == same.read(size)
                assert file.tell() == same.tell()
            assert file.seekable()
            assert file.readable()
            assert not file.writable()
        with pytest.raises(ValueError, match="closed"):
            file.read(1)

    def test_when_it_is_read_through_then_reads_grow(self) -> None:
        kit, store = opened(("big", bytes(64 << 20), "raw"))

        with kit.open("big") as file:
            while file.read(100_000):
                pass

        assert max(filter(None, sizes(store))) == 8 << 20
        assert len(store.reads) < 20

    def test_when_places_are_far_apart_then_reads_stay_small(self) -> None:
        kit, store = opened(("big", bytes(64 << 20), "raw"))

        with kit.open("big") as file:
            for offset in (60 << 20, 1 << 20, 30 << 20):
                file.seek(offset)
                file.read(8)

        assert sizes(store) == [128 << 10] * 3

    def test_when_a_line_is_asked_for_then_gives_it(self) -> None:
        kit, _ = opened(("train.csv", CSV, "raw"))
        with kit.open("train.csv") as file:
            assert file.readline() == b"0,0\n"
            assert sum(1 for _ in file) == 199_999

    def test_when_a_place_is_impossible_then_says_so(self) -> None:
        kit, _ = opened(("train.csv", CSV, "raw"))
        with kit.open("train.csv") as file, pytest.raises(ValueError, match="cannot seek"):
            file.seek(-1)


class TestIntegrity:
    """A registry that gives other bytes than the manifest names."""

    @staticmethod
    def lying(form: str, *, verify: bool) -> OpenVersion:
        raw = CSV if form == "raw" else member("train.csv", CSV) + END
        version, _ = dataset_kit(("train.csv", raw, form))
        lying = Bytes(raw.replace(b"1", b"2", 2000))
        return OpenVersion(version, Held(lying, version.kit.layers, verify=verify))

    def test_when_a_layer_is_one_bare_file_then_reading_all_of_it_is_verified(self) -> None:
        kit = self.lying("raw", verify=False)
        with pytest.raises(IntegrityError, match="does not match"):
            kit.read("train.csv")
        with pytest.raises(IntegrityError, match="does not match"):
            list(kit.stream("train.csv"))

    @pytest.mark.parametrize("form", ["raw", "tar"])
    def test_when_everything_is_to_be_verified_then_no_byte_is_given(self, form: str) -> None:
        kit = self.lying(form, verify=True)
        with pytest.raises(IntegrityError, match="does not match"):
            kit.read("train.csv", size=1)
        with pytest.raises(IntegrityError, match="does not match"):
            kit.open("train.csv")

    def test_when_a_size_is_a_lie_then_no_memory_is_taken_for_it(self) -> None:
        version, store = dataset_kit(("train.csv", CSV, "raw"))
        (layer,) = version.kit.layers
        huge = replace(layer, descriptor=structs.replace(layer.descriptor, size=1 << 60))
        kit = OpenVersion(version, Held(store, (huge,)))

        with kit.open("train.csv") as file, pytest.raises(IntegrityError, match="is shorter than"):
            file.read()
        with pytest.raises(IntegrityError, match="is shorter than"):
            list(kit.stream("train.csv"))
        with pytest.raises(LimitExceededError, match="at most 1073741824"):
            kit.read("train.csv")

    def test_when_an_index_was_made_of_the_whole_then_files_are_verified(self) -> None:
        version, store = dataset_kit(("d", gzip.compress(member("a", b"right") + END), "tar+gzip"))
        with OpenVersion(version, Held(store, version.kit.layers)) as kit:
            assert kit.file("a").digest is not None
            assert kit.read("a") == b"right"


@pytest.mark.parametrize(
    ("path", "error", "why"),
    [
        ("nowhere", NotFoundError, "'nowhere' is not in this version"),
        ("m", NotFoundError, "'m' is a directory"),
        ("../etc/passwd", NotFoundError, "is not in this version"),
        ("/etc/passwd", NotFoundError, "is not in this version"),
        ("", NotFoundError, "is a directory"),
        ("m/\0", NotFoundError, "is not in this version"),
    ],
)
def test_read_when_there_is_no_such_file_then_says_so(path: str, error: type[Exception], why: str) -> None:
    kit, _ = opened(("m", TAR, "tar"))

    with pytest.raises(error, match=why):
        kit.read(path)


def test_list_when_there_is_no_such_directory_then_says_so() -> None:
    kit, _ = opened(("m", TAR, "tar"))

    with pytest.raises(NotFoundError, match="'nowhere' is not in this version"):
        kit.list("nowhere")


def test_read_when_it_is_more_than_is_wanted_then_says_so() -> None:
    kit, _ = opened(("train.csv", CSV, "raw"))

    with pytest.raises(LimitExceededError, match="at most 10 are read at once; open it instead"):
        kit.read("train.csv", limit=10)


@pytest.mark.parametrize(
    ("path", "name", "error", "why"),
    [
        ("m/model.safetensors", "third", NotFoundError, "there is no tensor 'third'"),
        ("m/config.json", "first", UnsupportedError, "not a model file that Orchard reads"),
        ("broken.safetensors", "first", InvalidDocumentError, "broken.safetensors: "),
    ],
)
def test_tensor_when_there_is_none_then_says_why(path: str, name: str, error: type[Exception], why: str) -> None:
    kit, _ = opened(("m", TAR, "tar"), ("broken.safetensors", b"\x10\0\0\0\0\0\0\0{}", "raw"))

    with pytest.raises(error, match=why):
        kit.tensor(path, name)


def test_tensor_when_it_is_larger_than_wanted_then_says_so() -> None:
    kit, _ = opened(("m", TAR, "tar"))

    with pytest.raises(LimitExceededError, match="8000000 bytes, at most 100 are read"):
        kit.tensor("m/model.safetensors", "first", limit=100)


@pytest.mark.parametrize("form", ["tar", "tar+gzip"])
def test_read_when_it_has_been_closed_then_says_so(form: str) -> None:
    kit, _ = opened(("m", gzip.compress(TAR) if form == "tar+gzip" else TAR, form))
    with kit:
        assert kit.read("m/config.json") == b"{}"

    with pytest.raises(UsageError, match="the version has been closed"):
        kit.read("m/config.json")
    kit.close()


def test_read_when_the_temporary_directory_is_gone_then_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, _ = opened(("train.csv", CSV, "raw"), verify=True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))

    with pytest.raises(StorageError, match="cannot be copied to a temporary file"):
        kit.read("train.csv")
