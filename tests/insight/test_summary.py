"""What a whole model is, from the headers of its files and the small files beside them."""

from pathlib import Path

import numpy as np
import pytest

from orchard.insight import Beside, InMemory, ModelHeader, OnDisk, param_size, read_header, summarise
from orchard.oci import JSON
from support.modelfiles import safetensors_by_hand, safetensors_bytes, write_gguf


def header(**tensors: tuple[str, list[int], int]) -> ModelHeader:
    """A safetensors header of tensors, each of a type, a shape and bytes for one element."""
    at, said = 0, {}
    for name, (dtype, shape, width) in tensors.items():
        size = int(np.prod(shape)) * width
        said[name.replace("__", ".")] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    return read_header(InMemory(safetensors_by_hand(said, bytes(at))), "model.safetensors")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, ""),
        (0, ""),
        (49, ""),
        (50, ""),
        (51, "0.1k"),
        (999, "1k"),
        (1000, "1k"),
        (1500, "1.5k"),
        (17_226, "17.2k"),
        (999_949, "999.9k"),
        (999_950, "1m"),
        (7_241_732_096, "7.2b"),
        (8_030_261_248, "8b"),
        (671_000_000_000, "671b"),
        (1_000_000_000_000, "1t"),
        (10**18, "1000q"),
    ],
)
def test_a_number_of_parameters_has_one_decimal_and_a_prefix(count: int | None, text: str) -> None:
    assert param_size(count) == text


def test_types_are_sorted_by_their_bytes() -> None:
    found = summarise({"a": header(x=("F32", [10], 4), y=("BF16", [100], 2), z=("F32", [5], 4))})

    assert (found.format, found.parameters, found.precision) == ("safetensors", 115, ("bfloat16", "float32"))


def test_shards_add_up() -> None:
    shards = {f"model-{n}-of-3.safetensors": header(**{f"layer{n}": ("F16", [10, 10], 2)}) for n in range(3)}

    assert summarise(shards).parameters == 300


def test_the_same_model_twice_counts_once() -> None:
    one = header(layer=("F16", [10, 10], 2))
    data = {"layer": np.zeros((10, 10), np.float32)}
    twice = read_header(InMemory(safetensors_bytes(data)), "b.safetensors")

    found = summarise({"consolidated.safetensors": one, "model.safetensors": twice})

    assert (found.parameters, found.precision) == (100, ("float32",))


def test_adapters_and_projectors_do_not_count_beside_a_model() -> None:
    files = {"model.safetensors": header(a=("F16", [10], 2)), "adapter_model.safetensors": header(b=("F32", [99], 4))}

    assert summarise(files).parameters == 10
    assert summarise({"my-lora.safetensors": header(b=("F32", [99], 4))}).parameters == 99


def test_each_directory_of_a_pipeline_is_a_model() -> None:
    files = {f"{folder}/model.safetensors": header(conv_in=("F16", [10], 2)) for folder in ("unet", "vae")}

    assert summarise(files, Beside(pipeline=True)).parameters == 20
    assert summarise(files).parameters == 10


@pytest.mark.parametrize(
    ("said", "tensors", "parameters", "precision"),
    [
        (
            {"quant_method": "gptq", "bits": 4},
            {
                "a__qweight": ("I32", [100], 4),
                "a__qzeros": ("I32", [9], 4),
                "a__scales": ("F16", [9], 2),
                "b": ("F16", [50], 2),
            },
            850,
            ("float16",),
        ),
        ({"quant_method": "awq", "w_bit": 8}, {"a__qweight": ("I32", [100], 4)}, 400, ()),
        ({"quant_method": "awq", "bits": "4"}, {"a__qweight": ("I32", [100], 4)}, 800, ()),
        (
            {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 4}}}},
            {"a__weight_packed": ("I32", [100], 4), "a__weight_shape": ("I64", [2], 8)},
            800,
            (),
        ),
        (
            {"quant_method": "bitsandbytes", "load_in_4bit": True},
            {"a__weight": ("U8", [100], 1), "a__weight__absmax": ("F32", [9], 4)},
            200,
            (),
        ),
        ({"quant_method": "mxfp4"}, {"a_blocks": ("U8", [100], 1), "a_scales": ("U8", [9], 1)}, 200, ()),
        (
            {"quant_method": "fp8"},
            {"a": ("F8_E4M3", [100], 1), "a__weight_scale_inv": ("F32", [9], 4)},
            100,
            ("float8_e4m3",),
        ),
    ],
    ids=["gptq", "awq-8", "awq-text", "compressed", "bnb", "mxfp4", "fp8"],
)
def test_packed_weights_are_counted_one_by_one(
    said: JSON, tensors: dict[str, tuple[str, list[int], int]], parameters: int, precision: tuple[str, ...]
) -> None:
    found = summarise({"m": header(**tensors)}, Beside(config={"quantization_config": said}))

    assert isinstance(said, dict)
    assert (found.parameters, found.precision, found.quantization) == (parameters, precision, said["quant_method"])


def test_a_gguf_tells_its_family_and_its_quantization(tmp_path: Path) -> None:
    with OnDisk(write_gguf(tmp_path / "m.gguf")) as source:
        found = summarise({"m.gguf": read_header(source, "m.gguf")})

    assert (found.format, found.family, found.architecture, found.quantization) == (
        "gguf",
        "llama",
        "transformer",
        "Q4_K_M",
    )
    assert found.title == "tiny"
    assert found.parameters


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "qwen2", "transformers_version": "4"}, ("transformer", "qwen2")),
        ({"model_type": "mamba2", "transformers_version": "4"}, ("", "mamba2")),
        ({"model_type": "mlp"}, ("", "mlp")),
        ({}, ("", "")),
        ({"model_type": 7, "transformers_version": "4"}, ("", "")),
        ([], ("", "")),
    ],
)
def test_the_architecture_is_not_guessed(config: JSON, expected: tuple[str, str]) -> None:
    found = summarise({}, Beside(config=config))

    assert (found.architecture, found.family) == expected


@pytest.mark.parametrize(
    ("beside", "inputs", "outputs"),
    [
        (Beside(config={"architectures": ["LlamaForCausalLM"]}), ("text",), ("text",)),
        (
            Beside(config={"architectures": ["Qwen2VLForConditionalGeneration"], "vision_config": {}}),
            ("text", "image"),
            ("text",),
        ),
        (Beside(config={"architectures": ["BertForSequenceClassification"], "vocab_size": 9}), ("text",), ("other",)),
        (Beside(config={"architectures": ["BertModel"], "vocab_size": 9}, sentences=True), ("text",), ("embedding",)),
        (Beside(config={"architectures": "x", "audio_config": {"a": 1}}), ("audio",), ()),
    ],
)
def test_what_goes_in_and_out_is_told_by_the_config(
    beside: Beside, inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> None:
    found = summarise({}, beside)

    assert (found.input_types, found.output_types) == (inputs, outputs)


def test_a_chat_template_shows_tools_and_thinking() -> None:
    tokenizer: JSON = {"chat_template": [{"name": "default", "template": "{% if tools %}<think>"}, 7]}

    found = summarise({}, Beside(tokenizer=tokenizer))

    assert (found.tool_usage, found.reasoning) == (True, True)
    assert summarise({}, Beside(chat_template="hello")).tool_usage is None


def test_a_dtype_of_the_config_stands_in_for_headers() -> None:
    assert summarise({}, Beside(config={"torch_dtype": "torch.float16"})).precision == ("float16",)
    assert summarise({}, Beside(config={"dtype": "weird"})).precision == ()
    assert summarise({}, Beside(index={"metadata": {"total_parameters": 5000}})).parameters == 5000


HOSTILE: list[JSON] = [
    None,
    1,
    "x",
    [],
    [[]],
    {"quantization_config": []},
    {"quantization_config": {"quant_method": []}},
    {"architectures": [1, None]},
    {"architectures": {}},
    {"metadata": {"total_parameters": -1}},
    {"chat_template": {"a": 1}},
    {"quantization_config": {"quant_method": "x", "bits": 0, "config_groups": [1]}},
]


@pytest.mark.parametrize("value", HOSTILE, ids=str)
def test_hostile_files_say_nothing(value: JSON) -> None:
    found = summarise({"m": header(a=("F32", [3], 4))}, Beside(config=value, tokenizer=value, index=value))

    assert found.parameters == 3


def test_what_models_of_several_kinds_say_of_their_language_model_counts() -> None:
    inner: JSON = {"torch_dtype": "bfloat16", "quantization_config": {"quant_method": "awq", "bits": 4}}
    config: JSON = {"model_type": "x", "text_config": inner, "vision_config": {}}
    weights = header(**{"a.qweight": ("I32", [2, 8], 4)})

    found = summarise({"m": weights}, Beside(config=config))

    assert (found.quantization, found.parameters, found.input_types) == ("awq", 128, ("text", "image"))
    assert summarise({}, Beside(config=config)).precision == ("bfloat16",)
