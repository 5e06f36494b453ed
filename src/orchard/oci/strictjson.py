"""Strict JSON: one document, one meaning, for every parser that reads it.

Two parsers that disagree about a document are an attack (security notes 5.2): Go matches keys without regard to case
and keeps the last duplicate, Python keeps case and the last duplicate, others keep the first. So a document that could
be read in two ways is refused here, before anybody asks what it means.
"""

import json
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from itertools import accumulate
from typing import Final, NoReturn

from orchard.errors import InvalidDocumentError, LimitExceededError

MAX_DEPTH: Final = 64

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]

_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS: Final = bytes(sorted(set(range(256)) - _STEPS.keys()))
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def loads(raw: bytes, *, what: str, limit: int) -> JSON:
    """Read one JSON document of at most ``limit`` bytes.

    Args:
        raw: The document, UTF-8 without a byte-order mark.
        what: How error messages call it.
        limit: Largest size, in bytes.

    Raises:
        LimitExceededError: If it is larger than ``limit`` or nested deeper than ``MAX_DEPTH``.
        InvalidDocumentError: If it is not JSON, or could be read in two ways.
    """
    if len(raw) > limit:
        raise LimitExceededError(f"{what}: {len(raw)} bytes, at most {limit} are accepted")
    _refuse_depth(raw, what)
    try:
        value: JSON = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=partial(_unique, what=what),
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise InvalidDocumentError(f"{what}: not UTF-8 at byte {error.start}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidDocumentError(f"{what}: not JSON: {error}") from error
    if _SURROGATE.search(raw):
        _refuse_halves(value, what)
    return value


def refuse_variants(value: JSON, known: frozenset[str], *, what: str) -> None:
    """Refuse an object whose keys differ from known field names only by case: Go would read them as those fields.

    Raises:
        InvalidDocumentError: Naming the key and the right spelling.
    """
    if not isinstance(value, dict):
        return
    strange = value.keys() - known
    meant = {name.casefold(): name for name in known} if strange else {}
    for key in strange:
        if key.casefold() in meant:
            raise InvalidDocumentError(f"{what}: the key {key[:64]!r} must be written {meant[key.casefold()]!r}")


def dumps(value: object) -> bytes:
    """Write compact JSON, keys in the given order, as UTF-8.

    Raises:
        InvalidDocumentError: If a text holds half a character, as a file name that is not UTF-8 does.
    """
    return _encoded(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


def go_dumps(value: JSON) -> bytes:
    """Write JSON exactly as Go's ``encoding/json`` does.

    KitOps hashes such bytes, so a config of ours gets the same digest only if every byte agrees: no white space,
    ``<``, ``>``, ``&`` and U+2028/9 escaped, whole floats without a fraction, exponents from 1e21 and below 1e-6.
    Keys keep the given order; sort those that Go holds in a map.

    Raises:
        InvalidDocumentError: If a number is not finite, or a text holds half a character.
    """
    parts: list[str] = []
    _go_write(value, parts.append)
    return _encoded("".join(parts))


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        around = text[max(0, error.start - 40) : error.end + 40]
        raise InvalidDocumentError(f"not a text that UTF-8 can hold: {around!a}") from error


def _go_write(value: JSON, out: Callable[[str], None]) -> None:
    match value:
        case dict():
            _go_write_all("{", ((_go_string(key) + ":", item) for key, item in value.items()), out)
            out("}")
        case list():
            _go_write_all("[", (("", item) for item in value), out)
            out("]")
        case float():
            out(_go_float(value))
        case str():
            out(_go_string(value))
        case _:
            out(json.dumps(value))


def _go_write_all(opening: str, items: Iterable[tuple[str, JSON]], out: Callable[[str], None]) -> None:
    out(opening)
    for number, (prefix, item) in enumerate(items):
        out("," + prefix if number else prefix)
        _go_write(item, out)


def _go_string(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    for character, escape in _GO_ESCAPES:
        quoted = quoted.replace(character, escape)
    return quoted


def _go_float(value: float) -> str:
    if not math.isfinite(value):
        raise InvalidDocumentError(f"{value} cannot be written as JSON")
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    digits = Decimal(repr(value))
    if 1e-6 <= abs(value) < 1e21:  # noqa: PLR2004 -- encoding/json, floatEncoder
        plain = format(digits, "f")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    mantissa, _, exponent = format(digits.normalize(), "e").partition("e")
    sign = "-" if exponent.startswith("-") else "+"
    return f"{mantissa}e{sign}{exponent.lstrip('+-').lstrip('0')}"


_GO_ESCAPES: Final = (
    ("<", "\\u003c"),
    (">", "\\u003e"),
    ("&", "\\u0026"),
    ("\u2028", "\\u2028"),
    ("\u2029", "\\u2029"),
)


def _unique(pairs: list[tuple[str, JSON]], *, what: str) -> dict[str, JSON]:
    """Make an object of its pairs.

    Raises:
        InvalidDocumentError: If a key stands twice.
    """
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InvalidDocumentError(f"{what}: the key {twice[:64]!r} stands twice in one object")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _refuse_halves(value: JSON, what: str) -> None:
    """Refuse half a character: Go reads it as another one, and nobody can store it.

    Raises:
        InvalidDocumentError: If there is one.
    """
    try:
        dumps(value)
    except InvalidDocumentError as error:
        raise InvalidDocumentError(f"{what}: {error}") from error


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:32]} is too large a number")
    return value


def _refuse_depth(raw: bytes, what: str) -> None:
    """Count brackets outside strings, in linear time, which a pattern for strings is not where one does not end.

    Raises:
        LimitExceededError: If they nest deeper than ``MAX_DEPTH``.
    """
    unescaped = raw.replace(rb"\\", b"").replace(rb"\"", b"")
    brackets = b"".join(unescaped.split(b'"')[::2]).translate(None, _NO_BRACKETS)
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise LimitExceededError(f"{what}: nested deeper than {MAX_DEPTH} levels")
