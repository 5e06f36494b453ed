"""JSON to tensors and back, as the Open Inference Protocol (KServe's V2) writes them.

Only the process that runs a model imports this: it needs numpy.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from orchard.errors import InvalidError, LimitExceededError
from orchard.oci import JSON

MAX_ELEMENTS: Final = 16 << 20  # of one tensor

# The protocol's word for each element type of ONNX; bfloat16 and the 8-bit floats have none in JSON.
_WORDS: Final = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
_TYPES: Final[dict[str, Any]] = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "BYTES": np.object_,
}
_OF_NUMPY: Final = {np.dtype(kind): word for word, kind in _TYPES.items()}


class Port(Protocol):
    """An input or an output of a model, as onnxruntime describes it."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def type(self) -> str:
        """Its type, such as ``tensor(float)``."""
        ...

    @property
    def shape(self) -> list[int | str | None]:
        """Its size in each dimension; a name or nothing where that may vary."""
        ...


class Expected(NamedTuple):
    """What an input must be.

    Attributes:
        name: What it is called.
        datatype: The protocol's word for its elements; empty if it has none.
        shape: Its size in each dimension, -1 where that may vary.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]

    def to_json(self) -> dict[str, JSON]:
        """Describe it as the protocol does."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


def describe(port: Port) -> Expected:
    """Put what onnxruntime says of an input or output into the protocol's words."""
    shape = tuple(size if isinstance(size, int) and size >= 0 else -1 for size in port.shape)
    return Expected(port.name, _WORDS.get(port.type, ""), shape)


def read_inputs(value: JSON, expected: Iterable[Expected]) -> dict[str, Any]:
    """Make the arrays that a request asks to run the model on.

    Args:
        value: The request: an object with ``inputs``, a list of tensors.
        expected: What the model takes.

    Raises:
        InvalidError: If it is not such a request, or not what the model takes.
        LimitExceededError: If a tensor is too large.
    """
    known = {one.name: one for one in expected}
    given = value.get("inputs") if isinstance(value, dict) else None
    if not isinstance(given, list):
        raise InvalidError("the request must be an object with a list of 'inputs'")
    arrays = dict(_read(one, known) for one in given)
    missing = known.keys() - arrays.keys()
    if missing:
        raise InvalidError(f"inputs are missing: {', '.join(sorted(missing))}")
    return arrays


def write_outputs(model: str, outputs: Mapping[str, Any]) -> dict[str, JSON]:
    """Write what a model gave, as the protocol's answer.

    Raises:
        InvalidError: If an output is of a type that the protocol cannot write.
    """
    return {"model_name": model, "outputs": [_write(name, array) for name, array in outputs.items()]}


def _read(value: JSON, known: Mapping[str, Expected]) -> tuple[str, Any]:
    if not isinstance(value, dict) or not isinstance(name := value.get("name"), str):
        raise InvalidError("each input must be an object with a 'name'")
    if name not in known:
        raise InvalidError(f"there is no input {name[:128]!r}; there are {', '.join(known)}")
    wanted = known[name]
    kind = value.get("datatype", wanted.datatype)
    if kind != wanted.datatype or kind not in _TYPES:
        raise InvalidError(f"{name}: must be {wanted.datatype or 'of a type that JSON can write'}, not {kind!r}")
    array = _array(name, kind, data=value.get("data"), shape=value.get("shape", list(wanted.shape)))
    fits = array.ndim == len(wanted.shape) and all(
        size in {-1, there} for size, there in zip(wanted.shape, array.shape, strict=True)
    )
    if not fits:
        raise InvalidError(f"{name}: must have the shape {list(wanted.shape)}, not {list(array.shape)}")
    return name, array


def _array(name: str, kind: str, *, data: JSON, shape: JSON) -> Any:  # noqa: ANN401 -- numpy's arrays are its own affair
    if not isinstance(data, list):
        raise InvalidError(f"{name}: 'data' must be a list")
    if not isinstance(shape, list) or not all(isinstance(size, int) and size >= -1 for size in shape):
        raise InvalidError(f"{name}: 'shape' must be a list of whole numbers")
    try:
        array = np.array(data, dtype=_TYPES[kind])
        if array.size > MAX_ELEMENTS:
            raise LimitExceededError(f"{name}: more than {MAX_ELEMENTS} elements")
        return array.reshape(shape)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidError(f"{name}: 'data' does not fit {kind} of shape {shape}: {error}") from error


def _write(name: str, array: Any) -> dict[str, JSON]:  # noqa: ANN401 -- a numpy array, or what onnxruntime has besides
    word = _OF_NUMPY.get(array.dtype) if isinstance(array, np.ndarray) else None
    if word is None:
        raise InvalidError(f"{name}: this output cannot be written as JSON")
    data = array.ravel().tolist()
    if array.dtype.kind == "f":  # JSON knows neither infinity nor NaN
        data = [item if np.isfinite(item) else None for item in data]
    return {"name": name, "datatype": word, "shape": list(array.shape), "data": data}
