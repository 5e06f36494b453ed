"""What a whole version is, from what is known of its files."""

import json
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from orchard.formats import read_card
from orchard.insight import Conclusion, GgufInsight, InMemory, Insight, ModelFacts, OnDisk, conclude, examine
from support.modelfiles import safetensors_by_hand, safetensors_bytes, write_gguf
from support.torchfiles import tensor, torch_zip

LLAMA = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131_072,
    "vocab_size": 128_256,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.46.0",
}


def understood(files: Mapping[str, bytes | object]) -> Conclusion:
    insights: dict[str, Insight] = {}
    for path, content in files.items():
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        found = examine(path, InMemory(raw), cards=read_card)
        if found is not None:
            insights[path] = found
    concluded = conclude(insights)
    assert msgspec.json.decode(msgspec.json.encode(concluded), type=Conclusion) == concluded
    return concluded


def only(concluded: Conclusion) -> ModelFacts:
    (model,) = concluded.models
    return model


def weights(**shapes: tuple[int, ...]) -> bytes:
    return safetensors_bytes({name.replace("__", "."): np.zeros(shape, np.float16) for name, shape in shapes.items()})


class Sized(InMemory):
    """A header with a body that is only claimed."""

    def __init__(self, header: bytes, size: int) -> None:
        super().__init__(header)
        self._claimed = len(header) + size

    @property
    def size(self) -> int:
        return self._claimed

    def read_at(self, offset: int, size: int, /) -> bytes:
        return super().read_at(offset, size).ljust(size, b"\0")


def test_shards_are_one_model_and_what_is_missing_is_named() -> None:
    index = {
        "metadata": {"total_size": 800},
        "weight_map": {
            "a": "model-00001-of-00003.safetensors",
            "b": "model-00002-of-00003.safetensors",
            "gone": "model-00002-of-00003.safetensors",
            "c": "model-00003-of-00003.safetensors",
        },
    }
    model = only(
        understood({
            "m/model.safetensors.index.json": index,
            "m/model-00001-of-00003.safetensors": weights(a=(10,)),
            "m/model-00002-of-00003.safetensors": weights(b=(20,)),
        })
    )  # fmt: skip

    assert model.name == "m/model.safetensors"
    assert (model.parameters, model.tensors, model.size, len(model.files)) == (30, 2, 60, 2)
    assert (model.missing, model.unplaced) == (("m/model-00003-of-00003.safetensors",), 1)
    assert model.memory is None


def test_numbered_files_are_one_model_without_an_index() -> None:
    one, two = weights(a=(10,)), weights(b=(20,))

    whole = only(understood({"m-00001-of-00002.safetensors": one, "m-00002-of-00002.safetensors": two}))
    part = only(understood({"m-00002-of-00002.safetensors": two}))

    assert (whole.name, whole.parameters, whole.missing) == ("m-*-of-00002.safetensors", 30, ())
    assert part.missing == ("m-00001-of-00002.safetensors",)


def test_directories_that_are_numbered_are_no_shards() -> None:
    one, two = weights(a=(10,)), weights(a=(10,))

    concluded = understood({"run-1-of-2/m.safetensors": one, "run-2-of-2/m.safetensors": two})

    assert [model.parameters for model in concluded.models] == [10, 10]
    assert only(understood({"m-1-of-0.safetensors": one})).missing == ()


def test_consolidated_files_are_one_model() -> None:
    files = {f"consolidated.0{n}.pth": torch_zip({f"layer{n}": tensor("0", 4)}) for n in range(2)}

    assert only(understood(files)).name == "consolidated.*.pth"


def test_several_models_are_told_apart_and_the_main_one_comes_first(tmp_path: Path) -> None:
    gguf = write_gguf(tmp_path / "m.gguf").read_bytes()
    concluded = understood({
        "lora/adapter_model.safetensors": weights(x=(5000,)),
        "lora/adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": "org/base", "r": 8},
        "model.safetensors": weights(a=(1000,)),
        "config.json": LLAMA,
        "quantised/m.gguf": gguf,
        "optimizer.pt": torch_zip({"state": {0: {"exp_avg": tensor("0", 9000)}}}),
    })  # fmt: skip

    assert [(model.name, model.role) for model in concluded.models] == [
        ("model.safetensors", "model"),
        ("quantised/m.gguf", "model"),
        ("lora/adapter_model.safetensors", "adapter"),
        ("optimizer.pt", "training"),
    ]
    assert concluded.base_models == ("org/base",)
    assert concluded.adapter is not None
    assert concluded.adapter.rank == 8
    assert concluded.framework == "transformers"


def test_an_adapter_alone_names_its_base_and_has_no_estimate_of_its_own() -> None:
    config = {"peft_type": "LORA", "base_model_name_or_path": "org/base", "r": 16, "target_modules": ["v", "q"]}

    concluded = understood({"adapter_model.safetensors": weights(x=(50,)), "adapter_config.json": config})

    assert (concluded.framework, concluded.base_models) == ("peft", ("org/base",))
    assert only(concluded).memory is None
    assert concluded.adapter is not None
    assert concluded.adapter.target_modules == ("q", "v")


def test_parts_of_a_pipeline_have_their_names() -> None:
    index = {"_class_name": "FluxPipeline", "vae": ["diffusers", "AutoencoderKL"], "unet": ["diffusers", "UNet"]}
    files = {"model_index.json": index, "vae/d.safetensors": weights(a=(1,)), "unet/d.safetensors": weights(a=(9,))}

    concluded = understood(files)

    assert [(model.role, model.parameters) for model in concluded.models] == [("unet", 9), ("vae", 1)]
    assert concluded.framework == "diffusers"


def eight_billion() -> dict[str, Insight]:
    shape = [8_030_261_248 // 4096, 4096]
    header = {"w": {"dtype": "BF16", "shape": shape, "data_offsets": [0, 2 * shape[0] * shape[1]]}}
    source = Sized(safetensors_by_hand(header), 2 * shape[0] * shape[1])
    found = {
        "model.safetensors": examine("model.safetensors", source),
        "config.json": examine("config.json", InMemory(json.dumps(LLAMA).encode())),
    }
    return {path: insight for path, insight in found.items() if insight is not None}


def test_memory_is_estimated_with_its_formula() -> None:
    model = conclude(eight_billion()).models[0]

    assert model.memory is not None
    needs = {(need.precision, need.context): need for need in model.memory.needs}
    assert list(needs) == [
        (precision, context)
        for precision in ("stored", "float32", "float16", "int8", "4-bit")
        for context in (8192, 131_072)
    ]
    half = needs["float16", 8192]
    # 2 x 32 layers x 8 heads x 128 x 8192 tokens x 2 bytes: the GiB that everybody reckons for Llama 3 8B
    assert half.cache == 1 << 30
    assert half.weights == 2 * 8_030_261_248
    assert half.overhead == (half.weights + half.cache) // 10 + (512 << 20)
    assert half.total == half.weights + half.cache + half.overhead
    assert (half.fits, needs["4-bit", 8192].fits[0], needs["float32", 131_072].fits) == ((24, 48, 80), 8, (80,))
    assert needs["stored", 8192].weights == half.weights
    assert model.memory.numbers["kvHeads"] == 8
    assert any(line.startswith("cache = 2 x layers") for line in model.memory.formula)


def test_memory_without_a_known_shape_has_no_cache_and_says_so() -> None:
    generates = {"architectures": ["XForCausalLM"], "model_type": "x"}
    classifies = {**LLAMA, "architectures": ["BertForSequenceClassification"]}

    unknown = only(understood({"model.safetensors": weights(a=(100,)), "config.json": generates})).memory
    none = only(understood({"model.safetensors": weights(a=(100,)), "config.json": classifies})).memory

    assert unknown is not None
    assert none is not None
    assert "the cache of keys and values is not in it" in unknown.note
    assert none.note == ""
    assert {need.context for need in (*unknown.needs, *none.needs)} == {None}
    assert none.needs[0].total == 200 + 20 + 200


def test_compressed_attention_keeps_less() -> None:
    deepseek = {**LLAMA, "kv_lora_rank": 512, "qk_rope_head_dim": 64, "architectures": ["DeepseekV3ForCausalLM"]}

    model = only(understood({"model.safetensors": weights(a=(100,)), "config.json": deepseek}))

    assert model.memory is not None
    assert model.memory.needs[0].cache == 32 * 576 * 8192 * 2


def test_a_gguf_alone_tells_everything(tmp_path: Path) -> None:
    with OnDisk(write_gguf(tmp_path / "m.gguf")) as source:
        found = examine("m.gguf", source)
    assert found is not None
    concluded = conclude({"m.gguf": found})

    model = only(concluded)
    assert (model.quantization, model.context_length, model.vocabulary) == ("Q4_K_M", 2048, 8)
    assert (concluded.framework, concluded.chat_template, concluded.title) == ("llama.cpp", "{{ messages }}", "tiny")
    assert concluded.tokenizer is not None
    assert concluded.tokenizer.vocabulary == 8


def test_an_estimator_is_a_model_and_says_what_it_imports() -> None:
    raw = (Path(__file__).parent / "pickles" / "pipeline.joblib").read_bytes()

    concluded = understood({"model.joblib": raw, "data.pkl": b"\x80\x02]."})

    assert only(concluded).architecture == "sklearn.pipeline.Pipeline"
    assert concluded.framework == "scikit-learn"
    assert "numpy.dtype" in concluded.imports
    assert concluded.kinds == {"pickle": 2}


def test_metrics_of_files_come_before_those_of_the_card() -> None:
    card = b"""---
base_model: [org/base, org/other]
model-index:
- name: x
  results:
  - dataset: {name: d}
    metrics: [{type: accuracy, value: 0.5}, {type: f1, value: 0.7}]
---
# Title
"""
    concluded = understood({
        "README.md": card,
        "metrics.json": {"accuracy": 0.9, "eval": {"loss": 0.1, "name": "x"}},
        "old/metrics.json": {"accuracy": 0.1},
    })  # fmt: skip

    assert concluded.metrics == {"accuracy": 0.9, "eval.loss": 0.1, "f1": 0.7}
    assert [result.dataset for result in concluded.results] == ["d", "d"]
    assert (concluded.base_models, concluded.title) == (("org/base", "org/other"), "Title")


def test_a_tokenizer_is_put_together_from_its_files() -> None:
    concluded = understood({
        "tokenizer.json": {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]}},
        "tokenizer_config.json": {
            "tokenizer_class": "LlamaTokenizer",
            "eos_token": {"content": "</s>"},
            "model_max_length": 10**30,
            "chat_template": "{% if tools %}",
        },
    })  # fmt: skip

    assert concluded.tokenizer is not None
    assert (concluded.tokenizer.type, concluded.tokenizer.vocabulary) == ("LlamaTokenizer", 2)
    assert (concluded.tokenizer.special, concluded.tokenizer.context_length) == ({"eos_token": "</s>"}, None)
    assert (concluded.chat_template, concluded.tools) == ("{% if tools %}", True)


def test_files_that_cannot_be_read_are_named() -> None:
    concluded = understood({"m.safetensors": b"x", "config.json": b"{"})

    assert list(concluded.unreadable) == ["config.json", "m.safetensors"]
    assert concluded.models == ()


def test_what_was_quantised_is_counted_even_where_the_config_is_too_long_to_keep() -> None:
    config = {
        "model_type": "llama",
        "transformers_version": "4",
        "quantization_config": {"quant_method": "awq", "bits": 4},
        "long": "x" * 70_000,
    }
    packed = safetensors_bytes({"a.qweight": np.zeros((4, 8), np.int32)})

    model = only(understood({"model.safetensors": packed, "config.json": config}))

    assert (model.parameters, model.quantization, model.family) == (256, "awq", "llama")


def test_a_gguf_says_what_it_was_made_of_and_which_part_it_is(tmp_path: Path) -> None:
    with OnDisk(write_gguf(tmp_path / "m.gguf")) as source:
        found = examine("m.gguf", source)
    assert isinstance(found, GgufInsight)
    said = {"general.base_model.0.repo_url": "https://huggingface.co/org/base", "general.type": "adapter"}

    concluded = conclude({"m.gguf": msgspec.structs.replace(found, metadata=said)})

    assert (concluded.base_models, only(concluded).role) == (("org/base",), "adapter")


def test_who_wrote_safetensors_for_whom_tells_the_framework() -> None:
    raw = safetensors_bytes({"a": np.zeros(3)}, {"format": "mlx"})

    assert understood({"model.safetensors": raw}).framework == "mlx"


def test_a_checkpoint_without_tensors_is_no_model() -> None:
    concluded = understood({"training_args.bin": torch_zip({"lr": 0.1})})

    assert concluded.models == ()
    assert concluded.kinds == {"torch": 1}


def test_nothing_says_nothing() -> None:
    assert conclude({}) == Conclusion()
