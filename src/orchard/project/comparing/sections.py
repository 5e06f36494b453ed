"""What differs between two versions, by what people ask: is it better, on which data, under another licence?"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec.structs import replace

from orchard.formats import IndexedFile, LayerKind
from orchard.insight import CardInsight, MetricsInsight
from orchard.oci import JSON
from orchard.project.comparing.details import Details, Examined, compare_details
from orchard.project.comparing.files import FileChange, FileDiff, Holdings, diff_files
from orchard.project.comparing.measures import Measure, Measures, card_metrics, compare_measures, measures_of
from orchard.project.comparing.tensors import TensorDiff, compare_tensors, weights_of
from orchard.project.comparing.values import Change, changes
from orchard.project.provenance import read_origin
from orchard.project.versions import Version

MAX_EXAMINED: Final = 500  # files of each version whose headers are read, those of models first

_LICENCE: Final = "license"
_LICENCE_FILE: Final = re.compile(r"(?:.*/)?(?:LICEN[CS]E|COPYING)(?:[.-][^/]*)?", re.IGNORECASE)
_PARAMETERS: Final = "model.parameters"
_MODEL: Final = frozenset({LayerKind.MODEL, LayerKind.PART})
_CODE: Final = frozenset({LayerKind.CODE, LayerKind.MCP_SERVER})


class DataDiff(msgspec.Struct, frozen=True, rename="camel"):
    """How the data differ.

    Attributes:
        datasets: What the Kitfiles say of datasets: where they are, which remote one and of which hash.
        files: The files that differ.
        tables: What is known of them: rows, columns and their types.
    """

    datasets: tuple[Change, ...] = ()
    files: tuple[FileDiff, ...] = ()
    tables: tuple[Details, ...] = ()


class ModelDiff(msgspec.Struct, frozen=True, rename="camel"):
    """How the models differ.

    Attributes:
        about: What the Kitfiles say of the model: its name, framework, format, version.
        files: The files that differ.
        details: What is known of them but their tensors: configs, tokenizers, metadata.
        tensors: The tensors of the files that differ; null if there are none.
    """

    about: tuple[Change, ...] = ()
    files: tuple[FileDiff, ...] = ()
    details: tuple[Details, ...] = ()
    tensors: TensorDiff | None = None


class Sections(msgspec.Struct, frozen=True, rename="camel"):
    """How two versions differ, by what people ask. What is the same is in none of them.

    Attributes:
        licences: Licences of the package, the model and its parts, the data, the model card; files named LICENSE.
        metrics: What came of it.
        parameters: What was set.
        data: The data.
        model: The model.
        code: Files of code.
        prompts: Files of prompts.
        docs: Files for people.
        provenance: Repository, commit and branch that each comes from.
        package: Everything else that the Kitfiles say.
    """

    licences: tuple[Change, ...] = ()
    metrics: tuple[Measure, ...] = ()
    parameters: tuple[Measure, ...] = ()
    data: DataDiff = DataDiff()
    model: ModelDiff = ModelDiff()
    code: tuple[FileDiff, ...] = ()
    prompts: tuple[FileDiff, ...] = ()
    docs: tuple[FileDiff, ...] = ()
    provenance: tuple[Change, ...] = ()
    package: tuple[Change, ...] = ()

    def without_lines(self) -> "Sections":
        """Give the same with lines of texts counted, and not told."""
        return replace(
            self,
            data=replace(self.data, files=_counted(self.data.files)),
            model=replace(self.model, files=_counted(self.model.files)),
            code=_counted(self.code),
            prompts=_counted(self.prompts),
            docs=_counted(self.docs),
        )


def _counted(files: Iterable[FileDiff]) -> tuple[FileDiff, ...]:
    return tuple(diff if diff.text is None else replace(diff, text=diff.text.counts) for diff in files)


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
    every_byte: bool = False,
) -> Sections:
    """Put what differs in order.

    Args:
        first: The version that changes are counted from.
        second: The version that they lead to.
        kitfile: What differs in the Kitfiles.
        files: What differs in the files.
        every_byte: Whether the content of all tensors is compared.

    Raises:
        OrchardError: As the holdings raise it.
    """
    holdings = (first.holdings, second.holdings)
    before = _examine(first.holdings, (change.before for change in files))
    after = _examine(second.holdings, (change.after for change in files))
    old, new = _measures(first.version, before), _measures(second.version, after)
    diffs = diff_files(files, *holdings)
    kinds = {change.path: change.kind for change in files}
    data = {change.path for change in files if change.part is LayerKind.DATASET}
    details = compare_details(kinds, before, after)
    tensors = compare_tensors(weights_of(before), weights_of(after), holdings, every_byte=every_byte)
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


def _examine(holdings: Holdings, files: Iterable[IndexedFile | None]) -> Examined:
    """Examine the files that differ, as many as are bounded; what is of no known kind costs nothing."""
    wanted = sorted((file for file in files if file is not None), key=_rank)[:MAX_EXAMINED]
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
