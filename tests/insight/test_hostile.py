"""Whatever the bytes are: a header, or an error that names why."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import InvalidDocumentError, LimitExceededError, UnsupportedError
from orchard.insight import InMemory, RandomAccess, read_gguf, read_header, read_onnx, read_safetensors
from support.modelfiles import safetensors_bytes, write_gguf

EXAMPLES = Path(__file__).parents[2] / "examples" / "digits" / "model"
READERS: dict[str, Callable[[RandomAccess], object]] = {
    "safetensors": read_safetensors,
    "gguf": read_gguf,
    "onnx": read_onnx,
}
# What parsers stumble over: limits of integers, brackets, numbers without end.
PATCHES = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.sampled_from(
        [b"\0" * 8, b"\xff" * 8, b"\xff" * 4, b"\x7f", b"\x80" * 10, b"[", b"{", b'"', b"1e999", b"-1", b"\\ud800"]
    ),
)
REFUSED = (InvalidDocumentError, LimitExceededError)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return {
        "safetensors": safetensors_bytes({"a": np.ones(4), "b": np.ones((2, 3), np.float16)}, {"x": "y"}),
        "gguf": write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf").read_bytes(),
        "onnx": (EXAMPLES / "digits.onnx").read_bytes(),
    }


@pytest.mark.parametrize("name", READERS)
@given(data=st.binary(max_size=400))
def test_read_when_bytes_are_any_then_refuses_them_or_not(name: str, data: bytes) -> None:
    prefix = {"safetensors": len(data).to_bytes(8, "little") + b"{", "gguf": b"GGUF\3\0\0\0", "onnx": b"\x08\x08"}[name]
    for raw in (data, prefix + data):
        try:
            READERS[name](InMemory(raw))
        except REFUSED as error:
            assert str(error).startswith("the file: ")  # noqa: PT017 -- either may happen


@pytest.mark.parametrize("name", READERS)
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), PATCHES), max_size=6))
def test_read_when_a_sound_file_is_damaged_then_refuses_it_or_not(
    name: str, flips: list[tuple[float, bytes]], sound: dict[str, bytes]
) -> None:
    raw = bytearray(sound[name])
    for place, patch in flips:
        at = int(place * min(len(raw), 1200))
        raw[at : at + len(patch)] = patch
    try:
        READERS[name](InMemory(bytes(raw)))
    except REFUSED as error:
        assert str(error).startswith("the file: ")  # noqa: PT017 -- either may happen


@pytest.mark.parametrize("name", READERS)
@given(cut=st.floats(0, 1, exclude_max=True))
def test_read_when_a_sound_file_is_cut_off_then_refuses_it(name: str, cut: float, sound: dict[str, bytes]) -> None:
    raw = sound[name][: int(cut * len(sound[name]))]

    with pytest.raises(REFUSED, match="the file: "):
        READERS[name](InMemory(raw))


def test_read_header_when_the_name_lies_then_believes_the_name_and_refuses(sound: dict[str, bytes]) -> None:
    with pytest.raises(InvalidDocumentError, match="not a GGUF file"):
        read_header(InMemory(sound["onnx"]), "m.gguf")


def test_read_header_when_the_name_says_nothing_then_looks_at_the_bytes(sound: dict[str, bytes]) -> None:
    assert read_header(InMemory(sound["gguf"]), "blob") == read_gguf(InMemory(sound["gguf"]))
    assert read_header(InMemory(sound["safetensors"]), "blob") == read_safetensors(InMemory(sound["safetensors"]))


def test_read_header_when_it_is_no_model_then_names_the_formats() -> None:
    with pytest.raises(UnsupportedError, match="those are safetensors, GGUF, ONNX and PyTorch"):
        read_header(InMemory(b"pickle"), "model.bin")
