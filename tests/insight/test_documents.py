"""The small files around models."""

import json
import struct

import pytest

from orchard.insight import (
    AdapterInsight,
    ConfigInsight,
    GenerationInsight,
    ImageInsight,
    InMemory,
    Insight,
    MetricsInsight,
    NotebookInsight,
    PipelineInsight,
    SentencesInsight,
    Shape,
    ShardsInsight,
    TemplateInsight,
    TokenizerConfigInsight,
    TokenizerInsight,
    Unreadable,
    examine,
)


def said(name: str, content: object) -> Insight | None:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return examine(f"model/{name}", InMemory(raw))


QWEN = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 896,
    "num_attention_heads": 14,
    "num_hidden_layers": 24,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32768,
    "sliding_window": 32768,
    "use_sliding_window": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.40.1",
    "vocab_size": 151936,
    "quantization_config": {"quant_method": "awq", "bits": 4},
    "auto_map": {"AutoModel": "modeling_x.XModel"},
    "id2label": {"0": "no", "1": "yes"},
}


def test_a_config_tells_what_the_table_of_versions_shows() -> None:
    assert said("config.json", QWEN) == ConfigInsight(
        family="qwen2",
        architectures=("Qwen2ForCausalLM",),
        context_length=32768,
        vocabulary=151936,
        shape=Shape(layers=24, hidden=896, heads=14, kv_heads=2),
        dtype="bfloat16",
        quantization=("awq", 4),
        labels=("no", "yes"),
        library="transformers 4.40.1",
        code=("modeling_x.XModel",),
        raw=QWEN,
    )


@pytest.mark.parametrize(
    ("config", "context", "shape"),
    [
        (
            {"model_type": "gpt2", "n_ctx": 1024, "n_layer": 12, "n_embd": 768, "n_head": 12},
            1024,
            Shape(layers=12, hidden=768, heads=12),
        ),
        (
            {"model_type": "falcon", "num_hidden_layers": 32, "hidden_size": 4544, "n_head": 71, "multi_query": True},
            None,
            Shape(layers=32, hidden=4544, heads=71, kv_heads=1),
        ),
        (
            {
                "model_type": "gemma3",
                "text_config": {"n_layer": 34, "head_dim": 256, "sliding_window": 1024, "num_attention_heads": 8},
                "vision_config": {"num_hidden_layers": 27},
            },
            None,
            Shape(layers=34, heads=8, head_size=256, window=1024),
        ),
        (
            {"model_type": "deepseek_v3", "kv_lora_rank": 512, "qk_rope_head_dim": 64, "num_hidden_layers": 61},
            None,
            Shape(layers=61, latent=576),
        ),
        ({"model_type": "t5", "d_model": 512, "d_kv": 64, "num_layers": 6, "num_heads": 8}, None,
         Shape(layers=6, hidden=512, heads=8, head_size=64)),
        ({"_class_name": "UNet2DConditionModel", "_diffusers_version": "0.31.0"}, None, None),
    ],
    ids=["gpt2", "falcon", "gemma3", "deepseek", "t5", "unet"],
)  # fmt: skip
def test_configs_of_families_spell_the_same_differently(config: object, context: int | None, shape: Shape) -> None:
    found = said("config.json", config)

    assert isinstance(found, ConfigInsight)
    assert (found.context_length, found.shape) == (context, shape)


def test_a_mixture_tells_its_experts() -> None:
    found = said("config.json", {"model_type": "mixtral", "num_local_experts": 8, "num_experts_per_tok": 2})

    assert isinstance(found, ConfigInsight)
    assert found.experts == (8, 2)


def test_a_config_of_something_else_says_nothing() -> None:
    assert said("config.json", {"database": "x"}) is None
    assert said("config.json", [1]) is None
    assert said("package.json", {"model_type": "x"}) is None


def test_numbers_that_json_does_not_have_are_nothing() -> None:
    raw = b'{"model_type": "mamba2", "time_step_limit": [0.0, Infinity], "n_ctx": NaN, "vocab_size": 1e999}'

    found = said("config.json", raw)

    assert isinstance(found, ConfigInsight)
    assert (found.context_length, found.vocabulary) == (None, None)
    assert found.raw["time_step_limit"] == [0.0, None]


def test_what_samples_and_adapts_and_combines_is_told() -> None:
    assert said("generation_config.json", {"temperature": 0.6, "eos_token_id": [1, 2], "_from": 1}) == (
        GenerationInsight(settings={"temperature": 0.6})
    )
    assert said(
        "adapter_config.json",
        {
            "peft_type": "LORA",
            "base_model_name_or_path": "meta-llama/Llama-3.1-8B",
            "r": 16,
            "lora_alpha": 32,
            "lora_dropout": 0.05,
            "target_modules": ["v_proj", "q_proj"],
            "task_type": "CAUSAL_LM",
            "revision": None,
        },
    ) == AdapterInsight(
        type="LORA",
        base_model="meta-llama/Llama-3.1-8B",
        rank=16,
        alpha=32.0,
        dropout=0.05,
        target_modules=("q_proj", "v_proj"),
        task="CAUSAL_LM",
    )
    assert said(
        "model_index.json",
        {
            "_class_name": "FluxPipeline",
            "_diffusers_version": "0.31",
            "vae": ["diffusers", "AutoencoderKL"],
            "x": [None, None],
        },
    ) == PipelineInsight(type="FluxPipeline", library="diffusers 0.31", parts={"vae": ("diffusers", "AutoencoderKL")})
    module = "sentence_transformers.models.Pooling"
    assert said("modules.json", [{"idx": 0, "path": "1_Pooling", "type": module}]) == SentencesInsight(
        modules=(("1_Pooling", module),)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("model", "kind", "vocabulary", "merges"),
    [
        ({"type": "BPE", "vocab": {"a": 0, "b": 1, "<s>": 2}, "merges": ["a b"]}, "BPE", 4, 1),
        ({"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "b"], ["b", "c"]]}, "BPE", 3, 2),
        ({"vocab": {"a": 0}, "merges": []}, "BPE", 3, 0),
        ({"type": "Unigram", "vocab": [["a", -1.5], ["b", -2]]}, "Unigram", 4, None),
        ({"type": "WordPiece", "vocab": {"a": 0}}, "WordPiece", 3, None),
        ({"type": "WordLevel"}, "WordLevel", 2, None),
    ],
)
def test_a_tokenizer_counts_its_vocabulary(model: object, kind: str, vocabulary: int, merges: int | None) -> None:
    added = [{"id": 9, "content": "<s>", "special": True}, {"id": 10, "content": "word", "special": False}]

    found = said("tokenizer.json", {"model": model, "added_tokens": added, "normalizer": {"type": "NFC"}})

    assert found == TokenizerInsight(
        type=kind, vocabulary=vocabulary, merges=merges, added=2, special=("<s>",), normalizer="NFC"
    )


def test_a_config_of_a_tokenizer_names_its_templates() -> None:
    templates = [{"name": "default", "template": "{{ x }}"}, {"name": "tool_use", "template": "{{ y }}"}]

    found = said("tokenizer_config.json", {"chat_template": templates, "bos_token": "<s>", "model_max_length": 512})

    assert found == TokenizerConfigInsight(
        context_length=512, special={"bos_token": "<s>"}, chat_template="{{ x }}", templates=("default", "tool_use")
    )
    assert said("chat_template.jinja", b"{{ z }}") == TemplateInsight(chat_template="{{ z }}")


def test_an_index_tells_which_tensor_is_where() -> None:
    index = {
        "metadata": {"total_size": 9, "total_parameters": 4},
        "weight_map": {"b": "1.bin", "a": "1.bin", "c": "2.bin"},
    }

    assert said("pytorch_model.bin.index.json", index) == ShardsInsight(
        size=9, parameters=4, files={"1.bin": ("a", "b"), "2.bin": ("c",)}
    )


CELLS = [
    {"cell_type": "code", "source": ["print(1)"], "outputs": [{"output_type": "stream"}] * 2, "execution_count": 3},
    {"cell_type": "code", "source": "x", "outputs": [], "execution_count": None},
    {"cell_type": "markdown", "source": ["Text\n", "## The *title* ##\n"]},
]


def test_a_notebook_tells_its_title_and_what_runs_it() -> None:
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "name": "python3"},
            "language_info": {"name": "python", "version": "3.12.1"},
        },
        "cells": CELLS,
    }
    odd = {"nbformat": 4, "metadata": {"kernelspec": {"display_name": None, "name": "r", "language": "R"}}, "cells": []}
    old = {
        "nbformat": 3,
        "metadata": {},
        "worksheets": [{"cells": [{"cell_type": "heading", "level": 1, "source": "Old"}]}],
    }

    assert said("a.ipynb", notebook) == NotebookInsight(
        title="The *title*",
        kernel="Python 3",
        language="python 3.12.1",
        cells={"code": 2, "markdown": 1},
        outputs=2,
        executed=1,
        format="4.5",
    )
    assert said("c.ipynb", odd) == NotebookInsight(kernel="r", language="R", format="4.0")
    assert said("b.ipynb", old) == NotebookInsight(title="Old", cells={"heading": 1}, format="3.0")


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">LL", 640, 480) + bytes(20)
JPEG = b"\xff\xd8\xff\xe1\0\x0aExif\0\0xx" + b"\xff\xff\xc2\0\x11\x08" + struct.pack(">HH", 480, 640) + bytes(9)
VP8X = b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x7f\x02\0\xdf\x01\0" + bytes(9)
VP8L = b"RIFF\0\0\0\0WEBPVP8L" + bytes(4) + b"\x2f" + struct.pack("<L", 639 | 479 << 14) + bytes(9)
VP8 = b"RIFF\0\0\0\0WEBPVP8 " + bytes(7) + b"\x9d\x01\x2a" + struct.pack("<HH", 640, 480)
BMP = b"BM" + bytes(12) + struct.pack("<Lll", 40, 640, -480)
SVG = b'<?xml version="1.0"?>\n<svg xmlns="x" width="640px" height=\'480.5\' viewBox="0 0 1 1">'


@pytest.mark.parametrize(
    ("name", "raw", "form"),
    [
        ("a.png", PNG, "png"),
        ("a.jpg", JPEG, "jpeg"),
        ("misnamed.png", JPEG, "jpeg"),
        ("a.gif", b"GIF89a" + struct.pack("<HH", 640, 480), "gif"),
        ("a.webp", VP8X, "webp"),
        ("a.webp", VP8L, "webp"),
        ("a.webp", VP8, "webp"),
        ("a.bmp", BMP, "bmp"),
        ("a.bmp", b"BM" + bytes(12) + struct.pack("<LHH", 12, 640, 480), "bmp"),
        ("a.svg", SVG, "svg"),
        ("a.svg", b'<svg viewBox="0,0 640 480">', "svg"),
        ("a.svg", b'<svg width="100%" height="100%" viewBox="0 0 640 480">', "svg"),
    ],
)
def test_an_image_tells_its_size(name: str, raw: bytes, form: str) -> None:
    assert said(name, raw) == ImageInsight(format=form, width=640, height=480)


def test_an_svg_need_not_have_a_size() -> None:
    assert said("a.svg", b"<svg onload='x'>") == ImageInsight(format="svg")


def test_metrics_are_numbers_by_their_path() -> None:
    raw = b'{"acc": 1, "eval": {"f1": 0.5, "name": "x", "ok": true, "per": [1, 2]}, "loss": NaN, "big": 1e400}'

    assert said("metrics.json", raw) == MetricsInsight(metrics={"acc": 1.0, "eval.f1": 0.5})


@pytest.mark.parametrize(
    ("name", "raw", "why"),
    [
        ("config.json", b'{"model_type": ', "not JSON"),
        ("config.json", b'{"model_type": "\xff"}', "not JSON"),
        ("config.json", b'{"model_type": "\\ud800"}', "not JSON"),
        ("config.json", b'{"model_type":' * 5000, "nested too deeply"),
        ("config.json", b"[" + b"1," * 600_001, "says more than any such file"),
        ("metrics.json", bytes((16 << 20) + 1), "at most 16777216 are read"),
        ("x.safetensors.index.json", b"{}", "no weight_map"),
        ("x.safetensors.index.json", b'{"weight_map": {"a": 1}}', "in no file"),
        (
            "x.safetensors.index.json",
            json.dumps({"weight_map": {str(n): str(n) for n in range(2001)}}).encode(),
            "more than anybody's",
        ),
        ("tokenizer.json", b'{"model": {"vocab": {"a": "b"}}}', "not a tokenizer"),
        ("tokenizer.json", b'{"model": {"vocab": {"a"', "not a tokenizer"),
        ("tokenizer.json", b'{"x":' * 100_000, "nested too deeply"),
        ("tokenizer.json", b'{"model":{"vocab":[' + b"1," * 1_000_001 + b"1]}}", "more than 1000000 items"),
        ("a.ipynb", b'{"nbformat": "4"}', "not a notebook"),
        ("a.ipynb", b'{"cells": [{"cell_type"', "not a notebook"),
        ("a.ipynb", b'{"nbformat":4,"x":' + b"[" * 100_000, "nested too deeply"),
        ("a.ipynb", b'"cell_type"' * 20_001, "more than 20000 cells"),
        ("a.png", b"GIF89a\0\0\0\0", "not an image"),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\x02" + b"\xff\xd0" * 20, "ends at byte"),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\x02x", "without a frame"),
        ("a.jpg", b"\xff\xd8\xff" + b"\xff\xd0" * 600, "without a frame"),
        ("a.svg", b"<html>", "does not begin like an SVG"),
        ("a.png", b"", "not an image"),
    ],
)
def test_what_is_not_what_its_name_says_tells_why(name: str, raw: bytes, why: str) -> None:
    found = said(name, raw)

    assert isinstance(found, Unreadable)
    assert why in found.why
