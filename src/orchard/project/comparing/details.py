"""What is known of files, compared value by value: configs, tokenizers, metadata of weights, schemas of tables."""

from collections.abc import Iterator, Mapping, Sequence
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
    table_changes,
)
from orchard.oci import JSON
from orchard.project.comparing.differences import Details
from orchard.project.comparing.values import Change, Kind, changes, flatten

MAX_LISTED: Final = 500  # values of one file
MAX_IN_ALL: Final = 10_000
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
    known: list[Details] = []
    left = MAX_IN_ALL
    for path, kind in sorted(found.items()):
        details = _details(path, kind, [side[path][1] if path in side else None for side in (before, after)])
        if details is not None and left > 0:
            known.append(details)
            left -= len(details.changes)
    return tuple(known)


def _details(path: str, kind: Kind, sides: Sequence[Insight | None]) -> Details | None:
    notes = [insight.why for insight in sides if isinstance(insight, Unreadable)]
    if any(isinstance(insight, _ELSEWHERE) for insight in sides) or not any(sides):
        return None
    alone = None in sides
    if alone and not any(isinstance(insight, TableInsight) for insight in sides):
        return None
    differing = () if notes else _differing(sides, alone=alone)[:MAX_LISTED]
    return Details(kind, path, differing, notes[-1] if notes else None) if differing or notes else None


def _differing(sides: Sequence[Insight | None], *, alone: bool) -> tuple[Change, ...]:
    one, two = sides
    if isinstance(one, TableInsight) and isinstance(two, TableInsight):
        return tuple(_tables(one, two))
    if alone:
        return tuple(changes(_table(one), _table(two)))
    return tuple(changes(_values(one), _values(two)))


def _table(insight: Insight | None) -> dict[str, JSON]:
    if not isinstance(insight, TableInsight):
        return {}
    return {"rows": insight.rows, "columns": insight.width}


def _tables(before: TableInsight, after: TableInsight) -> Iterator[Change]:
    """Say how rows and schema differ, then what shifted in the columns."""
    found = table_changes(before, after)
    if found.rows_before != found.rows_after:
        yield Change(Kind.CHANGED, "rows", found.rows_before, found.rows_after)
    yield from (Change(Kind.REMOVED, f"columns[{one.name}].type", before=one.type) for one in found.removed)
    yield from (Change(Kind.ADDED, f"columns[{one.name}].type", after=one.type) for one in found.added)
    for one in found.retyped:
        yield Change(Kind.CHANGED, f"columns[{one.name}].type", one.before, one.after)
    if found.reordered:
        yield Change(Kind.CHANGED, "columns", *([column.name for column in side.columns] for side in (before, after)))
    # What is worth saying depends on which is the first: either way it is said, so that the way back is the reverse.
    shifts = {(one.name, one.what): (one.after, one.before) for one in table_changes(after, before).shifts}
    shifts |= {(one.name, one.what): (one.before, one.after) for one in found.shifts}
    for (name, what), (old, new) in sorted(shifts.items()):
        yield Change(Kind.CHANGED, f"columns[{name}].{what}", old, new)


def _values(insight: Insight | None) -> dict[str, JSON]:
    if insight is None:
        return {}
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
