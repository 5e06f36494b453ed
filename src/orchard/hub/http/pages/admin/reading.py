"""Numbers and times that people type."""

import re
from datetime import UTC, datetime
from typing import Final

from orchard.errors import InvalidError

_UNITS: Final[dict[str, int]] = {unit: 1 << 10 * power for power, unit in enumerate(("", "k", "m", "g", "t", "p"))}
_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) ?(?:([kmgtp]?)(?:i?b)?|bytes)")
_DIGITS: Final = 12


def bytes_of(text: str) -> int | None:
    """Read a size: ``500 GiB``, ``1.5T``, ``1024``; nothing is no limit. Units are powers of 1024.

    Raises:
        InvalidError: If it is none.
    """
    if not text:
        return None
    found = _SIZE.fullmatch(text.lower())
    if found is None:
        raise InvalidError(f"{text[:32]!r} is no size: write 500 GiB, 1.5 TiB, or a number of bytes")
    size = float(found[1]) * _UNITS[found[2] or ""]
    return round(size)


def written(size: int) -> str:
    """Write a size so that ``bytes_of`` reads the same: with the largest unit that leaves no rest."""
    power = max(power for power in range(len(_UNITS)) if size % 1024**power == 0) if size else 0
    unit = "KMGTP"[power - 1] if power else ""
    return f"{size // 1024**power} {unit}{'iB' if power else 'bytes'}"


def count_of(text: str, what: str) -> int | None:
    """Read a whole number; nothing is no limit.

    Raises:
        InvalidError: If it is none.
    """
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise InvalidError(f"{text[:32]!r} is no number of {what}")
    return int(text)


def day_of(text: str) -> datetime | None:
    """Read a day, ``2026-11-23``, or a moment of it; nothing is none. Without a zone, UTC is meant.

    Raises:
        InvalidError: If it is none.
    """
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidError(f"{text[:32]!r} is no day; write 2026-11-23, or 2026-11-23T12:30") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
