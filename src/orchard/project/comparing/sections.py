"""What differs between two versions, by what people ask: is it better, on which data, under another licence?"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from orchard.formats import IndexedFile, LayerKind
from orchard.insight import CardInsight, MetricsInsight, detect_table
from orchard.oci import JSON
from orchard.project.comparing.details import Examined, compare_details
from orchard.project.comparing.differences import DataDiff, FileDiff, ModelDiff, Sections
from orchard.project.comparing.effort import Effort
from orchard.project.comparing.files import FileChange, Holdings, diff_files
from orchard.project.comparing.measures import Measures, card_metrics, compare_measures, measures_of
from orchard.project.comparing.tensors import compare_tensors, weights_of
from orchard.project.comparing.values import Change, changes
from orchard.project.provenance import read_origin
from orchard.project.versions import Version

_LICENCE: Final = "license"
_LICENCE_FILE: Final = re.compile(r"(?:.*/)?(?:LICEN[CS]E|COPYING)(?:[.-][^/]*)?", re.IGNORECASE)
_PARAMETERS: Final = "model.parameters"
_MODEL: Final = frozenset({LayerKind.MODEL, LayerKind.PART})
_CODE: Final = frozenset({LayerKind.CODE, LayerKind.MCP_SERVER})


@dataclass(frozen=True, slots=True)
class Subject:
    """One of the two versions.

    Attributes:
        version: The version.
        holdings: What it holds.
    """

    version: Version
    holdings: Holdings


def compare_sections(
    first: Subject,
    second: Subject,
    *,
    kitfile: Sequence[Change],
    files: Sequence[FileChange],
    effort: Effort,
) -> Sections:
    """Put what differs in order.

    Args:
        first: The version that changes are counted from.
        second: The version that they lead to.
        kitfile: What differs in the Kitfiles.
        files: What differs in the files.
        effort: How much may be read.

    Raises:
        OrchardError: As the holdings raise it.
    """
    holdings = (first.holdings, second.holdings)
    before = _examine(first.holdings, (change.before for change in files), effort)
    after = _examine(second.holdings, (change.after for change in files), effort)
    old, new = _measures(first.version, before), _measures(second.version, after)
    diffs = diff_files(files, *holdings, effort=effort)
    kinds = {change.path: change.kind for change in files}
    data = {change.path for change in files if change.part is LayerKind.DATASET}
    details = compare_details(kinds, before, after)
    tensors = compare_tensors(weights_of(before), weights_of(after), holdings, effort=effort)
    said = _Said.sort(kitfile)

    def of(*parts: LayerKind) -> tuple[FileDiff, ...]:
        return tuple(diffs[change.path] for change in files if change.part in parts)

    origins = [dict(read_origin(one.version.manifest.annotations)) for one in (first, second)]
    return Sections(
        licences=(*said.licences, *_card_licences(before, after), *_licence_files(files)),
        metrics=compare_measures(old.metrics, new.metrics, directed=True),
        parameters=compare_measures(old.parameters, new.parameters, directed=False),
        data=DataDiff(said.datasets, of(LayerKind.DATASET), tuple(one for one in details if one.path in data)),
        model=ModelDiff(said.model, of(*_MODEL), tuple(one for one in details if one.path not in data), tensors),
        code=of(*_CODE),
        prompts=of(LayerKind.PROMPT),
        docs=of(LayerKind.DOCS),
        provenance=tuple(changes(*origins)),
        package=said.package,
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """What differs in the Kitfiles, by what it is about; parameters are compared elsewhere."""

    licences: tuple[Change, ...]
    datasets: tuple[Change, ...]
    model: tuple[Change, ...]
    package: tuple[Change, ...]

    @classmethod
    def sort(cls, found: Sequence[Change]) -> "_Said":
        heaps: dict[str, list[Change]] = {"licences": [], "datasets": [], "model": [], "package": [], "": []}
        for change in found:
            heaps[_subject_of(change.path)].append(change)
        return cls(*(tuple(heaps[name]) for name in ("licences", "datasets", "model", "package")))


def _subject_of(path: str) -> str:
    if path == _PARAMETERS or path.startswith(f"{_PARAMETERS}."):
        return ""
    if path.rpartition(".")[2] == _LICENCE and ".parameters." not in path:
        return "licences"
    if path.startswith("datasets"):
        return "datasets"
    return "model" if path.startswith("model") else "package"


def _examine(holdings: Holdings, files: Iterable[IndexedFile | None], effort: Effort) -> Examined:
    """Examine the files that differ, as many as are bounded; what is of no known kind costs nothing."""
    wanted = sorted((file for file in files if file is not None), key=_rank)[: effort.examined]
    tables = [file.path for file in wanted if detect_table(file.path) is not None]
    passed = frozenset(tables if effort.tables == 0 else tables[effort.tables :] if effort.tables else ())
    wanted = [file for file in wanted if file.path not in passed]
    return {file.path: (file, holdings.examine(file)) for file in wanted}


def _rank(file: IndexedFile) -> tuple[bool, str]:
    return file.kind not in _MODEL, file.path


def _measures(version: Version, examined: Examined) -> Measures:
    """Give parameters and metrics: the Kitfile's, then those of a ``metrics.json``, then those of the model card.

    Of layers that both versions have nothing is known here; what they say is the same in both.
    """
    known = [insight for _, insight in sorted(examined.values(), key=lambda one: _depth(one[0].path))]
    documents = [insight.metrics for insight in known if isinstance(insight, MetricsInsight)]
    cards = [card_metrics(insight) for insight in known if isinstance(insight, CardInsight)]
    return measures_of(version.kit.kitfile, *documents[:1], *cards[:1])


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path


def _card_licences(before: Examined, after: Examined) -> tuple[Change, ...]:
    return tuple(changes(_licences_said(before), _licences_said(after)))


def _licences_said(examined: Examined) -> dict[str, JSON]:
    cards = {path: card for path, (_, card) in examined.items() if isinstance(card, CardInsight)}
    return {f"{path}: license": list[JSON](card.license) for path, card in cards.items() if card.license}


def _licence_files(files: Sequence[FileChange]) -> tuple[Change, ...]:
    return tuple(Change(change.kind, change.path) for change in files if _LICENCE_FILE.fullmatch(change.path))
