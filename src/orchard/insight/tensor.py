"""One tensor, as a header describes it."""

from collections.abc import Iterable
from math import prod
from typing import Final

import msgspec

from orchard.errors import InvalidDocumentError

MAX_ELEMENTS: Final = 2**63 - 1  # of one tensor, and bytes of one: what every reader's counters hold
MAX_DIMENSIONS: Final = 64  # NumPy's own


class Tensor(msgspec.Struct, frozen=True, kw_only=True):
    """One tensor of a model file.

    Attributes:
        name: As the file calls it.
        dtype: Type of its elements, in the words of the file's format: ``BF16``, ``Q4_K``, ``FLOAT``.
        shape: Length of each dimension, the outermost first, as in NumPy; empty for a single number.
        offset: Bytes from the start of the file to its content; ``None`` if that is not plain bytes in this file.
        size: Bytes of its content; 0 if that is not in this file.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int | None
    size: int

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)


def parameters_by_dtype(tensors: Iterable[Tensor]) -> dict[str, int]:
    """Count the elements of all tensors, for each type of element, the largest count first.

    Elements are counted as the file has them: where a quantiser packed eight 4-bit weights into one ``I32``, as GPTQ
    and AWQ do, that is one.
    """
    counts: dict[str, int] = {}
    for tensor in tensors:
        counts[tensor.dtype] = counts.get(tensor.dtype, 0) + tensor.elements
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def check_shape(shape: tuple[int, ...], *, what: str) -> int:
    """Give the number of elements of a shape that a header claims.

    Raises:
        InvalidDocumentError: If a length is negative, or there are more than 64 dimensions or 2^63 - 1 elements.
    """
    if len(shape) > MAX_DIMENSIONS:
        raise InvalidDocumentError(f"{what}: {len(shape)} dimensions, at most {MAX_DIMENSIONS} are accepted")
    elements = 1
    for length in shape:
        # Another dimension of 0 must not hide an overflow from a reader that multiplies in this order.
        elements *= max(length, 1)
        if length < 0 or elements > MAX_ELEMENTS:
            raise InvalidDocumentError(f"{what}: no tensor has the shape {list(shape)}")
    return prod(shape)
