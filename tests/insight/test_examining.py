"""What is known of one file, whatever its bytes are."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from orchard.formats import read_card
from orchard.insight import (
    CardInsight,
    GgufInsight,
    InMemory,
    Insight,
    OnDisk,
    TableInsight,
    Unreadable,
    conclude,
    examine,
)
from support.modelfiles import safetensors_bytes, write_gguf


def written_and_read(insight: Insight | None) -> object:
    return msgspec.json.decode(msgspec.json.encode(insight), type=Insight)


def test_a_file_of_weights_is_read_by_its_header() -> None:
    raw = safetensors_bytes({"a": np.ones(4, np.float16), "b": np.ones((2, 3), np.float32)}, {"x": "y"})

    found = examine("model.safetensors", InMemory(raw))

    assert written_and_read(found) == found
    assert found is not None
    assert not isinstance(found, Unreadable)
    assert conclude({"model.safetensors": found}).models[0].parameters_by_dtype == {"F32": 6, "F16": 4}


def test_a_gguf_keeps_what_people_ask_for_and_no_vocabulary(tmp_path: Path) -> None:
    with OnDisk(write_gguf(tmp_path / "m.gguf", tokens=1000)) as source:
        found = examine("m.gguf", source)

    assert isinstance(found, GgufInsight)
    assert written_and_read(found) == found
    assert (found.quantization, found.context_length, found.vocabulary) == ("Q4_K_M", 2048, 1000)
    assert (found.chat_template, found.name, found.architecture) == ("{{ messages }}", "tiny", "llama")
    assert len(msgspec.json.encode(found)) < 2000


@pytest.mark.parametrize("name", ["m.safetensors", "m.gguf", "m.onnx"])
def test_a_broken_file_says_why(name: str) -> None:
    found = examine(name, InMemory(b"broken"))

    assert isinstance(found, Unreadable)
    assert found.why
    assert not found.why.startswith(name)


@pytest.mark.parametrize("name", ["m.safetensors", "m.pt", "m.pkl", "config.json", "a.png"])
def test_a_pointer_of_git_lfs_is_named(name: str) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"

    assert examine(name, InMemory(pointer)) == Unreadable(
        why="a pointer of Git LFS, not the file itself; run git lfs pull before packing"
    )


def test_a_large_file_without_an_ending_is_looked_at(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "blob", tokens=50_000)

    with OnDisk(path) as source:
        assert isinstance(examine("layers/blob", source), GgufInsight)
    assert examine("layers/blob", InMemory(bytes(2 << 20))) is None
    assert examine("layers/blob", InMemory(b"GGUF")) is None


def test_tables_are_read_by_whoever_reads_tables() -> None:
    table = TableInsight(format="csv", columns=(), rows=3, size=9)

    assert examine("data/train.csv", InMemory(b"")) is None
    assert examine("data/train.csv", InMemory(b""), lambda _path, _source: table) == table
    assert conclude({"data/train.csv": table}).datasets[0].rows == 3


def test_other_files_say_nothing() -> None:
    assert examine("src/train.py", InMemory(b"print()")) is None


CARD = b"""---
license: apache-2.0
base_model: meta-llama/Llama-3.1-8B
datasets: [squad]
model-index:
- name: tiny
  results:
  - task: {type: text-classification}
    dataset: {name: SST-2}
    metrics: [{type: accuracy, value: 0.93}, {type: f1, value: "n/a"}]
---
# Tiny model
"""


def test_a_readme_is_read_where_somebody_reads_its_front_matter() -> None:
    found = examine("README.md", InMemory(CARD), cards=read_card)

    assert isinstance(found, CardInsight)
    assert (found.license, found.base_models, found.datasets) == (
        ("apache-2.0",),
        ("meta-llama/Llama-3.1-8B",),
        ("squad",),
    )
    measured = [(m.name, m.value, m.dataset) for m in found.metrics]
    assert measured == [("accuracy", 0.93, "SST-2"), ("f1", "n/a", "SST-2")]
    assert found.title == "Tiny model"
    assert examine("README.md", InMemory(CARD)) is None
    assert examine("README.md", InMemory(b""), cards=read_card) is None
