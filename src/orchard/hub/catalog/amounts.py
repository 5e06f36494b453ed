"""How people write numbers, sizes, dates and ages; each stands for a span, as wide as it was written roughly."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

_NUMBER: Final = re.compile(
    r"([+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?)([A-Za-z]{0,3})"
)
_AGE: Final = re.compile(r"([0-9]{1,6})(min|h|d|w|mo|y)")
_DAY: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_DECIMAL: Final = MappingProxyType({"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12})
_BINARY: Final = MappingProxyType({"ki": 2.0**10, "mi": 2.0**20, "gi": 2.0**30, "ti": 2.0**40})
_SECONDS: Final = MappingProxyType({"min": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 2592000, "y": 31536000})
_LARGEST: Final = 1e300


@dataclass(frozen=True, slots=True)
class Span:
    """All from one number to another.

    Attributes:
        low: None if there is no smallest one.
        high: None if there is no largest one.
        above: Whether ``low`` itself is outside.
        below: Whether ``high`` itself is outside.
        ago: Whether both are milliseconds before whenever it is asked; else they are what they are.
    """

    low: float | None = None
    high: float | None = None
    above: bool = False
    below: bool = False
    ago: bool = False


def number(text: str, *, size: bool = False, exact: bool = False) -> Span | None:
    """Read a number such as ``0.95``, ``7e9``, ``7B``, ``32k``, ``4GiB``, ``500MB``.

    With a unit it stands for all that people round to it: ``7B`` for 6.5e9 to 7.5e9, ``32k`` for 32,768 too.

    Args:
        text: As written.
        size: Whether it counts bytes: then ``B`` is none of a billion.
        exact: Whether it stands for itself only, whatever its unit.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    unit = match[2].lower()
    scale = 1.0 if size and unit == "b" else _scale(unit)
    value = float(match[1]) * (1 if scale is None else scale)
    if scale is None or not abs(value) < _LARGEST:
        return None
    if exact or scale == 1 or value <= 0 or "e" in match[1].lower():
        return Span(value, value)
    digits = len(match[1].partition(".")[2])
    half = scale / 2 / 10**digits
    stretch = 1.024 if unit == "k" else 1.0
    return Span(value - half, (value + half) * stretch, below=True)


def moment(text: str) -> Span | None:
    """Read a date, a month, a year or a time of ISO 8601 as all its milliseconds since 1970; days begin in UTC."""
    match = _DAY.fullmatch(text)
    try:
        if match is not None:
            return _calendar(match[1], match[2], match[3])
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):  # the calendar ends with the year 9999
        return None
    start = _milliseconds(at if at.tzinfo is not None else at.replace(tzinfo=UTC))
    return Span(start, start)


def age(text: str) -> Span | None:
    """Read an age such as ``7d``, in milliseconds."""
    match = _AGE.fullmatch(text)
    if match is None:
        return None
    value = float(int(match[1]) * _SECONDS[match[2]] * 1000)
    return Span(value, value, ago=True)


def beyond(span: Span, operator: str) -> Span:
    """Give all that is before or behind a span; an age is the larger, the longer ago it is."""
    if operator == ">":
        return Span(low=span.high, above=not span.below, ago=span.ago)
    if operator == ">=":
        return Span(low=span.low, ago=span.ago)
    if operator == "<":
        return Span(high=span.low, below=True, ago=span.ago)
    return Span(high=span.high, below=span.below, ago=span.ago)


def _scale(unit: str) -> float | None:
    if unit in _DECIMAL:
        return _DECIMAL[unit]
    if unit in _BINARY:
        return _BINARY[unit]
    bare = unit.removesuffix("b")
    return _BINARY.get(bare) or _DECIMAL.get(bare)


def _calendar(year: str, month: str | None, day: str | None) -> Span:
    start = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
    if day is not None:
        end = start + timedelta(days=1)
    elif month is not None:
        end = (start + timedelta(days=31)).replace(day=1)
    else:
        end = start.replace(year=start.year + 1)
    return Span(_milliseconds(start), _milliseconds(end), below=True)


def _milliseconds(at: datetime) -> float:
    return float(round(at.timestamp() * 1000))
