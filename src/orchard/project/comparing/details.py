"""What is known of files, compared value by value: configs, tokenizers, metadata of weights, schemas of tables."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from orchard.formats import IndexedFile
from orchard.insight import (
    CardInsight,
    Insight,
    MetricsInsight,
    NotebookInsight,
    ShardsInsight,
    TableInsight,
    Unreadable,
)
from orchard.oci import JSON
from orchard.project.comparing.differences import Details
from orchard.project.comparing.values import Kind, changes, flatten

MAX_LISTED: Final = 500  # values of one file
MAX_TEXT: Final = 4096  # characters of a value
MAX_ITEMS: Final = 256  # of a value that is a list

_ELSEWHERE: Final = (CardInsight, MetricsInsight, NotebookInsight, ShardsInsight)  # compared as texts, metrics, tensors
_LEFT_OUT: Final = frozenset({"kind", "tensors", "size", "raw", "parameters"})

Examined = Mapping[str, tuple[IndexedFile, Insight | None]]


def compare_details(found: Mapping[str, Kind], before: Examined, after: Examined) -> tuple[Details, ...]:
    """Compare what is known of files that differ; of one that was added or removed, only what a table holds.

    Args:
        found: What became of each file, by path.
        before: What is known of files of the first version, by path.
        after: What is known of files of the second version, by path.
    """
    known = (
        _details(path, kind, [side[path][1] if path in side else None for side in (before, after)])
        for path, kind in sorted(found.items())
    )
    return tuple(details for details in known if details is not None)


def _details(path: str, kind: Kind, sides: Sequence[Insight | None]) -> Details | None:
    notes = [insight.why for insight in sides if isinstance(insight, Unreadable)]
    if any(isinstance(insight, _ELSEWHERE) for insight in sides) or not any(sides):
        return None
    alone = None in sides
    if alone and not any(isinstance(insight, TableInsight) for insight in sides):
        return None
    one, two = (_values(insight, alone=alone) for insight in sides)
    differing = tuple(changes(one, two))[:MAX_LISTED] if not notes else ()
    return Details(kind, path, differing, notes[-1] if notes else None) if differing or notes else None


def _values(insight: Insight | None, *, alone: bool) -> dict[str, JSON]:
    if insight is None:
        return {}
    if isinstance(insight, TableInsight):
        found: dict[str, JSON] = {} if insight.rows is None else {"rows": insight.rows}
        if alone:
            return found | {"columns": len(insight.columns)}
        return found | {f"columns[{column.name}].type": column.type for column in insight.columns}
    value = msgspec.to_builtins(insight)
    raw = value.get("raw")
    known = raw if isinstance(raw, dict) and raw else {key: item for key, item in value.items() if key not in _LEFT_OUT}
    return {path: _cut(item) for path, item in flatten(known).items()}


def _cut(value: JSON) -> JSON:
    """Keep a chat template or a list of labels within bounds."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return f"{value[:MAX_TEXT]}… ({len(value)} characters)"
    if isinstance(value, list) and len(value) > MAX_ITEMS:
        return [*value[:MAX_ITEMS], f"… ({len(value)} items)"]
    return value
