import time
from pathlib import Path
from struct import pack

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFEndian, GGUFReader, LlamaFileType
from gguf.constants import GGML_QUANT_SIZES

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight import Array, InMemory, OnDisk, read_gguf
from orchard.insight.ggmltypes import FILE_TYPES, TYPES
from support.modelfiles import VOCABULARY, write_gguf


def text(value: bytes) -> bytes:
    return pack("<Q", len(value)) + value


def row(name: bytes = b"w", dims: tuple[int, ...] = (2,), kind: int = 0, offset: int = 0) -> bytes:
    return text(name) + pack("<I", len(dims)) + b"".join(pack("<Q", d) for d in dims) + pack("<IQ", kind, offset)


def gguf(*keys: bytes, rows: tuple[bytes, ...] = (), data: bytes = b"", version: int = 3) -> bytes:
    header = b"GGUF" + pack("<IQQ", version, len(rows), len(keys)) + b"".join(keys) + b"".join(rows)
    return header + bytes(-len(header) % 32) + data


@pytest.mark.parametrize("endian", [GGUFEndian.LITTLE, GGUFEndian.BIG], ids=["little", "big"])
def test_read_gguf_when_the_library_wrote_it_then_tells_what_the_library_tells(
    tmp_path: Path, endian: GGUFEndian
) -> None:
    path = write_gguf(tmp_path / "tiny.gguf", endian=endian)

    with OnDisk(path) as file:
        header = read_gguf(file)

    theirs = GGUFReader(path)
    raw = path.read_bytes()
    assert [(t.name, t.dtype, t.shape, t.offset, t.size) for t in header.tensors] == [
        (t.name, t.tensor_type.name, tuple(map(int, t.shape[::-1])), t.data_offset, t.n_bytes) for t in theirs.tensors
    ]
    assert [raw[t.offset : t.offset + t.size] for t in header.tensors if t.offset is not None] == [
        t.data.tobytes() for t in theirs.tensors
    ]
    for key, value in header.metadata.items():
        expected = theirs.fields[key].contents()
        assert (list(value) if isinstance(value, tuple) else value) == expected


def test_read_gguf_when_it_is_a_language_model_then_names_what_people_ask_for(tmp_path: Path) -> None:
    with OnDisk(write_gguf(tmp_path / "tiny.gguf")) as file:
        header = read_gguf(file)

    assert header.version == 3
    assert header.byte_order == "little"
    assert header.architecture == "llama"
    assert header.name == "tiny"
    assert header.quantization == "Q4_K_M"
    assert header.context_length == 2048
    assert header.chat_template == "{{ messages }}"
    assert header.vocabulary_size == 8
    assert header.metadata["tiny.words"] == ("one", "two")
    assert header.metadata["tiny.flag"] is True
    assert header.metadata["tiny.precise"] == 0.1
    assert header.parameters_by_dtype == {"Q4_K": 512, "F32": 256, "F16": 3}


def test_read_gguf_when_the_vocabulary_is_large_then_passes_over_it_quickly(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "tiny.gguf", tokens=VOCABULARY)

    with OnDisk(path) as file:
        before = time.process_time()
        header = read_gguf(file)
        spent = time.process_time() - before

    tokens = header.metadata["tokenizer.ggml.tokens"]
    assert isinstance(tokens, Array)
    assert (tokens.type, tokens.count) == ("string", VOCABULARY)
    assert path.read_bytes()[tokens.offset :][:15] == text(b"token 0")
    assert header.vocabulary_size == VOCABULARY
    assert spent < 5  # 0.07 s on a quiet machine; the target is 0.2 s, and `make bench` measures it


def test_read_gguf_when_the_vocabulary_is_large_then_takes_two_reads(tmp_path: Path) -> None:
    class Counting(InMemory):
        reads = 0

        def read_at(self, offset: int, size: int, /) -> bytes:
            self.reads += 1
            return super().read_at(offset, size)

    file = Counting(write_gguf(tmp_path / "tiny.gguf", tokens=VOCABULARY).read_bytes())

    read_gguf(file)

    assert file.reads == 2


def test_types_when_compared_with_the_library_then_are_the_same() -> None:
    theirs = {kind.value: (kind.name, *GGML_QUANT_SIZES[kind]) for kind in GGMLQuantizationType}
    words = {kind.value: kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in LlamaFileType}

    assert {number: tuple(kind) for number, kind in TYPES.items()} == theirs
    assert words == {**FILE_TYPES, 1024: "GUESSED"}


def test_read_gguf_when_a_type_is_newer_than_this_then_still_tells_the_rest() -> None:
    rows = (row(b"new", (64,), kind=99), row(b"old", (2,), offset=64))

    header = read_gguf(InMemory(gguf(rows=rows, data=bytes(72))))

    assert [(t.name, t.dtype, t.size) for t in header.tensors] == [("new", "type 99", 64), ("old", "F32", 8)]


def test_read_gguf_when_arrays_are_long_then_passes_over_each_kind() -> None:
    strings = pack("<IIQ", 9, 8, 100) + text(b"x" * 1000) * 100
    nested = pack("<IIQ", 9, 9, 100) + (pack("<IQ", 4, 2) + bytes(8)) * 100
    raw = gguf(
        text(b"s") + strings, text(b"n") + nested, text(b"few") + pack("<IIQ", 9, 9, 1) + pack("<IQ", 0, 1) + b"7"
    )

    header = read_gguf(InMemory(raw))

    assert header.metadata["s"] == Array("string", 100, raw.index(text(b"x" * 1000)), 100_800)
    assert isinstance(header.metadata["n"], Array)
    assert header.metadata["few"] == ((55,),)
    assert header.parameters == 0


def test_read_gguf_when_it_is_of_version_2_then_reads_it() -> None:
    assert read_gguf(InMemory(gguf(rows=(row(),), data=bytes(8), version=2))).version == 2


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"", "ends at byte 0", id="empty"),
        pytest.param(b"GGML" + bytes(40), "not a GGUF file", id="magic"),
        pytest.param(gguf(version=1), "version 1, only 2 and 3", id="version 1"),
        pytest.param(gguf(version=4), "version 4, only 2 and 3", id="version 4"),
        pytest.param(gguf()[:20], "ends at byte 20", id="cut off"),
        pytest.param(gguf(text(b"k") + pack("<II", 13, 0)), "no type 13 of values", id="type of value"),
        pytest.param(gguf(text(b"k") + pack("<IIQ", 9, 77, 100)), "no type 77 of values", id="type of items"),
        pytest.param(gguf(text(b"\xff") + pack("<II", 4, 0)), "is not UTF-8", id="key not UTF-8"),
        pytest.param(gguf(text(b"k") + pack("<IQ", 8, 1000)), "ends at byte", id="text beyond the file"),
        pytest.param(gguf(text(b"k") + pack("<IIQ", 9, 8, 1000)), "ends at byte", id="items beyond the file"),
        pytest.param(gguf(text(b"k") + pack("<IIQ", 9, 4, 1000)), "ends at byte", id="numbers beyond the file"),
        pytest.param(gguf(*[text(b"k") + pack("<II", 4, 0)] * 2), "the key 'k' stands twice", id="a key twice"),
        pytest.param(
            gguf(text(b"general.alignment") + pack("<II", 4, 24)), "cannot be aligned to 24", id="alignment no power"
        ),
        pytest.param(gguf(text(b"general.alignment") + pack("<II", 4, 0)), "aligned to 0", id="alignment 0"),
        pytest.param(gguf(rows=(row(),), data=bytes(7)), "its content ends after the file", id="content cut off"),
        pytest.param(gguf(rows=(row(offset=2**63),)), "its content ends after the file", id="offset huge"),
        pytest.param(gguf(rows=(row(offset=4),), data=bytes(64)), "not aligned to 32", id="not aligned"),
        pytest.param(gguf(rows=(row(dims=(2**40, 2**40)),)), "no tensor has the shape", id="overflow"),
        pytest.param(gguf(rows=(row(dims=(100,), kind=12),)), "a row of 100 does not fill", id="broken block"),
        pytest.param(
            gguf(rows=(row(), row(offset=32)), data=bytes(64)), "two tensors have one name", id="a name twice"
        ),
        pytest.param(gguf(rows=(row(), row(b"v")), data=bytes(64)), "two tensors have one content", id="one content"),
        pytest.param(
            gguf(rows=(row(dims=(16,)), row(b"v", offset=32)), data=bytes(64)),
            "overlaps that of the next",
            id="overlap",
        ),
    ],
)
def test_read_gguf_when_it_is_broken_then_says_why(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidDocumentError, match=why):
        read_gguf(InMemory(raw))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"GGUF" + pack("<IQQ", 3, 2**60, 0), "1152921504606846976 tensors", id="tensors"),
        pytest.param(b"GGUF" + pack("<IQQ", 3, 0, 2**60), "1152921504606846976 keys", id="keys"),
        pytest.param(gguf(text(b"k") + pack("<IIQ", 9, 0, 2**40)), "more than 8000000 items", id="items"),
        pytest.param(gguf(text(b"k") + pack("<IQ", 8, 2**40)), "bytes of text", id="text"),
        pytest.param(
            gguf(*[text(b"%d" % n) + pack("<IIQ", 9, 4, 64) + bytes(256) for n in range(10_000)]),
            "metadata of more than 33554432 bytes",
            id="many small arrays",
        ),
        pytest.param(gguf(text(b"k" * 65_536) + pack("<II", 4, 0)), "bytes of text", id="key"),
        pytest.param(gguf(text(b"k") + pack("<I", 9) + pack("<IQ", 9, 1) * 9), "nested deeper than 4", id="nested"),
        pytest.param(gguf(rows=(row(dims=(1,) * 9),)), "9 dimensions", id="dimensions"),
    ],
)
def test_read_gguf_when_it_claims_too_much_then_says_so_at_once(raw: bytes, why: str) -> None:
    with pytest.raises(LimitExceededError, match=why):
        read_gguf(InMemory(raw))


def test_read_gguf_when_shapes_are_read_then_are_those_of_numpy(tmp_path: Path) -> None:
    with OnDisk(write_gguf(tmp_path / "tiny.gguf")) as file:
        tensor = read_gguf(file).tensors[0]
        assert tensor.offset is not None
        content = file.read_at(tensor.offset, tensor.size)

    assert np.frombuffer(content, np.float32).reshape(tensor.shape)[1, 0] == 64
