"""safetensors: a length, a JSON object, and the tensors one after the other.

The rules are those of the reference reader (huggingface/safetensors, ``tensor.rs``): what it refuses is refused here,
so that nobody shows a file that no framework would load.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.access import Cursor, RandomAccess
from orchard.insight.tensor import Tensor, check_shape, parameters_by_dtype
from orchard.oci import JSON, loads

# Bytes. The reference reader accepts 100 MB, but JSON needs several times its size in memory, and a header of 100,000
# tensors has 12 MB. The largest published models have as many, in 160 files.
MAX_HEADER: Final = 32 << 20
MAX_TENSORS: Final = 100_000
_MAX_SEPARATORS: Final = 1_500_000  # of the JSON: each may cost 100 bytes of memory
_PREFIX: Final = 8
_METADATA: Final = "__metadata__"
_KEYS: Final = frozenset({"dtype", "shape", "data_offsets"})

BITS: Final[Mapping[str, int]] = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E4M3": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2": 8,
    "F8_E5M2FNUZ": 8,
    "F8_E8M0": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}


@dataclass(frozen=True)
class Safetensors:
    """What the header of a safetensors file says.

    Attributes:
        tensors: Every tensor, in the order of the content.
        metadata: Free texts that the writer added, such as ``{"format": "pt"}``.
        header_size: Bytes before the content of the first tensor.
    """

    tensors: tuple[Tensor, ...]
    metadata: Mapping[str, str]
    header_size: int

    format: ClassVar[str] = "safetensors"

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """The tensors that count as parameters: all of them."""
        return self.tensors

    @cached_property
    def parameters_by_dtype(self) -> Mapping[str, int]:
        """Elements of all tensors, by type; see ``insight.parameters_by_dtype``."""
        return parameters_by_dtype(self.tensors)

    @property
    def parameters(self) -> int:
        """Elements of all tensors together."""
        return sum(self.parameters_by_dtype.values())


def read_safetensors(source: RandomAccess, *, what: str = "the file") -> Safetensors:
    """Read the header of a safetensors file; the weights are not read.

    Args:
        source: The file.
        what: How errors call it.

    Raises:
        InvalidDocumentError: If it is not one, or its tensors do not fill it exactly, without holes and overlaps.
        LimitExceededError: If the header is over 32 MiB or holds more tensors than anybody's.
        OrchardError: If the source cannot be read.
    """
    cursor = Cursor(source, what=what)
    length = int.from_bytes(cursor.take(_PREFIX), "little")
    if length > MAX_HEADER:
        raise LimitExceededError(f"{what}: a header of {length} bytes, at most {MAX_HEADER} are accepted")
    raw = cursor.take(length)
    if not raw.startswith(b"{"):
        raise InvalidDocumentError(f"{what}: not a safetensors file, its header is no JSON object")
    if raw.count(b",") + raw.count(b":") > _MAX_SEPARATORS:
        raise LimitExceededError(f"{what}: the header says more than any model needs")
    header = loads(raw.rstrip(b" "), what=f"{what}: header", limit=MAX_HEADER)
    assert isinstance(header, dict)
    metadata = _metadata(header.pop(_METADATA, {}), what)
    if len(header) > MAX_TENSORS:
        raise LimitExceededError(f"{what}: {len(header)} tensors, at most {MAX_TENSORS} are accepted")
    tensors = sorted(_tensors(header, _PREFIX + length, what), key=_place)
    _require_full(tensors, _PREFIX + length, source.size, what=what)
    return Safetensors(tuple(tensors), metadata, _PREFIX + length)


def _metadata(value: JSON, what: str) -> dict[str, str]:
    """Read the free texts.

    Raises:
        InvalidDocumentError: If one is not a text.
    """
    if not isinstance(value, dict):
        raise InvalidDocumentError(f"{what}: {_METADATA} is no object")
    texts = {key: text for key, text in value.items() if isinstance(text, str)}
    if len(texts) < len(value):
        raise InvalidDocumentError(f"{what}: {_METADATA} holds something that is no text")
    return texts


def _tensors(header: dict[str, JSON], start: int, what: str) -> Iterator[Tensor]:
    for name, entry in header.items():
        yield _tensor(name, entry, start, what=f"{what}: tensor {name[:200]!r}")


def _tensor(name: str, entry: JSON, start: int, *, what: str) -> Tensor:
    """Read the entry of one tensor.

    Raises:
        InvalidDocumentError: If it breaks the format, or contradicts itself.
    """
    if not isinstance(entry, dict) or entry.keys() != _KEYS:
        raise InvalidDocumentError(f"{what}: must have dtype, shape and data_offsets, and nothing else")
    dtype, shape, offsets = entry["dtype"], _numbers(entry["shape"]), _numbers(entry["data_offsets"])
    if not isinstance(dtype, str) or shape is None or offsets is None or len(offsets) != 2:  # noqa: PLR2004 -- a pair
        raise InvalidDocumentError(f"{what}: dtype, shape or data_offsets is not what it must be")
    bits = BITS.get(dtype)
    if bits is None:
        raise InvalidDocumentError(f"{what}: the type {dtype[:32]!r} is not known")
    begin, end = offsets
    if check_shape(shape, what=what) * bits != 8 * (end - begin):
        raise InvalidDocumentError(f"{what}: {dtype} {list(shape)} is not what {end - begin} bytes hold")
    return Tensor(name=name, dtype=dtype, shape=shape, offset=start + begin, size=end - begin)


def _numbers(value: JSON) -> tuple[int, ...] | None:
    if isinstance(value, list) and all(type(number) is int and number >= 0 for number in value):
        return tuple(number for number in value if isinstance(number, int))
    return None


def _place(tensor: Tensor) -> tuple[int, int]:
    return tensor.offset or 0, tensor.size


def _require_full(tensors: list[Tensor], start: int, size: int, *, what: str) -> None:
    """Refuse content that belongs to no tensor or to two: another reader would find another model there.

    Raises:
        InvalidDocumentError: Naming the first tensor that is not where the last one ended.
    """
    at = start
    for tensor in tensors:
        if tensor.offset != at:
            raise InvalidDocumentError(
                f"{what}: tensor {tensor.name[:200]!r} begins at byte {tensor.offset}, the one before ends at {at}"
            )
        at += tensor.size
    if at != size:
        raise InvalidDocumentError(f"{what}: the tensors end at byte {at}, the file at {size}")
