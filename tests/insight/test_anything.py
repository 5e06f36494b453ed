"""Whatever the bytes of whatever file are, examining them gives something that can be kept, and concluding too."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchard.formats import read_card
from orchard.insight import Conclusion, InMemory, Insight, Unreadable, conclude, examine
from support.modelfiles import safetensors_bytes, write_gguf
from support.torchfiles import Storage, Tensor, tensor, torch_legacy, torch_zip

PICKLES = Path(__file__).parent / "pickles"
STATE = {"state_dict": {"a.weight": tensor("0", 3, 4), "b": tensor("1", 2)}, "epoch": 3}
CONFIG = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 2, "hidden_size": 64,
    "num_attention_heads": 4, "max_position_embeddings": 128, "quantization_config": {"quant_method": "awq", "bits": 4},
    "id2label": {"0": "a"}, "text_config": {"vocab_size": 9},
}  # fmt: skip
TOKENIZER = {
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]},
    "added_tokens": [{"content": "<s>", "special": True}],
}
CELL = {"cell_type": "markdown", "source": ["# Title"], "outputs": [{"output_type": "x"}], "execution_count": 1}
CARD = b"---\nlicense: mit\nmodel-index:\n- results:\n  - metrics: [{type: a, value: 1}]\n---\n# Title\n"
JPEG = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\1\0\1\0" + bytes(8)
SEEDS: dict[str, bytes] = {
    "m.pt": torch_zip(STATE),
    "l.pth": torch_legacy(STATE),
    "m.safetensors": safetensors_bytes({"a": np.ones(4), "b": np.ones((2, 3), np.float16)}, {"x": "y"}),
    "m.pkl": (PICKLES / "logistic-0.pkl").read_bytes(),
    "m2.pkl": (PICKLES / "logistic-5.pkl").read_bytes(),
    "m.joblib": (PICKLES / "pipeline.joblib").read_bytes(),
    "z.joblib": (PICKLES / "pipeline-zlib.joblib").read_bytes(),
    "x.joblib": (PICKLES / "pipeline-xz.joblib").read_bytes(),
    "b.joblib": (PICKLES / "pipeline-bz2.joblib").read_bytes(),
    "config.json": json.dumps(CONFIG).encode(),
    "tokenizer.json": json.dumps(TOKENIZER).encode(),
    "tokenizer_config.json": json.dumps({"chat_template": [{"name": "a", "template": "b"}], "eos_token": "c"}).encode(),
    "generation_config.json": b'{"temperature": 0.5}',
    "adapter_config.json": b'{"r": 8, "lora_alpha": 16, "target_modules": ["q"], "base_model_name_or_path": "a/b"}',
    "model_index.json": b'{"_class_name": "X", "vae": ["a", "b"]}',
    "modules.json": b'[{"path": "a", "type": "b"}]',
    "m.safetensors.index.json": b'{"metadata": {"total_size": 1}, "weight_map": {"a": "m.safetensors"}}',
    "metrics.json": b'{"a": 1, "b": {"c": 2.5}}',
    "n.ipynb": json.dumps({"nbformat": 4, "metadata": {"kernelspec": {"name": "x"}}, "cells": [CELL]}).encode(),
    "README.md": CARD,
    "a.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0" + bytes(8),
    "a.jpg": JPEG,
    "a.webp": b"RIFF\0\0\0\0WEBPVP8X" + bytes(17),
    "a.svg": b'<svg width="1" viewBox="0 0 1 1">',
}
PATCHES = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.sampled_from([
        b"\0" * 8, b"\xff" * 8, b"\xff" * 4, b"\x7f", b"\x80" * 10, b"[", b"{", b'"', b"1e999", b"-1", b"\\ud800",
        b"NaN", b"null", b"}", b"]", b"R", b"b", b"h\0", b"(", b"t", b"PK\1\2", b"PK\5\6", b"\x8c\xff", b"\x8a\xff",
        b".",
    ]),
)  # fmt: skip


def kept(path: str, raw: bytes) -> Insight | None:
    found = examine(path, InMemory(raw), cards=read_card)
    if found is not None:
        again = msgspec.json.decode(msgspec.json.encode(found), type=Insight)
        assert type(again) is type(found)
        concluded = conclude({path: found})
        msgspec.json.decode(msgspec.json.encode(concluded), type=Conclusion)
    return found


@pytest.mark.parametrize("path", SEEDS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_a_damaged_file_gives_an_insight_or_a_reason(path: str, data: st.DataObject) -> None:
    raw = bytearray(SEEDS[path])
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, max(len(raw) - 1, 0)))
        patch = data.draw(PATCHES)
        raw[at : at + data.draw(st.integers(0, len(patch)))] = patch
    kept(path, bytes(raw[: data.draw(st.sampled_from([len(raw), len(raw) // 2, len(raw) - 1]))]))


@settings(max_examples=50, deadline=None)
@given(path=st.sampled_from([*SEEDS, "m.gguf", "m.onnx", "blob"]), raw=st.binary(max_size=200))
def test_any_bytes_under_any_name_give_an_insight_or_a_reason(path: str, raw: bytes) -> None:
    kept(path, raw)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("path", [path for path in SEEDS if path.endswith(".json")])
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_any_value_in_any_place_of_a_document_gives_an_insight_or_a_reason(path: str, data: st.DataObject) -> None:
    said = json.loads(SEEDS[path])
    place = said
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if data.draw(st.booleans()):
            place[key] = data.draw(JSONS)
            break
        place = place[key]
    kept(path, json.dumps(said).encode())


HUGE = [
    ("m.pt", torch_zip({str(n): Tensor(Storage(str(n), "f4", 1), (2**62,), strides=(0,)) for n in range(3)})),
    ("n.pt", torch_zip({"a": Tensor(Storage("0", "i8", 1), (2**62,), strides=(0,))})),
    ("config.json", json.dumps({**CONFIG, "num_hidden_layers": 2**53, "hidden_size": 2**53}).encode()),
]


def test_numbers_that_nobody_can_read_are_not_written(tmp_path: Path) -> None:
    gguf = write_gguf(tmp_path / "m.gguf").read_bytes()
    length = gguf.index(b"llama.context_length") + 24
    found = {path: one for path, raw in HUGE if (one := kept(path, raw)) is not None}
    found["m.safetensors"] = kept("m.safetensors", SEEDS["m.safetensors"]) or Unreadable(why="")
    found["m.gguf"] = kept("m.gguf", gguf[:length] + b"\xff" * 4 + gguf[length + 4 :]) or Unreadable(why="")

    concluded = conclude(found)

    assert msgspec.json.decode(msgspec.json.encode(concluded), type=Conclusion) == concluded
    assert list(concluded.unreadable) == ["m.pt"]
    assert next(model for model in concluded.models if model.name == "n.pt").memory is None


def test_a_gguf_with_numbers_that_json_does_not_have_is_kept(tmp_path: Path) -> None:
    raw = write_gguf(tmp_path / "m.gguf").read_bytes()
    nan = b"\0\0\0\0\0\0\xf8\x7f"

    kept("m.gguf", raw.replace(b"\x9a\x99\x99\x99\x99\x99\xb9\x3f", nan))
