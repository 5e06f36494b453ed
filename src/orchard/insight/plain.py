"""Values of documents that strangers wrote: what has the wrong type is absent, what is too long is cut."""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Final

from orchard.insight.kept import Scalar
from orchard.oci import JSON

MAX_TEXT: Final = 4096  # characters of a text that is kept, unless it is a template
MAX_ITEMS: Final = 256  # of a list that is kept
MAX_COUNT: Final = 2**53  # what every reader of JSON can hold


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
