"""Paths in a Kitfile: relative to its directory, with ``/``, and never outside of it."""

import re
from collections.abc import Iterator
from typing import Final

from orchard.errors import UnsafePathError

_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def clean_path(path: str) -> str:
    """Write a path in its shortest form, compared part by part: ``./a/``, ``a`` and ``b/../a`` are all ``a``.

    The directory itself is ``.``, and so is the empty path.

    Raises:
        UnsafePathError: If the path is absolute, leaves the directory or holds control characters.
    """
    if path.startswith(("/", "\\")) or _DRIVE.match(path):
        raise UnsafePathError("absolute paths are not supported; write it relative to the Kitfile")
    if _CONTROL.search(path):
        raise UnsafePathError("a path must not hold control characters")
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                raise UnsafePathError("the path leaves the directory of the Kitfile")
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts) or "."


def ancestors(path: str) -> Iterator[str]:
    """Give the directories that a clean path lies in, outermost first, without the path itself."""
    if path == ".":
        return
    yield "."
    for match in re.finditer("/", path):
        yield path[: match.start()]
