"""Facts about models and data, read from the headers of their files: bounded, by ranged reads, never the weights.

A name is imported when it is first asked for, because no command needs all of this room.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchard.insight.access import InMemory, OnDisk, RandomAccess
    from orchard.insight.arrays import TensorData
    from orchard.insight.detection import ModelFormat, ModelHeader, detect_format, read_header
    from orchard.insight.gguf import Array, Gguf, read_gguf
    from orchard.insight.onnx import Onnx, OnnxValue, read_onnx
    from orchard.insight.safetensors import Safetensors, read_safetensors
    from orchard.insight.summary import PRECISIONS, Beside, Summary, param_size, summarise
    from orchard.insight.tensor import Tensor, parameters_by_dtype

__all__ = [
    "PRECISIONS",
    "Array",
    "Beside",
    "Gguf",
    "InMemory",
    "ModelFormat",
    "ModelHeader",
    "OnDisk",
    "Onnx",
    "OnnxValue",
    "RandomAccess",
    "Safetensors",
    "Summary",
    "Tensor",
    "TensorData",
    "detect_format",
    "param_size",
    "parameters_by_dtype",
    "read_gguf",
    "read_header",
    "read_onnx",
    "read_safetensors",
    "summarise",
]

_WHERE: Final = {
    "InMemory": "access",
    "OnDisk": "access",
    "RandomAccess": "access",
    "TensorData": "arrays",
    "ModelFormat": "detection",
    "ModelHeader": "detection",
    "detect_format": "detection",
    "read_header": "detection",
    "Array": "gguf",
    "Gguf": "gguf",
    "read_gguf": "gguf",
    "Onnx": "onnx",
    "OnnxValue": "onnx",
    "read_onnx": "onnx",
    "Safetensors": "safetensors",
    "read_safetensors": "safetensors",
    "PRECISIONS": "summary",
    "Beside": "summary",
    "Summary": "summary",
    "param_size": "summary",
    "summarise": "summary",
    "Tensor": "tensor",
    "parameters_by_dtype": "tensor",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(name)
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
