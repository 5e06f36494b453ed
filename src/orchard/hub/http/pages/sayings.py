"""What the files of a model say about it beside its tensors, as a person reads it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from posixpath import dirname
from typing import Final

from orchard.hub.http.pages import text
from orchard.hub.http.pages.about import Item
from orchard.insight import (
    AdapterInsight,
    Conclusion,
    ConfigInsight,
    GenerationInsight,
    GgufInsight,
    GraphValue,
    Insight,
    LongArray,
    OnnxInsight,
    PickleInsight,
    SafetensorsInsight,
    TorchInsight,
)

MAX_ITEMS: Final = 200  # of one saying; a header may hold 10,000 keys
_MAX_TEXT: Final = 400  # characters of one value
_MAX_DOCUMENT: Final = 20_000
_TIMES: Final = " \N{MULTIPLICATION SIGN} "
_RUNS: Final = "Loading this file runs code of its own. The hub has read it without; these are what it would import."


@dataclass(frozen=True, slots=True)
class Saying:
    """What one file says of one matter.

    Attributes:
        note: What a reader must know.
        document: A whole document, in place of items.
        more: How many further items there are.
    """

    title: str
    items: Sequence[Item] = ()
    note: str = ""
    document: str = ""
    more: int = 0


def sayings(found: Sequence[Insight], conclusion: Conclusion) -> list[Saying]:
    """Say what the files of one model say, and those that belong to the whole version."""
    said = [one for insight in found for one in _of(insight)]
    if conclusion.adapter is not None:
        said.insert(0, _saying("Adapter", _adapter(conclusion.adapter)))
    if conclusion.tokenizer is not None and conclusion.tokenizer.special:
        said.append(_saying("Special tokens", conclusion.tokenizer.special.items()))
    if not any(isinstance(insight, TorchInsight | PickleInsight) for insight in found):
        said.append(_saying("Imports of pickles beside it", _imports(conclusion.imports), note=_RUNS))
    return [one for one in said if one.items or one.document]


def config_beside(kinds: Mapping[str, str], files: Sequence[str]) -> list[str]:
    """Name the configs that a model is loaded with: those in its directory, else those nearest to the root."""
    beside = {dirname(path) for path in files}
    paths = sorted(
        (path for path, kind in kinds.items() if kind in {"config", "generation"}), key=lambda path: path.count("/")
    )
    near = [path for path in paths if dirname(path) in beside]
    return (near or [path for path in paths if path.count("/") == paths[0].count("/")])[:4]


def _of(insight: Insight) -> Iterator[Saying]:
    match insight:
        case SafetensorsInsight():
            yield _saying("Metadata", insight.metadata.items())
        case GgufInsight():
            yield _saying("Metadata", ((key, _plain(value)) for key, value in insight.metadata.items()))
        case OnnxInsight():
            yield _saying("Graph", _graph(insight))
            yield _saying("Operators", ((name, f"{times:,}") for name, times in insight.operators.items()))
        case TorchInsight():
            yield _saying("Imports", _imports(insight.imports), note=_RUNS)
            yield _saying("Beside the tensors", ((key, _plain(value)) for key, value in insight.notes.items()))
        case PickleInsight():
            yield _saying("Object", _object(insight))
            yield _saying("Imports", _imports(insight.imports), note=_RUNS)
        case ConfigInsight(raw=raw) if raw is not None:
            written = json.dumps(raw, indent=2, ensure_ascii=False)
            yield Saying("Config", document=text.clip(written, _MAX_DOCUMENT))
        case GenerationInsight():
            yield _saying("Generation", ((key, _plain(value)) for key, value in insight.settings.items()))
        case _:
            return


def _graph(insight: OnnxInsight) -> Iterator[tuple[str, str]]:
    yield from ((f"Input {value.name}", _shape(value)) for value in insight.inputs)
    yield from ((f"Output {value.name}", _shape(value)) for value in insight.outputs)
    yield from ((f"Opset {domain or 'ai.onnx'}", str(version)) for domain, version in insight.opsets.items())
    yield "Made by", insight.producer
    yield from insight.metadata.items()
    yield from (("Kept beside", path) for path in insight.external)


def _shape(value: GraphValue) -> str:
    if value.shape is None:
        return f"{value.dtype}, any shape"
    lengths = ("any" if one is None else str(one) for one in value.shape)
    return f"{value.dtype} {_TIMES.join(lengths) or 'one number'}".strip()


def _imports(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Put together what comes from one module."""
    for module, found in groupby(sorted(name.rpartition(".")[::2] for name in names), itemgetter(0)):
        yield module, ", ".join(name for _, name in found)


def _object(insight: PickleInsight) -> Iterator[tuple[str, str]]:
    yield "Class", insight.type
    yield "Library", f"{insight.library} {insight.library_version}".strip()
    yield from ((f"Step {name}", kind) for name, kind in insight.steps)
    yield from ((key, _plain(value)) for key, value in insight.settings.items())
    yield "Not read whole", insight.note


def _adapter(insight: AdapterInsight) -> Iterator[tuple[str, str]]:
    yield "Kind", insight.type
    yield "Adapts", f"{insight.base_model} {insight.revision}".strip()
    yield "Rank", _plain(insight.rank)
    yield "Alpha", _plain(insight.alpha)
    yield "Dropout", _plain(insight.dropout)
    yield "Modules", ", ".join(insight.target_modules)
    yield "Task", insight.task


def _plain(value: object) -> str:
    if isinstance(value, LongArray):
        return f"{value.count:,} of {value.type}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value[:_MAX_TEXT]))
    if isinstance(value, bool):
        return str(value).lower()
    return text.plain(value) if value is None or isinstance(value, str | int | float) else str(value)


def _saying(title: str, pairs: Iterable[tuple[str, str]], *, note: str = "") -> Saying:
    known = [(name, said) for name, said in pairs if said]
    items = [Item(text.clip(name, 160), text.clip(said, _MAX_TEXT)) for name, said in known[:MAX_ITEMS]]
    return Saying(title, items, note if items else "", more=max(0, len(known) - MAX_ITEMS))
