"""Values that differ: of Kitfiles, configs, annotations; flattened, and compared by path."""

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

import msgspec

from orchard.oci import JSON

_KEYS: Final = ("name", "path")  # what entries of a list are known by


class Kind(Enum):
    """What became of something from the first version to the second."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    UNKNOWN = "unknown"  # same size, content not compared


class Change(msgspec.Struct, frozen=True):
    """One value that differs.

    Attributes:
        kind: What became of it.
        path: Where it is, such as ``model.parameters.lr`` or ``datasets[train].path``; of an annotation, its key.
        before: Its value in the first version; null if it was added.
        after: Its value in the second version; null if it was removed.
    """

    kind: Kind
    path: str
    before: Any = None  # JSON, whose type msgspec cannot describe: it holds itself
    after: Any = None


def flatten(value: JSON, path: str = "") -> dict[str, JSON]:
    """Give every leaf of a value by its path: keys with dots between, entries of lists by name, else by path or number.

    A list of plain values is one leaf, an empty list or object too.
    """
    if isinstance(value, dict) and value:
        found: dict[str, JSON] = {}
        for key, item in value.items():
            found |= flatten(item, f"{path}.{key}" if path else key)
        return found
    if isinstance(value, list) and value and any(isinstance(item, dict | list) for item in value):
        found = {}
        for key, item in zip(_names(value), value, strict=True):
            found |= flatten(item, f"{path}[{key}]")
        return found
    return {path: value}


def changes(before: dict[str, JSON], after: dict[str, JSON]) -> Iterator[Change]:
    """Compare flat values, by path; numbers are equal if they are the same number, however they are written."""
    for path in sorted(before.keys() | after.keys()):
        if path not in before:
            yield Change(Kind.ADDED, path, after=after[path])
        elif path not in after:
            yield Change(Kind.REMOVED, path, before=before[path])
        elif not _same(before[path], after[path]):
            yield Change(Kind.CHANGED, path, before[path], after[path])


def _names(items: list[JSON]) -> list[str]:
    """Name the entries of a list: by what they are called, if no two are called the same."""
    for key in _KEYS:
        names = [item.get(key) if isinstance(item, dict) else None for item in items]
        texts = [name for name in names if isinstance(name, str) and name]
        if len(set(texts)) == len(items):
            return texts
    return [str(number) for number in range(len(items))]


def _same(one: JSON, two: JSON) -> bool:
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_same, one, two))
    return one == two
