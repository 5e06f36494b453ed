"""What files say about the model that they belong to; what cannot be read says nothing."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import numpy as np
import pytest

from orchard.formats import PackConfig
from orchard.insight import InMemory, RandomAccess
from orchard.project.describing import MAX_HEADERS, MAX_SMALL, Subject, describe
from support.modelfiles import safetensors_bytes

WEIGHTS = safetensors_bytes({"layer": np.zeros((10, 100), np.float16)})


def opened(data: bytes) -> AbstractContextManager[RandomAccess]:
    return nullcontext(InMemory(data))


def said(files: Mapping[str, bytes]) -> PackConfig:
    return describe(Subject(path, len(data), partial(opened, data)) for path, data in files.items())


def test_a_whole_model_says_what_it_is() -> None:
    card = (
        b"---\nlicense: [apache-2.0, mine]\nlanguage: en\n"
        b"pipeline_tag: automatic-speech-recognition\ndatasets: [a/b, c]\n---\n"
    )

    config = said({
        "model.safetensors": WEIGHTS,
        "config.json": b'{"model_type": "whisper", "transformers_version": "5"}',
        "README.md": card,
    })  # fmt: skip

    assert (config.traits.format, config.traits.param_size, config.traits.precision) == ("safetensors", "1k", "float16")
    assert (config.traits.architecture, config.about.family) == ("transformer", "whisper")
    assert config.about.licenses == ("Apache-2.0",)
    assert config.about.datasets_url == ("https://huggingface.co/datasets/a/b",)
    assert config.traits.capabilities is not None
    assert config.traits.capabilities.input_types == ("audio",)
    assert config.traits.capabilities.output_types == ("text",)
    assert config.traits.capabilities.languages == ("en",)


def test_the_file_nearest_to_the_top_speaks_for_the_model() -> None:
    config = said({"a/b/config.json": b'{"model_type": "deep"}', "a/config.json": b'{"model_type": "near"}'})

    assert config.about.family == "near"


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("m.gguf", "gguf"),
        ("m.PT", "pt"),
        ("m.bin", "pt"),
        ("m.onnx", "onnx"),
        ("m.h5", "h5"),
        ("m.engine", ""),
        ("m.txt", ""),
    ],
)
def test_weights_that_cannot_be_read_say_their_format_by_their_name(name: str, form: str) -> None:
    assert said({name: b"nonsense"}).traits.format == form


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"model.safetensors": b""},
        {"model.safetensors": b"\xff" * 64, "config.json": b"{", "tokenizer_config.json": b"[" * 9999},
        {"config.json": b" " * (MAX_SMALL + 1)},
        {"config.json": b"7", "x.index.json": b'{"metadata": []}', "README.md": b"---\n[\n---\n"},
        {"README.md": b"---\npipeline_tag: [1]\nlanguage: {a: b}\nlicense: 7\ndatasets: [[], 'x y/z']\n---\n"},
        {"chat_template.jinja": b"\xff\xfe"},
    ],
)  # fmt: skip
def test_hostile_files_say_nothing(files: dict[str, bytes]) -> None:
    config = said(files)

    assert config.traits.param_size == ""
    assert config.about.family == ""
    assert config.about.licenses == ()
    assert config.about.datasets_url == ()


def test_too_many_files_of_weights_are_not_read() -> None:
    config = said({f"{number}.safetensors": WEIGHTS for number in range(MAX_HEADERS + 1)})

    assert (config.traits.format, config.traits.param_size) == ("safetensors", "")
