"""How much a comparison may read."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What a comparison reads at most, beside the headers of layers and of files; None is without bounds.

    Attributes:
        content: Bytes of files of which no digest is known, the smallest first.
        tensors: Bytes of tensors of each version, the smallest first.
        tensor_reads: Tensors that are read so where each is a request to somewhere else.
        texts: Files that are compared line by line.
        lines: Lines of hunks that are given, of all files together; those of further files are counted only.
        examined: Files of each version whose headers are read, those of models first.
        tables: Those of them that are datasets; a process of its own reads these.
    """

    content: int | None = 64 << 20
    tensors: int | None = 32 << 20
    tensor_reads: int | None = 64
    texts: int | None = 200
    lines: int | None = 200_000
    examined: int | None = 500
    tables: int | None = 20


USUAL: Final = Effort()
EVERY_BYTE: Final = Effort(content=None, tensors=None, tensor_reads=None)
