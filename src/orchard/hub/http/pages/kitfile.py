"""Kitfiles and other YAML or JSON texts, line by line, with what is a key told from what is said about it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_KEY: Final = re.compile(
    r"""(?P<indent>[ ]*(?:-[ ]+)*)(?P<key>(?:"(?:[^"\\]|\\.)*"|[\w][\w .\-/]*):)(?P<rest>(?:\s.*)?)"""
)
_BLOCK: Final = re.compile(r"\s*[|>][+\-0-9]*")  # what follows, indented deeper, is text and not keys


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a document.

    Attributes:
        indent: White space and list dashes before the key.
        key: The key with its colon; empty if the line has none.
        rest: Everything else.
    """

    indent: str
    key: str
    rest: str


def lines(text: str, most: int) -> Iterator[Line]:
    """Take a document apart, at most ``most`` lines of it."""
    block: int | None = None
    for raw in text.split("\n")[:most]:
        depth = len(raw) - len(raw.lstrip(" "))
        if block is not None and (depth > block or not raw.strip()):
            yield Line("", "", raw)
            continue
        found = _KEY.fullmatch(raw)
        block = len(found["indent"]) if found and _BLOCK.fullmatch(found["rest"]) else None
        yield Line(found["indent"], found["key"], found["rest"]) if found else Line("", "", raw)
