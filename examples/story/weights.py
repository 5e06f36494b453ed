"""Files of weights as models have them: true headers, and noise for numbers."""

import json
import math
import struct
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from random import Random
from typing import Final, NamedTuple

_NOISE: Final = 4096  # numbers that are drawn once; tensors are cut from them at places of their own
_SPREAD: Final = 0.02  # standard deviation, as models are initialised with
_ALIGNMENT: Final = 32

# Type in a GGUF file: its number, values of a block, bytes of a block (ggml.h).
_BLOCKS: Final = {
    "F32": (0, 1, 4),
    "F16": (1, 1, 2),
    "Q8_0": (8, 32, 34),
    "Q4_K": (12, 256, 144),
    "Q6_K": (14, 256, 210),
}
_GGUF_TYPES: Final = {bool: 7, int: 4, float: 6, str: 8}
_ARRAY: Final = 9


class Tensor(NamedTuple):
    """A tensor to be.

    Attributes:
        seed: Tensors of one seed, type and shape are the same, as those are that training leaves alone.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    seed: str

    @property
    def size(self) -> int:
        """Bytes."""
        _, values, size = _BLOCKS.get(self.dtype, (0, 1, 2))
        return math.prod(self.shape) // values * size


def safetensors(tensors: Sequence[Tensor], metadata: Mapping[str, str]) -> bytes:
    """Write a safetensors file."""
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    offset = 0
    for tensor in tensors:
        header[tensor.name] = {
            "dtype": tensor.dtype,
            "shape": tensor.shape,
            "data_offsets": [offset, offset + tensor.size],
        }
        offset += tensor.size
    raw = json.dumps(header, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    return len(raw).to_bytes(8, "little") + raw + b"".join(map(_numbers, tensors))


def gguf(tensors: Sequence[Tensor], metadata: Mapping[str, object]) -> bytes:
    """Write a GGUF file, version 3."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(_text(key) + _typed(value) for key, value in metadata.items())
    head += b"".join(_described(tensors))
    body = b"".join(_padded(_numbers(tensor)) for tensor in tensors)
    return _padded(head) + body


def _described(tensors: Sequence[Tensor]) -> Iterator[bytes]:
    offset = 0
    for tensor in tensors:
        sides = tensor.shape[::-1]
        kind = _BLOCKS[tensor.dtype][0]
        yield _text(tensor.name) + struct.pack(f"<I{len(sides)}QIQ", len(sides), *sides, kind, offset)
        offset += len(_padded(b"\0" * tensor.size))


def _typed(value: object) -> bytes:
    if isinstance(value, list):
        kind = _GGUF_TYPES[type(value[0])]
        return struct.pack("<IIQ", _ARRAY, kind, len(value)) + b"".join(map(_value, value))
    return struct.pack("<I", _GGUF_TYPES[type(value)]) + _value(value)


def _value(value: object) -> bytes:
    if isinstance(value, str):
        return _text(value)
    return struct.pack({bool: "<?", int: "<I", float: "<f"}[type(value)], value)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _padded(raw: bytes) -> bytes:
    return raw + b"\0" * (-len(raw) % _ALIGNMENT)


def _numbers(tensor: Tensor) -> bytes:
    noise = _noise(tensor.dtype)
    where = Random(f"{tensor.seed} {tensor.name}").randrange(len(noise) // 64) * 64  # noqa: S311 -- no secret
    turned = noise[where:] + noise[:where]
    return (turned * (tensor.size // len(turned) + 1))[: tensor.size]


@cache
def _noise(dtype: str) -> bytes:
    random = Random(dtype)  # noqa: S311 -- the same each time, that is the point
    if dtype not in {"F32", "F16", "BF16"}:
        return random.randbytes(_NOISE * 2)
    values = array("f", [random.gauss(0, _SPREAD) for _ in range(_NOISE)])
    if dtype == "F16":
        return struct.pack(f"<{_NOISE}e", *values)
    raw = struct.pack(f"<{_NOISE}f", *values)
    return raw if dtype == "F32" else b"".join(raw[at + 2 : at + 4] for at in range(0, len(raw), 4))
