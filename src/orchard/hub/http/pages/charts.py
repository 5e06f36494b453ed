"""Small charts, drawn on the server as SVG: what stands in their attributes, and in words for those who hear it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from orchard.hub.http.pages.text import number

WIDTH: Final = 72.0  # units of the drawing
HEIGHT: Final = 18.0
_MARGIN: Final = 2.0
_SPOKEN: Final = 12  # values that are read out
_LEAST: Final = 2  # values that make a line
_MOST: Final = 200  # points that can be told apart


@dataclass(frozen=True, slots=True)
class Sparkline:
    """How a value went, oldest first.

    Attributes:
        points: Of a ``polyline``.
        x: Where the last value is.
        y: Likewise.
        label: The same in words.
    """

    points: str
    x: str
    y: str
    label: str


def sparkline(name: str, values: Sequence[float]) -> Sparkline | None:
    """Draw how a value went over versions, oldest first; nothing if there are too few."""
    finite = [value for value in values if abs(value) < float("inf")]
    if len(finite) < _LEAST:
        return None
    shown = _thinned(finite)
    low, high = min(shown), max(shown)
    step = (WIDTH - 2 * _MARGIN) / (len(shown) - 1)
    rise = (HEIGHT - 2 * _MARGIN) / (high - low) if high > low else 0.0
    ground = HEIGHT - _MARGIN if rise else HEIGHT / 2
    placed = [(_MARGIN + at * step, ground - rise * (value - low)) for at, value in enumerate(shown)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    x, y = placed[-1]
    return Sparkline(points, f"{x:.1f}", f"{y:.1f}", _spoken(name, finite))


def _thinned(values: Sequence[float]) -> Sequence[float]:
    if len(values) <= _MOST:
        return values
    return [values[round(at * (len(values) - 1) / (_MOST - 1))] for at in range(_MOST)]


def _spoken(name: str, values: Sequence[float]) -> str:
    """Say the values; of many, where they begin, end and turn."""
    if len(values) <= _SPOKEN:
        return f"{name}, oldest to newest: {', '.join(map(number, values))}"
    ups = sum(later > earlier for earlier, later in pairwise(values))
    return (
        f"{name} of {len(values)} versions: from {number(values[0])} to {number(values[-1])}, "
        f"least {number(min(values))}, most {number(max(values))}, {ups} times up"
    )
