"""What a whole model is, put together from the headers of its files and from the small files beside them.

Everything comes from strangers: what has the wrong type is absent, and what nobody says is not guessed. Words for
precision are those of the CNCF model-spec.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from orchard.insight.tensor import Tensor
from orchard.oci import JSON

_WORDS: Final[Mapping[str, str]] = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3",
    "F8_E5M2": "float8_e5m2", "C64": "complex64", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64",
    "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64", "BOOL": "bool",
    "FLOAT": "float32", "DOUBLE": "float64", "FLOAT16": "float16", "BFLOAT16": "bfloat16", "INT8": "int8",
    "INT16": "int16", "INT32": "int32", "INT64": "int64", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32",
    "UINT64": "uint64", "FLOAT8E4M3FN": "float8_e4m3", "FLOAT8E5M2": "float8_e5m2", "COMPLEX64": "complex64",
    "COMPLEX128": "complex128",
    # PyTorch's own words
    "float64": "float64", "float32": "float32", "float16": "float16", "bfloat16": "bfloat16", "int8": "int8",
    "int16": "int16", "int32": "int32", "int64": "int64", "uint8": "uint8", "uint16": "uint16", "uint32": "uint32",
    "uint64": "uint64", "bool": "bool", "complex32": "complex32", "complex64": "complex64",
    "complex128": "complex128", "float8_e4m3fn": "float8_e4m3", "float8_e5m2": "float8_e5m2",
}  # fmt: skip
PRECISIONS: Final = frozenset(_WORDS.values())

# How quantisers name what they add to a layer, and the tensors into which they pack several weights.
_BESIDE: Final = (
    ".qzeros", ".g_idx", ".scales", ".weight_shape", ".weight_zero_point", ".weight_scale", ".weight_scale_inv",
    ".input_scale", ".output_scale", ".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", "_scales",
)  # fmt: skip
_PACKED: Final = (".qweight", ".weight_packed", "_blocks")
_WIDTHS: Final[Mapping[str, int]] = {"I32": 32, "I8": 8, "U8": 8, "I64": 64, "U32": 32}
_FOUR: Final = 4  # bits of a weight where nobody says another number
_TRACE: Final = 0.01  # share of the bytes below which a type says nothing about a quantised model
_PLAIN: Final = frozenset(("F64", "F32", "F16", "BF16"))

_PREFIXES: Final = "kmbtq"
_STEP: Final = 1000

# Families that Transformers and llama.cpp run and that are no transformers.
_NO_TRANSFORMERS: Final = (
    "mamba", "rwkv", "resnet", "convnext", "regnet", "mobilenet", "efficientnet", "wavenet", "rnn",
)  # fmt: skip


class Described(Protocol):
    """What is known of a file of weights: its header, or what was kept of it. Further attributes are looked for."""

    @property
    def format(self) -> str:
        """``safetensors``, ``gguf``, ``onnx`` or ``torch``."""
        ...

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of them."""
        ...

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """Those that count as parameters."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a model is. Empty and ``None`` are what nobody says.

    Attributes:
        format: ``safetensors``, ``gguf``, ``onnx`` or ``torch``; of several, that of the most bytes.
        parameters: Numbers in all tensors, those that a quantiser packed counted one by one.
        precision: Types of the tensors, most bytes first.
        quantization: Method or, for GGUF, type of the file.
        architecture: ``transformer``, or nothing.
        family: Such as ``llama``.
        title: What the file calls the model.
        reasoning: Whether its chat template shows that it thinks first.
        tool_usage: Whether its chat template takes tools.
        input_types: Of ``text image audio video``.
        output_types: Of ``text embedding other``.
        reward: Whether it scores what others say.
    """

    format: str = ""
    parameters: int | None = None
    precision: tuple[str, ...] = ()
    quantization: str = ""
    architecture: str = ""
    family: str = ""
    title: str = ""
    input_types: tuple[str, ...] = ()
    output_types: tuple[str, ...] = ()
    reasoning: bool | None = None
    tool_usage: bool | None = None
    reward: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The small files of a model, as JSON values; None where there is none.

    Attributes:
        config: ``config.json`` of Transformers.
        tokenizer: ``tokenizer_config.json``.
        index: ``*.safetensors.index.json``, for a model whose weights are not here.
        chat_template: ``chat_template.jinja``.
        sentences: Whether there is a ``modules.json``, as sentence-transformers write it.
        pipeline: Whether there is a ``model_index.json``, as diffusers write it: each directory is a model then.
    """

    config: JSON = None
    tokenizer: JSON = None
    index: JSON = None
    chat_template: str = ""
    sentences: bool = False
    pipeline: bool = False


def summarise(headers: Mapping[str, Described], beside: Beside = Beside()) -> Summary:
    """Put together what a model is.

    The same model may be there several times: in several formats, at several precisions. It counts once.

    Args:
        headers: Of all files of weights that could be read, by path.
        beside: The small files.
    """
    config = _object(beside.config)
    weights = _Weights(_one_model(headers, by_folder=beside.pipeline), _quantizer(config))
    templates = "\n".join(_templates(beside, weights.chat_template))
    family = _text(config.get("model_type")) or weights.family
    return Summary(
        format=weights.format,
        parameters=weights.parameters or _indexed(beside.index),
        precision=weights.precision or _configured(config),
        quantization=weights.quantization,
        architecture="" if not _is_transformer(config, weights, family) else "transformer",
        family=family,
        title=weights.title,
        reward=True if any("RewardModel" in name for name in _texts(config.get("architectures"))) else None,
        reasoning=True if "<think>" in templates or "enable_thinking" in templates else None,
        tool_usage=True if "tool_call" in templates or "tools" in templates else None,
        input_types=_inputs(config, weights, sentences=beside.sentences),
        output_types=_outputs(config, weights, sentences=beside.sentences),
    )


def param_size(parameters: int | None) -> str:
    """Write a number of parameters as the spec wants it: at most one decimal, and a prefix.

    >>> param_size(7_241_732_096), param_size(999_960), param_size(500), param_size(3)
    ('7.2b', '1m', '0.5k', '')
    """
    tenths, prefix = (parameters or 0) / (_STEP / 10), 0
    while round(tenths) >= _STEP * 10 and prefix < len(_PREFIXES) - 1:
        tenths, prefix = tenths / _STEP, prefix + 1
    whole, rest = divmod(round(tenths), 10)
    if not whole and not rest:
        return ""
    return f"{whole}.{rest}{_PREFIXES[prefix]}" if rest else f"{whole}{_PREFIXES[prefix]}"


def _one_model(headers: Mapping[str, Described], *, by_folder: bool) -> list[Described]:
    """Choose the files that make up one model: those of one format, largest first, that share no tensor's name."""
    form = main_format({path: header for path, header in headers.items() if not is_addition(path)} or headers)
    of_form = {path: header for path, header in headers.items() if header.format == form}
    ordered = sorted(of_form, key=lambda path: (is_addition(path), -_size(of_form[path]), path))
    seen: set[tuple[str, str]] = set()
    chosen: list[Described] = []
    for path in ordered:
        folder = path.rpartition("/")[0] if by_folder else ""
        names = {(folder, tensor.name) for tensor in of_form[path].tensors}
        if (is_addition(path) and chosen) or not seen.isdisjoint(names):
            continue
        seen |= names
        chosen.append(of_form[path])
    return chosen


def main_format(headers: Mapping[str, Described]) -> str:
    """Give the format of most bytes; safetensors, the format that models are trained in, already from half of them."""
    sizes: dict[str, int] = {}
    for header in headers.values():
        sizes[header.format] = sizes.get(header.format, 0) + _size(header)
    if 2 * sizes.get("safetensors", -1) >= max(sizes.values(), default=0):
        return "safetensors"
    return max(sorted(sizes), key=lambda name: sizes[name], default="")


def _size(header: Described) -> int:
    return sum(tensor.size for tensor in header.weights)


def is_addition(path: str) -> bool:
    """Tell by its name whether a file adds to a model: an adapter, or a projector of images."""
    name = path.rpartition("/")[2].lower()
    return "lora" in name or "mmproj" in name or name.startswith("adapter")


@dataclass(frozen=True, slots=True)
class _Quantizer:
    """How a config says that weights were quantised."""

    method: str = ""
    bits: int = _FOUR


class _Weights:
    """What the headers say together."""

    def __init__(self, headers: Sequence[Described], quantizer: _Quantizer) -> None:
        self.headers = headers
        self.quantizer = quantizer
        self._bytes: dict[str, int] = {}
        self._count = 0
        for header in headers:
            for tensor in header.weights:
                self._add(tensor)

    def _add(self, tensor: Tensor) -> None:
        method = self.quantizer.method
        if method and (tensor.name.endswith(_BESIDE) or ".quant_state." in tensor.name):
            return
        packed = method and tensor.name.endswith(_PACKED) and tensor.dtype in _WIDTHS
        if packed or (method == "bitsandbytes" and tensor.dtype == "U8"):
            self._count += tensor.elements * _WIDTHS[tensor.dtype] // self.quantizer.bits
            self._bytes["packed"] = self._bytes.get("packed", 0) + tensor.size
            return
        self._count += tensor.elements
        self._bytes[tensor.dtype] = self._bytes.get(tensor.dtype, 0) + tensor.size

    @property
    def parameters(self) -> int | None:
        return self._count or None

    @property
    def format(self) -> str:
        return self.headers[0].format if self.headers else ""

    @property
    def precision(self) -> tuple[str, ...]:
        total = sum(self._bytes.values())
        least = total * _TRACE if self.quantization else 0
        ordered = sorted(self._bytes.items(), key=lambda item: (-item[1], item[0]))
        return tuple(dict.fromkeys(_WORDS[name] for name, size in ordered if name in _WORDS and size >= least))

    @property
    def quantization(self) -> str:
        if self.quantizer.method:
            return self.quantizer.method
        for header in self.headers:
            kind = getattr(header, "quantization", None)
            if isinstance(kind, str) and kind not in _PLAIN:
                return kind
        return ""

    @property
    def family(self) -> str:
        return next((name for name in self._said("architecture") if name != "clip"), "")

    @property
    def title(self) -> str:
        return next(self._said("name"), "")

    @property
    def chat_template(self) -> str:
        return next(self._said("chat_template"), "")

    def _said(self, attribute: str) -> Iterator[str]:
        values = (getattr(header, attribute, None) for header in self.headers)
        return (value for value in values if isinstance(value, str) and value)


def _quantizer(config: Mapping[str, JSON]) -> _Quantizer:
    inner = _object(config.get("text_config"))  # where models that read more than text keep it
    places = ((one.get("quantization_config"), one.get("compression_config")) for one in (config, inner))
    said = next((_object(value) for pair in places for value in pair if _object(value)), {})
    method = _text(said.get("quant_method"))
    if not method:
        return _Quantizer()
    bits = next((bits for bits in _bits(said) if bits), 8 if said.get("load_in_8bit") is True else _FOUR)
    return _Quantizer(method, bits)


def _bits(said: Mapping[str, JSON]) -> Iterator[int]:
    yield _small(said.get("bits"))
    yield _small(said.get("w_bit"))
    for group in _object(said.get("config_groups")).values():
        yield _small(_object(_object(group).get("weights")).get("num_bits"))


def _small(value: JSON) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value in {2, 3, 4, 5, 6, 8, 16} else 0


def _indexed(index: JSON) -> int | None:
    said = _object(_object(index).get("metadata")).get("total_parameters")
    return said if isinstance(said, int) and not isinstance(said, bool) and said > 0 else None


def _configured(config: Mapping[str, JSON]) -> tuple[str, ...]:
    """Take the type that a config of Transformers names; newer ones call it ``dtype``."""
    inner = _object(config.get("text_config"))
    names = (config.get("dtype"), config.get("torch_dtype"), inner.get("dtype"), inner.get("torch_dtype"))
    found = next((_text(name) for name in names if _text(name)), "").removeprefix("torch.")
    return (found,) if found in PRECISIONS else ()


def _is_transformer(config: Mapping[str, JSON], weights: _Weights, family: str) -> bool:
    if family.lower().startswith(_NO_TRANSFORMERS):
        return False
    known = "transformers_version" in config and bool(_text(config.get("model_type")))
    return known or (weights.format == "gguf" and bool(weights.family))


def _templates(beside: Beside, own: str) -> Iterator[str]:
    """Give all chat templates; one that mentions neither tools nor thinking says nothing about them."""
    said = _object(beside.tokenizer).get("chat_template")
    yield own
    yield beside.chat_template
    yield _text(said)
    yield from (_text(_object(item).get("template")) for item in (said if isinstance(said, list) else ()))


_SEES: Final = {"vision_config": "image", "audio_config": "audio", "video_token_id": "video", "image_token_id": "image"}
_GENERATES: Final = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
_CLASSIFIES: Final = ("ForSequenceClassification", "ForTokenClassification", "ForImageClassification")


def _inputs(config: Mapping[str, JSON], weights: _Weights, *, sentences: bool) -> tuple[str, ...]:
    reads = sentences or "vocab_size" in config or "text_config" in config or _generates(config, weights)
    seen = (word for key, word in _SEES.items() if config.get(key) is not None)
    return tuple(dict.fromkeys((*(("text",) if reads else ()), *seen)))


def _outputs(config: Mapping[str, JSON], weights: _Weights, *, sentences: bool) -> tuple[str, ...]:
    if sentences:
        return ("embedding",)
    if _generates(config, weights):
        return ("text",)
    classifies = any(name.endswith(_CLASSIFIES) for name in _texts(config.get("architectures")))
    return ("other",) if classifies else ()


def _generates(config: Mapping[str, JSON], weights: _Weights) -> bool:
    return any(name.endswith(_GENERATES) for name in _texts(config.get("architectures"))) or bool(weights.chat_template)


def _object(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: JSON) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
