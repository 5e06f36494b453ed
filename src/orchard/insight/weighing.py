"""What is kept of the headers of safetensors, GGUF and ONNX files."""

from collections.abc import Mapping
from math import isfinite
from typing import Final

from orchard.errors import InvalidDocumentError
from orchard.insight.detection import ModelHeader
from orchard.insight.gguf import Array, Gguf, Value
from orchard.insight.kept import Scalar
from orchard.insight.onnx import Onnx
from orchard.insight.plain import MAX_TEXT
from orchard.insight.tensor import MAX_ELEMENTS
from orchard.insight.torch import Torch
from orchard.insight.weights import (
    GgufInsight,
    LongArray,
    OnnxInsight,
    SafetensorsInsight,
    Shape,
    TorchInsight,
)

MAX_IMPORTS: Final = 1000  # names
_CHAT: Final = "tokenizer.chat_template"  # and, with a name behind it, further ones


def kept_of(header: ModelHeader) -> SafetensorsInsight | GgufInsight | OnnxInsight | TorchInsight:
    """Keep what a header says.

    Raises:
        InvalidDocumentError: If its tensors together hold more numbers than anybody counts.
    """
    if header.parameters > MAX_ELEMENTS:
        raise InvalidDocumentError(f"{header.parameters} numbers in its tensors, more than any file holds")
    if isinstance(header, Torch):
        return _torch(header)
    if isinstance(header, Gguf):
        return _gguf(header)
    if isinstance(header, Onnx):
        return _onnx(header)
    return SafetensorsInsight(
        tensors=header.tensors,
        parameters=header.parameters,
        parameters_by_dtype=dict(header.parameters_by_dtype),
        size=sum(tensor.size for tensor in header.tensors),
        metadata={key[:MAX_TEXT]: text[:MAX_TEXT] for key, text in header.metadata.items()},
    )


def _gguf(header: Gguf) -> GgufInsight:
    kind = header.metadata.get("tokenizer.ggml.model")
    return GgufInsight(
        tensors=header.tensors,
        parameters=header.parameters,
        parameters_by_dtype=dict(header.parameters_by_dtype),
        size=sum(tensor.size for tensor in header.tensors),
        version=header.version,
        byte_order=header.byte_order,
        metadata={key: _kept(value) for key, value in header.metadata.items() if not key.startswith(_CHAT)},
        architecture=header.architecture,
        name=header.name,
        quantization=header.quantization,
        context_length=header.context_length,
        vocabulary=header.vocabulary_size,
        tokenizer=kind if isinstance(kind, str) else None,
        chat_template=header.chat_template,
        shape=_shape(header.metadata, header.architecture),
    )


def _kept(value: Value) -> Scalar | list[object] | LongArray:
    if isinstance(value, Array):
        return LongArray(type=value.type, count=value.count)
    if isinstance(value, tuple):
        return [_kept(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return str(value)  # JSON has no such number
    return value[:MAX_TEXT] if isinstance(value, str) else value


def _shape(metadata: Mapping[str, Value], family: str | None) -> Shape | None:
    """Read what llama.cpp calls the hyperparameters (ggml ``docs/gguf.md``, "LLM")."""
    if not family:
        return None

    def number(key: str) -> int | None:
        value = metadata.get(f"{family}.{key}")
        if isinstance(value, tuple):  # one for each layer
            value = max((item for item in value if type(item) is int), default=None)
        return value if type(value) is int and value > 0 else None

    return Shape(
        layers=number("block_count"),
        hidden=number("embedding_length"),
        heads=number("attention.head_count"),
        kv_heads=number("attention.head_count_kv"),
        head_size=number("attention.key_length"),
        window=number("attention.sliding_window"),
    )


def _onnx(header: Onnx) -> OnnxInsight:
    return OnnxInsight(
        tensors=header.tensors,
        parameters=header.parameters,
        parameters_by_dtype=dict(header.parameters_by_dtype),
        size=sum(tensor.size for tensor in header.tensors),
        ir_version=header.ir_version,
        opsets=dict(header.opsets),
        producer=header.producer[:MAX_TEXT],
        graph=header.graph[:MAX_TEXT],
        inputs=header.inputs,
        outputs=header.outputs,
        operators=dict(sorted(header.operators.items(), key=lambda item: (-item[1], item[0]))),
        metadata={key[:MAX_TEXT]: text[:MAX_TEXT] for key, text in header.metadata.items()},
        external=header.external,
    )


def _torch(header: Torch) -> TorchInsight:
    return TorchInsight(
        tensors=header.tensors,
        parameters=header.parameters,
        parameters_by_dtype=dict(header.parameters_by_dtype),
        size=header.size,
        container=header.container,
        weights_under=header.weights_under,
        imports=header.imports[:MAX_IMPORTS],
        notes=dict(header.notes),
        shared=header.shared,
    )
