from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import SafetensorError, deserialize

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight import InMemory, OnDisk, read_safetensors
from support.modelfiles import safetensors_by_hand, safetensors_bytes

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits" / "model" / "digits.safetensors"


def _theirs(raw: bytes) -> list[tuple[str, dict[str, Any]]]:
    return deserialize(raw)  # type: ignore[no-any-return,no-untyped-call]  # the library has no types


class Counting(InMemory):
    """Counts what is read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.read: list[int] = []

    def read_at(self, offset: int, size: int, /) -> bytes:
        self.read.append(size)
        return super().read_at(offset, size)


def one(dtype: object = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict[str, object]:
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


def test_read_safetensors_when_the_library_wrote_it_then_tells_what_the_library_tells() -> None:
    raw = safetensors_bytes(
        {
            "b": np.arange(12, dtype=np.float32).reshape(3, 4),
            "a": np.ones((2, 2), dtype=np.float16),
            "scalar": np.array(7, dtype=np.int64),
            "none": np.zeros((0, 5), dtype=np.uint8),
        },
        {"format": "np", "who": "ärbel"},
    )

    header = read_safetensors(InMemory(raw))

    theirs = {name: (info["dtype"], tuple(info["shape"]), bytes(info["data"])) for name, info in _theirs(raw)}
    ours = {
        t.name: (t.dtype, t.shape, raw[t.offset : t.offset + t.size]) for t in header.tensors if t.offset is not None
    }
    assert ours == theirs
    assert header.metadata == {"format": "np", "who": "ärbel"}
    assert header.parameters_by_dtype == {"F32": 12, "F16": 4, "I64": 1, "U8": 0}
    assert header.parameters == 17


def test_read_safetensors_when_it_is_the_example_then_finds_its_layers() -> None:
    with OnDisk(EXAMPLE) as file:
        header = read_safetensors(file)

    assert {tensor.name: tensor.shape for tensor in header.tensors}
    assert sum(tensor.size for tensor in header.tensors) == EXAMPLE.stat().st_size - header.header_size


def test_read_safetensors_when_the_file_is_large_then_reads_the_header_only() -> None:
    file = Counting(safetensors_bytes({"w": np.zeros(4_000_000, dtype=np.float32)}))

    header = read_safetensors(file)

    assert header.parameters == 4_000_000
    assert file.read == [64 << 10]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"", "ends at byte 0, within its header", id="empty"),
        pytest.param(b"\x02\0\0\0", "ends at byte 4", id="cut off in the length"),
        pytest.param(b"\x40\0\0\0\0\0\0\0{}", "ends at byte 10", id="length beyond the file"),
        pytest.param(safetensors_by_hand(b"[]"), "no JSON object", id="a list"),
        pytest.param(safetensors_by_hand(b'{"w":'), "not JSON", id="broken JSON"),
        pytest.param(safetensors_by_hand(b'{"a":1,"a":2}'), "stands twice", id="a name twice"),
        pytest.param(safetensors_by_hand(b'{"\xff":1}'), "not UTF-8", id="not UTF-8"),
        pytest.param(safetensors_by_hand({"w": 1}), "must have dtype, shape and data_offsets", id="no entry"),
        pytest.param(safetensors_by_hand({"w": {**one()["w"], "x": 1}}), "and nothing else", id="another key"),  # type: ignore[dict-item]
        pytest.param(safetensors_by_hand(one(dtype="F33"), bytes(8)), "the type 'F33' is not known", id="dtype"),
        pytest.param(safetensors_by_hand(one(dtype=3), bytes(8)), "is not what it must be", id="dtype a number"),
        pytest.param(safetensors_by_hand(one(shape=(3,)), bytes(8)), "is not what 8 bytes hold", id="wrong size"),
        pytest.param(safetensors_by_hand(one(shape=(-2,)), bytes(8)), "is not what it must be", id="negative"),
        pytest.param(safetensors_by_hand(one(shape=(True, 2)), bytes(8)), "is not what it must be", id="a truth"),
        pytest.param(safetensors_by_hand(one(shape=(2.0,)), bytes(8)), "is not what it must be", id="a float"),
        pytest.param(
            safetensors_by_hand(one(shape=(2**40, 2**40)), bytes(8)), "no tensor has the shape", id="overflow"
        ),
        pytest.param(
            safetensors_by_hand(one(shape=(2**40, 2**40, 0), offsets=(0, 0))), "no tensor has", id="overflow times 0"
        ),
        pytest.param(safetensors_by_hand(one(shape=[1] * 65), bytes(8)), "65 dimensions", id="dimensions"),
        pytest.param(safetensors_by_hand(one(offsets=(8, 0)), bytes(8)), "is not what -8 bytes hold", id="backwards"),
        pytest.param(safetensors_by_hand(one(offsets=(0, 8, 8)), bytes(8)), "is not what it must", id="three offsets"),
        pytest.param(safetensors_by_hand(one(offsets=(4, 12)), bytes(12)), "the one before ends at", id="a hole"),
        pytest.param(safetensors_by_hand(one(), bytes(9)), "the tensors end at byte", id="something after"),
        pytest.param(safetensors_by_hand(one(), bytes(7)), "the tensors end at byte", id="cut off"),
        pytest.param(safetensors_by_hand({**one(), "v": one()["w"]}, bytes(8)), "the one before ends", id="overlap"),
        pytest.param(safetensors_by_hand({"__metadata__": {"a": 1}}), "holds something that is no text", id="metadata"),
        pytest.param(safetensors_by_hand({"__metadata__": []}), "is no object", id="metadata a list"),
    ],
)
def test_read_safetensors_when_it_is_broken_then_says_why(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidDocumentError, match=why):
        read_safetensors(InMemory(raw))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(((32 << 20) + 1).to_bytes(8, "little") + b"{}", "a header of 33554433 bytes", id="length"),
        pytest.param(safetensors_by_hand(b'{"a":' + b"[" * 100 + b"]" * 100 + b"}"), "nested deeper", id="depth"),
        pytest.param(safetensors_by_hand(b'{"a":[' + b"1," * 1_500_000 + b"1]}"), "more than any model", id="numbers"),
    ],
)
def test_read_safetensors_when_it_is_too_much_then_says_so_at_once(raw: bytes, why: str) -> None:
    with pytest.raises(LimitExceededError, match=why):
        read_safetensors(InMemory(raw))


@pytest.mark.parametrize(
    "raw",
    [
        safetensors_by_hand(one(offsets=(4, 12)), bytes(12)),
        safetensors_by_hand(one(), bytes(9)),
        safetensors_by_hand({**one(), "v": one()["w"]}, bytes(8)),
        safetensors_by_hand(one(shape=(2**40, 2**40)), bytes(8)),
    ],
    ids=["hole", "tail", "overlap", "overflow"],
)
def test_read_safetensors_when_it_refuses_then_so_does_the_library(raw: bytes) -> None:
    with pytest.raises(SafetensorError):
        _theirs(raw)
