"""Numbers in ``metrics.json``, as DVC reads it: any nesting, each number by its dotted path."""

from typing import Final

from orchard.insight.documents import MetricsInsight
from orchard.insight.plain import number
from orchard.oci import JSON

MAX_METRICS: Final = 1000
_MAX_DEPTH: Final = 16
_MAX_PATH: Final = 512  # characters


def metrics_of(value: JSON) -> MetricsInsight:
    """Keep the numbers of a document; truth values and texts are no measurements."""
    found: dict[str, float] = {}
    waiting: list[tuple[str, JSON, int]] = [("", value, 0)]
    while waiting and len(found) < MAX_METRICS:
        path, item, depth = waiting.pop()
        measured = number(item)
        if measured is not None and path:
            found[path] = measured
        elif isinstance(item, dict) and depth < _MAX_DEPTH:
            inner = [(f"{path}.{key}" if path else key, child, depth + 1) for key, child in item.items()]
            waiting.extend(reversed([(name[:_MAX_PATH], child, level) for name, child, level in inner]))
    return MetricsInsight(metrics=found)
