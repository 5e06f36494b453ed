"""The content of one tensor, as an array without NumPy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Final, Literal

# The element of each type that NumPy has: kind and bytes. What it does not have is given as unsigned integers of the
# same width, so that a view brings it to a type of ml_dtypes or torch: BF16 as 16-bit, 8-bit floats as 8-bit ones.
_ELEMENTS: Final[Mapping[str, str]] = {
    "BOOL": "b1",
    "U8": "u1",
    "I8": "i1",
    "U16": "u2",
    "I16": "i2",
    "U32": "u4",
    "I32": "i4",
    "U64": "u8",
    "I64": "i8",
    "F16": "f2",
    "F32": "f4",
    "F64": "f8",
    "C64": "c8",
    "BF16": "u2",
    "F8_E4M3": "u1",
    "F8_E4M3FNUZ": "u1",
    "F8_E5M2": "u1",
    "F8_E5M2FNUZ": "u1",
    "F8_E8M0": "u1",
    "FLOAT": "f4",
    "DOUBLE": "f8",
    "FLOAT16": "f2",
    "BFLOAT16": "u2",
    "UINT8": "u1",
    "INT8": "i1",
    "UINT16": "u2",
    "INT16": "i2",
    "UINT32": "u4",
    "INT32": "i4",
    "UINT64": "u8",
    "INT64": "i8",
    "COMPLEX64": "c8",
    "COMPLEX128": "c16",
    "FLOAT8E4M3FN": "u1",
    "FLOAT8E4M3FNUZ": "u1",
    "FLOAT8E5M2": "u1",
    "FLOAT8E5M2FNUZ": "u1",
    "FLOAT8E8M0": "u1",
}


@dataclass(frozen=True, slots=True)
class TensorData:
    """One tensor with its content; ``numpy.asarray(tensor)`` gives it as an array, without a copy and read-only.

    Types that NumPy does not have come as unsigned integers of the same width: ``BF16`` as ``uint16``, 8-bit floats as
    ``uint8``. Types that are stored in blocks, such as GGUF's ``Q4_K`` and safetensors' ``F4``, come as the bytes of
    their blocks: the last dimension then counts bytes, or, where rows do not fill bytes, there is only one.

    Attributes:
        name: As the file calls it.
        dtype: Type of its elements, in the words of the file's format.
        shape: Length of each dimension, the outermost first.
        data: Its content, row after row, as it is in the file.
        byte_order: Of each element.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: memoryview = field(repr=False)
    byte_order: Literal["little", "big"] = "little"

    @property
    def nbytes(self) -> int:
        """Bytes of its content."""
        return self.data.nbytes

    @property
    def __array_interface__(self) -> dict[str, Any]:
        element = _ELEMENTS.get(self.dtype)
        if element is None:
            return {"version": 3, "typestr": "|u1", "shape": self._blocks(), "data": self.data}
        order = "|" if element.endswith("1") else "<" if self.byte_order == "little" else ">"
        return {"version": 3, "typestr": order + element, "shape": self.shape, "data": self.data}

    def _blocks(self) -> tuple[int, ...]:
        rows = prod(self.shape[:-1])
        if rows and self.nbytes % rows == 0:
            return (*self.shape[:-1], self.nbytes // rows)
        return (self.nbytes,)
