"""Values of documents that strangers wrote: what has the wrong type is absent, what is too long is cut."""

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Final

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.access import RandomAccess
from orchard.insight.kept import Scalar
from orchard.oci import JSON

MAX_TEXT: Final = 4096  # characters of a text that is kept, unless it is a template
MAX_ITEMS: Final = 256  # of a list that is kept
MAX_COUNT: Final = 2**53  # what every reader of JSON can hold

_MAX_DIGITS: Final = 18  # of a whole number; what is longer is taken for a floating-point number
_MAX_SEPARATORS: Final = 600_000  # of JSON: each may cost 100 bytes of memory; an index of 200,000 tensors has 400,000


def whole(source: RandomAccess, limit: int, *, what: str) -> bytes:
    """Read all of a small file.

    Raises:
        LimitExceededError: If it is larger than ``limit`` bytes.
        OrchardError: If the source cannot be read.
    """
    if source.size > limit:
        raise LimitExceededError(f"{what}: {source.size} bytes, at most {limit} are read")
    return source.read_at(0, source.size) if source.size else b""


def document(raw: bytes, *, what: str) -> JSON:
    """Read JSON as the tools that write such files do.

    Python's writer allows ``NaN`` and ``Infinity``, so they are taken for nothing; of a key that stands twice the last
    one counts, as in every framework.

    Raises:
        InvalidDocumentError: If it is no JSON.
        LimitExceededError: If it says more than anybody's.
    """
    if raw.count(b",") + raw.count(b":") > _MAX_SEPARATORS:
        raise LimitExceededError(f"{what}: says more than any such file")
    try:
        value: JSON = json.loads(
            raw.decode("utf-8-sig"),
            parse_constant=lambda _name: None,
            parse_float=_finite,
            parse_int=lambda digits: int(digits) if len(digits) <= _MAX_DIGITS else _finite(digits),
        )
        if b"\\u" in raw:
            json.dumps(value, ensure_ascii=False).encode()  # half a character cannot be written, so it is none
    except RecursionError as error:
        raise LimitExceededError(f"{what}: nested too deeply") from error
    except ValueError as error:
        raise InvalidDocumentError(f"{what}: not JSON: {str(error)[:200]}") from error
    return value


def shallow(value: JSON, depth: int = 64) -> bool:
    """Tell whether objects and lists are nested so deep at most, so that everything that writes them can."""
    level: list[JSON] = [value]
    for _ in range(depth):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return not level


def _finite(digits: str) -> float | None:
    found = float(digits)
    return found if isfinite(found) else None


def mapping(value: JSON) -> Mapping[str, JSON]:
    """Give an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: JSON) -> list[JSON]:
    """Give a list, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: JSON, limit: int = MAX_TEXT) -> str:
    """Give a text, else an empty one."""
    return value[:limit] if isinstance(value, str) else ""


def texts(value: JSON) -> tuple[str, ...]:
    """Give the texts of a list, or the only one."""
    found = [value] if isinstance(value, str) else items(value)
    return tuple(item[:MAX_TEXT] for item in found[:MAX_ITEMS] if isinstance(item, str) and item)


def count(value: JSON) -> int | None:
    """Give a whole number that counts something, else nothing."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


def number(value: JSON) -> float | None:
    """Give a finite number, else nothing."""
    if type(value) is int:
        return float(value) if abs(value) <= MAX_COUNT else None
    return value if isinstance(value, float) and isfinite(value) else None


def scalar(value: JSON) -> Scalar | None:
    """Give a text, a number or a truth value, else nothing."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if type(value) is int and abs(value) > MAX_COUNT:
        return None
    return value if isinstance(value, int) or (isinstance(value, float) and isfinite(value)) else None


def scalars(found: Iterable[tuple[str, JSON]]) -> dict[str, Scalar]:
    """Keep of pairs those that are short enough and no list or object."""
    kept: dict[str, Scalar] = {}
    for key, value in found:
        plain = scalar(value)
        if plain is not None and len(kept) < MAX_ITEMS:
            kept[key[:MAX_TEXT]] = plain
    return kept
