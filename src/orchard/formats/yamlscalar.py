"""What a plain YAML scalar means: the rules of ``yaml.v3``, by which KitOps reads a Kitfile.

They are those of YAML 1.2 for booleans, of 1.1 for octal numbers and underscores, and they know dates. All rows of the
conformance table in the tests were taken from ``yaml.v3`` itself.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from orchard.oci import JSON

_WORDS: Final[dict[str, JSON]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER: Final = re.compile(
    r"[-+]?(?:(?P<hex>0[xX][0-9a-fA-F]+)|(?P<binary>0[bB][01]+)|(?P<octal>0[oO]?[0-7]+)|(?P<decimal>0|[1-9][0-9]*))",
    re.ASCII,
)
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_FRACTION: Final = re.compile(r"\.[0-9][0-9_]*(?:[eE][-+]?[0-9][0-9_]*)?", re.ASCII)
_INFINITIES: Final = (float("inf"), float("-inf"))  # what is too large for a float stays a text
_TIMESTAMP: Final = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"(?:(?P<t>[Tt ])(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2}):(?P<second>[0-9]{1,2})(?:[.,](?P<fraction>[0-9]+))?"
    r"(?P<zone>Z|[-+][0-9]{2}:[0-9]{2})?)?",
    re.ASCII,
)
_BASES: Final = {"hex": 16, "binary": 2, "octal": 8, "decimal": 10}
_LONGEST: Final = 200  # characters; no number or date that fits a machine word is longer
_INT64: Final = range(-(2**63), 2**63)
_UINT64: Final = range(2**64)


def resolve(text: str) -> JSON:
    """Say what a plain scalar stands for: null, a boolean, a number, or a text.

    A date becomes the text that Go writes for it in JSON. Infinities and NaN come out as floats; JSON has none, so the
    caller must refuse them.
    """
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST or text[0] not in "+-.0123456789":
        return text
    return _fraction(text) if text[0] == "." else _number(text)


def is_text(text: str) -> bool:
    """Tell whether a plain scalar would be read back as this very text."""
    return isinstance(resolve(text), str) and _timestamp(text) is None


def _fraction(text: str) -> JSON:
    """Read what begins with a dot: there an underscore may stand between digits only."""
    if text[-1] == "_" or "__" in text or _FRACTION.fullmatch(text) is None:
        return text
    return _finite(text)


def _finite(text: str, digits: str = "") -> JSON:
    value = float(digits or text)
    return text if value in _INFINITIES else value


def _number(text: str) -> JSON:
    moment = _timestamp(text)
    if moment is not None:
        return moment
    digits = text.replace("_", "")
    integer = _integer(digits)
    if integer is not None:
        return integer
    return _finite(text, digits) if _FLOAT.fullmatch(digits) else text


def _integer(digits: str) -> int | None:
    match = _INTEGER.fullmatch(digits)
    if match is None:
        return None
    base = _BASES[match.lastgroup or "decimal"]
    value = int(digits.replace("o", "").replace("O", ""), base)
    unsigned = digits[0] not in "+-" and value in _UINT64
    return value if unsigned or value in _INT64 else None


def _timestamp(text: str) -> str | None:
    """Read a date or a time, and write it as RFC 3339 with nanoseconds, trailing zeros left out (Go's ``time``)."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None or not _is_layout(match):
        return None
    fraction = (match["fraction"] or "")[:9].rstrip("0")
    parts = [int(match[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")]
    try:
        zone = _zone(match["zone"])
        datetime(*parts, tzinfo=zone)  # type: ignore[misc,arg-type]  # six numbers; built for its range checks only
    except ValueError:
        return None
    year, month, day, hour, minute, second = parts
    written = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    offset = "Z" if not zone.utcoffset(None) else match["zone"]
    return f"{written}.{fraction}{offset}" if fraction else f"{written}{offset}"


def _is_layout(match: re.Match[str]) -> bool:
    """Tell whether the parts go together: a zone with ``T``, none with a blank, none with a date alone."""
    return not match["t"] or (match["t"] == " ") == (match["zone"] is None)


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
