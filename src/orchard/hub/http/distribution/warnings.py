"""Warnings: what a client should show its user and take no action upon (distribution spec, "Warnings")."""

from collections.abc import Iterable
from typing import Final

from orchard.hub.http.asgi import Headers

MAX_WARNINGS: Final = 4096  # bytes of all of them in one answer
_OPENING: Final = b'299 - "'


def warnings(texts: Iterable[str]) -> Headers:
    """Write a header for each text, as many as an answer may carry."""
    headers: Headers = []
    left = MAX_WARNINGS
    for text in texts:
        value = _OPENING + _quoted(text) + b'"'
        left -= len(value)
        if left < 0:
            break
        headers.append((b"warning", value))
    return headers


def _quoted(text: str) -> bytes:
    """Write a text as a quoted string of ASCII (RFC 9110, section 5.6.4), control characters as question marks."""
    plain = "".join(char if char.isprintable() else "?" for char in text).encode("ascii", "replace")
    return plain[: MAX_WARNINGS // 4].replace(b"\\", b"\\\\").replace(b'"', b'\\"')
