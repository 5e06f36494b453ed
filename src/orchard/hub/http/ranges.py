"""Byte ranges (RFC 9110, section 14), and the chunk ranges of uploads (distribution spec, "Pushing blobs")."""

import re
from typing import Final, Literal

_RANGE: Final = re.compile(r"bytes=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*")
_CHUNK: Final = re.compile(r"(?:bytes[ =])?([0-9]{1,19})-([0-9]{1,19})(?:/(?:[0-9]{1,19}|\*))?")

Whole = Literal["whole"]
Unsatisfiable = Literal["unsatisfiable"]


def parse_range(header: str | None, size: int) -> range | Whole | Unsatisfiable:
    """Find out which bytes of ``size`` a client wants.

    Several ranges at once, and what is no range at all, get the whole: a server may ignore the header. A reversed range
    gets nothing, as clients of registries expect.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or match[0].strip() == "bytes=-":
        return "whole"
    first, last = match[1], match[2]
    if not first:
        wanted = range(max(0, size - int(last)), size)
    else:
        wanted = range(int(first), min(size, int(last) + 1) if last else size)
    return wanted or "unsatisfiable"


def parse_chunk(header: str) -> tuple[int, int] | None:
    """Read ``Content-Range: <first>-<last>`` of a chunk as its start and its length."""
    match = _CHUNK.fullmatch(header.strip())
    if match is None:
        return None
    first, last = int(match[1]), int(match[2])
    return (first, last + 1 - first) if last >= first else None
