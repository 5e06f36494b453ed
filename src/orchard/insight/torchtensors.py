"""What PyTorch's pickles say about tensors (``torch/_utils.py``, ``torch/serialization.py``)."""

from collections.abc import Mapping
from math import prod
from typing import Final, NamedTuple, TypeGuard

from orchard.errors import InvalidDocumentError
from orchard.insight.picklenodes import Elsewhere, Made, Name, Node
from orchard.insight.tensor import MAX_DIMENSIONS, check_shape

# Bytes of an element, by PyTorch's name of the type.
WIDTHS: Final[Mapping[str, int]] = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint8": 1,
    "uint16": 2, "uint32": 4, "uint64": 8, "bool": 1, "complex32": 4, "complex64": 8, "complex128": 16, "qint8": 1,
    "quint8": 1, "qint32": 4, "quint4x2": 1, "quint2x4": 1, "float8_e4m3fn": 1, "float8_e5m2": 1,
    "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1, "float8_e8m0fnu": 1, "float4_e2m1fn_x2": 1,
}  # fmt: skip
_OF_STORAGE: Final[Mapping[str, str]] = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128", "QInt8Storage": "qint8", "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32", "QUInt4x2Storage": "quint4x2", "QUInt2x4Storage": "quint2x4", "UntypedStorage": "",
}  # fmt: skip
_PLAIN: Final = frozenset({"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor"})
_MAX_DEPTH: Final = 8  # of a tensor in a parameter in a subclass


class Storage(NamedTuple):
    """Bytes that tensors share.

    Attributes:
        key: Its name in the file.
        dtype: Of its elements; empty if it is plain bytes.
        elements: How many.
    """

    key: str
    dtype: str
    elements: int

    @property
    def size(self) -> int:
        """Bytes of it."""
        return self.elements * WIDTHS.get(self.dtype, 1)


class Placed(NamedTuple):
    """A tensor, and where its elements are.

    Attributes:
        dtype: Type of its elements, in PyTorch's word.
        shape: Length of each dimension.
        storage: Where they are; ``None`` if they are nowhere, as of the device ``meta``.
        offset: Elements of the storage before its first.
    """

    dtype: str
    shape: tuple[int, ...]
    storage: Storage | None
    offset: int

    @property
    def size(self) -> int:
        """Bytes of its elements, at most those of its storage, in which one may stand for many; 0 without one."""
        return min(prod(self.shape) * WIDTHS.get(self.dtype, 1), self.storage.size) if self.storage is not None else 0


def storage_of(node: Node, *, what: str) -> Storage | None:
    """Read a reference to a storage; ``None`` if it is none.

    Raises:
        InvalidDocumentError: If it is one and is broken.
    """
    identity = node.identity if isinstance(node, Elsewhere) else None
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":  # noqa: PLR2004 -- its parts
        return None
    _, kind, key, _, elements = identity[:5]
    name = kind.name if isinstance(kind, Name) else ""
    if name not in _OF_STORAGE or not isinstance(key, str) or not _is_count(elements):
        raise InvalidDocumentError(f"{what}: the storage of a tensor is not what it must be")
    return Storage(key[:200], _OF_STORAGE[name], elements)


def tensor_of(node: Node, *, what: str, depth: int = 0) -> Placed | None:
    """Read what makes a tensor; ``None`` if it makes something else.

    Raises:
        InvalidDocumentError: If it makes one that cannot be.
    """
    if not isinstance(node, Made) or not isinstance(node.arguments, tuple) or depth > _MAX_DEPTH:
        return None
    name, arguments = node.dotted.rpartition(".")[2], node.arguments
    if name in _PLAIN:
        return _plain(arguments, what)
    if name == "_rebuild_meta_tensor_no_storage" and len(arguments) > 1:
        return _nowhere(arguments[0], arguments[1], what)
    inner = _wrapped(name, arguments)
    return None if inner is None else tensor_of(inner, what=what, depth=depth + 1)


def _wrapped(name: str, arguments: tuple[Node, ...]) -> Node:
    if name in {"_rebuild_parameter", "_rebuild_parameter_with_state", "Parameter"} and arguments:
        return arguments[0]
    if name in {"_rebuild_from_type_v2", "_rebuild_from_type"} and len(arguments) > 2:  # noqa: PLR2004 -- its parts
        return Made(arguments[0], arguments[2])
    return None


def _plain(arguments: tuple[Node, ...], what: str) -> Placed | None:
    """Read storage, offset, shape and strides.

    Raises:
        InvalidDocumentError: If they contradict one another.
    """
    if len(arguments) < 4:  # noqa: PLR2004 -- its parts
        return None
    storage = storage_of(arguments[0], what=what)
    if storage is None:
        return None
    offset, shape, strides = arguments[1], _counts(arguments[2]), _counts(arguments[3])
    if not _is_count(offset) or shape is None or strides is None or len(shape) != len(strides):
        raise InvalidDocumentError(f"{what}: a tensor has no shape")
    named = next((part.name for part in arguments[4:] if isinstance(part, Name) and part.name in WIDTHS), "")
    dtype = named or storage.dtype or "uint8"
    elements = check_shape(shape, what=what)
    last = offset + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    # Bytes are counted where the storage has no type; the offset counts elements of the tensor either way.
    if elements and (last + 1) * WIDTHS[dtype] > storage.size:
        raise InvalidDocumentError(f"{what}: a tensor of {list(shape)} is not in its {storage.size} bytes of storage")
    return Placed(dtype, shape, storage, offset)


def _nowhere(kind: Node, size: Node, what: str) -> Placed:
    """Read a tensor without content.

    Raises:
        InvalidDocumentError: If it has no shape.
    """
    shape = _counts(size)
    if shape is None or not isinstance(kind, Name):
        raise InvalidDocumentError(f"{what}: a tensor has no shape")
    check_shape(shape, what=what)
    return Placed(kind.name[:32], shape, None, 0)


def _is_count(value: Node) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 2**63


def _counts(value: Node) -> tuple[int, ...] | None:
    if isinstance(value, Made) and value.dotted == "torch.Size" and isinstance(value.arguments, tuple):
        value = value.arguments[0] if value.arguments else ()
    if not isinstance(value, tuple | list) or len(value) > MAX_DIMENSIONS or not all(map(_is_count, value)):
        return None
    return tuple(item for item in value if isinstance(item, int))
