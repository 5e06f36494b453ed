"""Writing YAML as ``yaml.v3`` does with an indent of two: what KitOps writes when it unpacks a kit.

It differs where that loses something: a text that begins with a line break or holds one other than LF is written in
double quotes, and a whole number keeps its digits (KitOps reads all numbers of a config as floats: 1e+06).
"""

import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cmp_to_key
from itertools import takewhile
from typing import Final, TypeGuard

from orchard.formats.kitfile import Kitfile, json_of
from orchard.formats.yamlscalar import is_text
from orchard.oci import JSON

_INDENT: Final = "  "
_JSON_ONLY: Final = frozenset({"digest", "diffId"})
_LONGEST_KEY: Final = 128  # bytes; a longer key needs the "? " form (YAML 1.2, 8.2.2: 1024 characters; yaml.v3: 128)

# Readers of YAML 1.1 take these for booleans, base-60 numbers and merge keys, so they are quoted.
_OLD_WORDS: Final = frozenset(
    ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"]
)
_DECIMAL_DIGITS: Final = 6  # strconv: from here on %e is used
_MOST_DIGITS: Final = 1000  # of a number in a key; int() takes 4300
_BASE_60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)

# Code points that yaml.v3 takes as printable, and so does not escape; the rest of YAML 1.2, 5.1 it escapes.
_SPECIAL: Final = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
_BREAK: Final = re.compile("[\n\r\x85\u2028\u2029]")
_FIRST: Final = re.compile(r"[#,\[\]{}&*!|>'\"%@`]|[-?:](?:\s|$)|---|\.\.\.")
_BLOCK_INNER: Final = re.compile(r":(?: |$)| #")
_FLOW_FIRST: Final = re.compile(r"[?:]")
_FLOW_INNER: Final = re.compile(r"[,?\[\]{}:]| #")
_BAD_LITERAL: Final = re.compile(r"\A\n| (?:\n|\Z)")
_ESCAPED: Final = re.compile('["\\\\\t\n]|' + _SPECIAL.pattern)
_ESCAPES: Final = {
    "\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r",
    "\x1b": "e", '"': '"', "\\": "\\", "\x85": "N", "\u2028": "L", "\u2029": "P",
}  # fmt: skip


class _OneLine(list[JSON]):
    """A list that is written as ``[a, b]``."""


def to_yaml(kitfile: Kitfile) -> str:
    """Write a Kitfile as YAML, normalised: keys in KitOps' order, parameters sorted, no comments, no digests."""
    return value_to_yaml(to_value(kitfile))


def to_value(kitfile: Kitfile) -> dict[str, JSON]:
    """Give a Kitfile as plain values: what a person would write, so without digests."""
    value = _prepared(json_of(kitfile))
    if not value["package"]:
        del value["package"]
    return value


def value_to_yaml(value: JSON) -> str:
    """Write any part of a Kitfile as YAML."""
    if isinstance(value, _OneLine):
        value = list(value)  # it is one line in its place only
    return ("\n".join(block(value)) if is_block(value) else inline(value)) + "\n"


def block(value: dict[str, JSON] | list[JSON], indent: str = "") -> Iterator[str]:
    """Write a mapping or a list that is not empty as lines of block style, each with this indent."""
    return _mapping(value, indent) if isinstance(value, dict) else _sequence(value, indent)


def inline(value: JSON, indent: str = "", *, flow: bool = False) -> str:
    """Write a value behind a key: collections in braces and brackets, a text of several lines as a literal block.

    Args:
        value: What to write.
        indent: Of the lines of a literal block, but for its first.
        flow: Whether it stands in braces or brackets, so that nothing may take several lines.
    """
    match value:
        case str():
            return _text(value, indent, flow=flow)
        case float():
            return _float(value)
        case dict():
            pairs = (f"{inline(key, flow=True)}: {inline(item, flow=True)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        case list():
            return f"[{', '.join(inline(item, flow=True) for item in value)}]"
        case _:
            return json.dumps(value)  # null, a boolean or a whole number: YAML and JSON write them alike


def _prepared(value: dict[str, JSON]) -> dict[str, JSON]:
    """Drop what KitOps keeps in JSON only, sort parameters as ``yaml.v3`` sorts maps, mark the list in flow style."""
    result: dict[str, JSON] = {}
    for key, item in value.items():
        if key == "parameters":
            result[key] = _sorted(item)
        elif key == "authors" and isinstance(item, list):
            result[key] = _OneLine(item)
        elif isinstance(item, dict):
            result[key] = _prepared(item)
        elif isinstance(item, list):
            result[key] = [_prepared(entry) for entry in item if isinstance(entry, dict)]
        elif key not in _JSON_ONLY:
            result[key] = item
    return result


def _sorted(value: JSON) -> JSON:
    match value:
        case dict():
            return {key: _sorted(value[key]) for key in sorted(value, key=cmp_to_key(_natural))}
        case list():
            return [_sorted(item) for item in value]
        case _:
            return value


def _mapping(value: dict[str, JSON], indent: str) -> Iterator[str]:
    for key, item in value.items():
        name = _text(key, indent + _INDENT, flow=False)
        if _BREAK.search(key) or len(key.encode()) > _LONGEST_KEY:
            yield f"{indent}? {name}"
            yield from _behind(f"{indent}: ", item, indent)
        elif is_block(item):
            yield f"{indent}{name}:"
            yield from block(item, indent + _INDENT)
        else:
            yield f"{indent}{name}: {inline(item, indent + _INDENT)}"


def _sequence(value: list[JSON], indent: str) -> Iterator[str]:
    for item in value:
        yield from _behind(f"{indent}- ", item, indent)


def _behind(mark: str, item: JSON, indent: str) -> Iterator[str]:
    """Write a value behind ``- `` or ``: ``; the first line of a collection stands in the same line."""
    if is_block(item):
        lines = iter(block(item, indent + _INDENT))
        yield mark + next(lines).removeprefix(indent + _INDENT)
        yield from lines
    else:
        yield mark + inline(item, indent + _INDENT)


def is_block(value: JSON) -> TypeGuard[dict[str, JSON] | list[JSON]]:
    """Tell whether a value takes lines of its own."""
    return isinstance(value, dict | list) and bool(value) and not isinstance(value, _OneLine)


def _text(text: str, indent: str, *, flow: bool) -> str:
    plain = is_text(text) and text not in _OLD_WORDS and not _BASE_60.fullmatch(text)
    special = _SPECIAL.search(text) is not None
    if "\n" in text:
        return _quoted(text) if flow or special or _BAD_LITERAL.search(text) else _literal(text, indent)
    if special or "\t" in text or not plain:
        return _quoted(text)
    first, inner = (_FLOW_FIRST, _FLOW_INNER) if flow else (_FIRST, _BLOCK_INNER)
    bad = _FIRST.match(text) or first.match(text) or inner.search(text) or text != text.strip(" ")
    return "'" + text.replace("'", "''") + "'" if bad else text


def _literal(text: str, indent: str) -> str:
    hint = str(len(_INDENT)) if text[0] == " " else ""
    body = text.removesuffix("\n")
    chomp = "-" if body == text else "+" if body.endswith("\n") else ""
    lines = (indent + line if line else "" for line in body.split("\n"))
    return "\n".join([f"|{hint}{chomp}", *lines])


def _quoted(text: str) -> str:
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _ESCAPES:
        return "\\" + _ESCAPES[character]
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004 -- as many digits as the code point needs, YAML 1.2, 5.7
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"  # noqa: PLR2004 -- as above


def _float(value: float) -> str:
    """Write a number as Go's ``strconv.FormatFloat(value, 'g', -1, 64)`` does; JSON has no infinities and no NaN."""
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    digits = Decimal(repr(value)).normalize()
    if -4 <= digits.adjusted() < _DECIMAL_DIGITS:  # noqa: PLR2004 -- strconv, %e is used below 1e-4
        return format(digits, "f")
    mantissa, _, exponent = format(digits, "e").partition("e")
    return f"{mantissa}e{int(exponent):+03d}"


def _natural(left: str, right: str) -> int:
    """Compare keys as ``yaml.v3`` does: numbers in them by value, letters behind everything else."""
    pairs = zip(left, right, strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    if same in {len(left), len(right)}:
        return len(left) - len(right)
    one, two = left[same], right[same]
    if one.isalpha() != two.isalpha():
        after_digit = same > 0 and left[same - 1].isdecimal()
        return -1 if one.isalpha() == after_digit else 1
    if not one.isalpha():
        zeros = "0" in {one, two} and _within_number(left[:same])
        numbers = [_number(text[same:], counted=zeros) for text in (left, right)]
        if numbers[0] != numbers[1]:
            return -1 if numbers[0] < numbers[1] else 1
    return ord(one) - ord(two)


def _within_number(text: str) -> bool:
    """Tell whether a text ends in a number that is not zero: then a zero that follows counts."""
    return text[len(text.rstrip("0123456789")) :].strip("0") != ""


def _number(text: str, *, counted: bool) -> tuple[int, int]:
    """Give value and length of the digits at the start of a text."""
    digits = text[: len(text) - len(text.lstrip("0123456789"))][:_MOST_DIGITS]
    return int("1" + digits if counted else digits or "0"), len(digits)
