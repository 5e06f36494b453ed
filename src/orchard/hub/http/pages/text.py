"""Words and numbers as a person reads them. Whatever comes from an artifact is hostile and passes ``visible``."""

import re
from datetime import UTC, datetime
from typing import Final

_STEPS: Final = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_AGES: Final = ((365 * 86400, "year"), (30 * 86400, "month"), (86400, "day"), (3600, "hour"), (60, "minute"))
_SKEW: Final = 60  # seconds by which two clocks may honestly differ

# Characters that are there and not seen, or that move what stands beside them: control, format, surrogate and
# separator characters (categories Cc, Cf, Cs, Zl, Zp) and whatever else Unicode calls ignorable by default, without
# tab, line feed, and what scripts and emoji need: two joiners and the selectors FE00 to FE0F. A test compares this with
# Python's own tables.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def visible(value: object) -> object:
    """Give a text in which nothing is hidden: ``[U+202E]`` stands where the right-to-left override stood.

    Templates pass every expression through this one, so that nobody can forget it; what is no text is left alone.
    """
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return _HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", value)


def size(count: int) -> str:
    """Write a number of bytes with three digits: ``1.50 KiB``, ``152 MiB``."""
    if count < 1 << 10:
        return f"{count} B"
    step = min((count.bit_length() - 1) // 10, len(_STEPS))
    if step < len(_STEPS) and count >= 999.5 * 1024**step:
        step += 1
    value = count / 1024**step
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0  # noqa: PLR2004 -- what rounds to one digit more
    return f"{value:.{decimals}f} {_STEPS[step - 1]}"


def exact_size(count: int) -> str:
    """Write a number of bytes in full: ``1,572,864 bytes``."""
    return f"{count:,} byte{'' if count == 1 else 's'}"


def count(number: int, noun: str) -> str:
    """Write how many there are: ``1 version``, ``1,204 versions``, ``2 repositories``."""
    if number != 1:
        noun = f"{noun[:-2]}ries" if noun.endswith("ry") else f"{noun}s"
    return f"{number:,} {noun}"


def ago(then: datetime, now: datetime) -> str:
    """Write how long ago something was: ``3 hours ago``. A time yet to come is written in full."""
    seconds = int((now - then).total_seconds())
    if seconds < -_SKEW:
        return exact_time(then)
    for length, unit in _AGES:
        if seconds >= length:
            return f"{count(seconds // length, unit)} ago"
    return "just now"


def exact_time(then: datetime) -> str:
    """Write a time in full: ``2026-11-23 12:30:11 UTC``."""
    return f"{then.astimezone(UTC).isoformat(' ', 'seconds')[:19]} UTC"


def machine_time(then: datetime) -> str:
    """Write a time for the ``datetime`` attribute: ``2026-11-23T12:30:11Z``."""
    return f"{then.astimezone(UTC).isoformat('T', 'seconds')[:19]}Z"


def clip(text: str, most: int) -> str:
    """Shorten a text that belongs into one cell of a table."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


_COUNTS: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_WHOLE: Final = 1e15  # up to here floats tell whole numbers apart


def number(value: float) -> str:
    """Write a measured value with six digits: ``0.973333``, ``2e-05``, ``1,204``."""
    if abs(value) < _WHOLE and value == int(value):
        return f"{int(value):,}"
    return f"{value:.6g}"


def parameters(value: float) -> str:
    """Write how many parameters a model has: ``7.24B``, ``135M``, ``512``."""
    for step, unit in _COUNTS:
        if value >= step * 0.9995:
            scaled = value / step
            return f"{scaled:.{2 if scaled < 9.995 else 1 if scaled < 99.95 else 0}f}{unit}"  # noqa: PLR2004 -- three digits
    return number(value)


def plain(value: str | float | None) -> str:
    """Write a value of any kind; nothing for what is not known."""
    if value is None:
        return ""
    return value if isinstance(value, str) else number(value)
