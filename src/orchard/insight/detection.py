"""Which of the formats a file is in, by its first bytes and its name; and its header, whichever it is."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Final

from orchard.errors import UnsupportedError
from orchard.insight.access import RandomAccess

if TYPE_CHECKING:
    from orchard.insight.gguf import Gguf
    from orchard.insight.onnx import Onnx
    from orchard.insight.safetensors import Safetensors
    from orchard.insight.torch import Torch

    ModelHeader = Safetensors | Gguf | Onnx | Torch
else:
    ModelHeader = object

HEAD: Final = 16  # bytes that tell
_LEGACY: Final = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46"  # of PyTorch before 1.6


class ModelFormat(Enum):
    """A format whose headers are read here."""

    SAFETENSORS = "safetensors"
    GGUF = "gguf"
    ONNX = "onnx"
    TORCH = "torch"


_SUFFIXES: Final[Mapping[str, ModelFormat]] = {
    ".safetensors": ModelFormat.SAFETENSORS,
    ".gguf": ModelFormat.GGUF,
    ".onnx": ModelFormat.ONNX,
    ".pt": ModelFormat.TORCH,
    ".pth": ModelFormat.TORCH,
}
# What PyTorch writes under these names, others do too: only the first bytes tell.
_MAYBE: Final = (".bin", ".ckpt", ".pkl", ".pickle", ".pyt", ".torch")


def detect_format(name: str, head: bytes = b"") -> ModelFormat | None:
    """Tell the format of a file by the first 16 bytes of it, where they tell, else by its name; ``None`` for others.

    Args:
        name: Name or path of the file.
        head: Its first bytes, if they are known.
    """
    if head.startswith(b"GGUF"):
        return ModelFormat.GGUF
    if head[8:9] == b"{" and not any(head[4:8]):
        return ModelFormat.SAFETENSORS
    lower = name.lower()
    if head.startswith((_LEGACY, b"PK\3\4")) and lower.endswith(_MAYBE):
        return ModelFormat.TORCH
    return next((found for suffix, found in _SUFFIXES.items() if lower.endswith(suffix)), None)


def may_be_model(name: str) -> bool:
    """Tell by its name whether a file may be one whose header is read here."""
    return detect_format(name) is not None or name.lower().endswith(_MAYBE)


def read_header(source: RandomAccess, name: str) -> "ModelHeader":
    """Read the header of a model file, in whichever format it is.

    Args:
        source: The file.
        name: Name or path of the file; errors call it so.

    Raises:
        UnsupportedError: If it is in none of the formats that are read here.
        InvalidDocumentError: If it is broken.
        LimitExceededError: If it claims more than anybody's.
        OrchardError: If the source cannot be read.
    """
    found = detect_format(name) or detect_format(name, source.read_at(0, min(HEAD, source.size)))
    if found is None:
        known = "safetensors, GGUF, ONNX and PyTorch's"
        raise UnsupportedError(f"{name}: not a model file that Orchard reads; those are {known}")
    return _reader(found)(source, what=name)


def _reader(found: ModelFormat) -> "Callable[..., ModelHeader]":
    # One format costs one import.
    match found:
        case ModelFormat.SAFETENSORS:
            from orchard.insight.safetensors import read_safetensors  # noqa: PLC0415 -- see above

            return read_safetensors
        case ModelFormat.GGUF:
            from orchard.insight.gguf import read_gguf  # noqa: PLC0415 -- see above

            return read_gguf
        case ModelFormat.ONNX:
            from orchard.insight.onnx import read_onnx  # noqa: PLC0415 -- see above

            return read_onnx
        case ModelFormat.TORCH:
            from orchard.insight.torch import read_torch  # noqa: PLC0415 -- see above

            return read_torch
