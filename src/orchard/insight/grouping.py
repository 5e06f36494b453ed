"""Which files of weights are one model: those of an index, those that are numbered, and each other one alone."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from orchard.insight.insights import Insight, WeightsInsight
from orchard.insight.weights import ShardsInsight

_NUMBERED: Final = re.compile(
    r"(?P<before>(?:.*/)?[^/]*?)(?P<at>\d{1,6})-of-(?P<of>\d{1,6})(?P<after>[^\d/][^/]*)?", re.ASCII
)
_CONSOLIDATED: Final = re.compile(r"(?P<before>consolidated\.)(?P<at>\d{2})(?P<after>\.pth)")
_MAX_MISSING: Final = 1000  # files that are named


class Group(NamedTuple):
    """The files of one model.

    Attributes:
        name: Path of the only file, or their pattern.
        files: What is known of them, by path, sorted.
        missing: Paths of those that are not there.
        unplaced: Tensors that an index places in a file that does not have them.
    """

    name: str
    files: Mapping[str, WeightsInsight]
    missing: tuple[str, ...] = ()
    unplaced: int = 0


def group(insights: Mapping[str, Insight]) -> list[Group]:
    """Put files of weights together to models, sorted by their names."""
    left = {path: found for path, found in sorted(insights.items()) if isinstance(found, WeightsInsight)}
    groups = [*_indexed(insights, left), *_numbered(insights, left), *_consolidated(left)]
    groups.extend(Group(path, {path: found}) for path, found in left.items())
    return sorted(groups, key=lambda one: one.name)


def _indexed(insights: Mapping[str, Insight], left: dict[str, WeightsInsight]) -> Iterator[Group]:
    for path, index in sorted(insights.items()):
        if not isinstance(index, ShardsInsight):
            continue
        folder = path[: path.rfind("/") + 1]
        files = {f"{folder}{name}": tensors for name, tensors in index.files.items()}
        present = {name: left.pop(name) for name in files if name in left}
        missing = [name for name in files if name not in insights]
        unplaced = sum(_unplaced(files[name], found) for name, found in present.items())
        if present or missing:
            yield Group(path.removesuffix(".index.json"), present, tuple(missing[:_MAX_MISSING]), unplaced)


def _unplaced(tensors: tuple[str, ...], found: WeightsInsight) -> int:
    return len(set(tensors) - {tensor.name for tensor in found.tensors})


def _numbered(insights: Mapping[str, Insight], left: dict[str, WeightsInsight]) -> Iterator[Group]:
    """Give the files that are called, for example, ``model-00001-of-00003.gguf``."""
    found: dict[tuple[str, str, str], dict[int, str]] = {}
    widths: dict[tuple[str, str, str], int] = {}
    for path in left:
        if match := _NUMBERED.fullmatch(path):
            key = match["before"], match["of"], match["after"] or ""
            found.setdefault(key, {})[int(match["at"])] = path
            widths[key] = len(match["at"])
    for key, numbers in found.items():
        before, of, after = key
        first = 0 if 0 in numbers else 1
        wanted = range(first, min(first + int(of), first + _MAX_MISSING))
        paths = (f"{before}{number:0{widths[key]}}-of-{of}{after}" for number in wanted if number not in numbers)
        missing = tuple(path for path in paths if path not in insights)
        files = {path: left.pop(path) for path in numbers.values()}
        yield Group(f"{before}*-of-{of}{after}", files, missing)


def _consolidated(left: dict[str, WeightsInsight]) -> Iterator[Group]:
    """Give the files that are called ``consolidated.00.pth``, as those of the first Llamas."""
    found: dict[str, list[str]] = {}
    for path in left:
        folder, _, name = path.rpartition("/")
        if _CONSOLIDATED.fullmatch(name):
            found.setdefault(folder, []).append(path)
    for folder, paths in found.items():
        if len(paths) > 1:
            name = f"{folder}/consolidated.*.pth".removeprefix("/")
            yield Group(name, {path: left.pop(path) for path in paths})
