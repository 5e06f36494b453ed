"""How a whole version is understood from what is known of its files."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

from orchard.insight.conclusion import Conclusion, DatasetFacts, ModelFacts, TokenizerFacts
from orchard.insight.datasets import TableInsight
from orchard.insight.documents import (
    AdapterInsight,
    CardInsight,
    ConfigInsight,
    MetricsInsight,
    PipelineInsight,
    SentencesInsight,
    TemplateInsight,
    TokenizerConfigInsight,
    TokenizerInsight,
)
from orchard.insight.insights import Insight, Unreadable, WeightsInsight
from orchard.insight.modelling import beside_of, models_of
from orchard.insight.summary import Described, summarise
from orchard.insight.weights import GgufInsight, PickleInsight, SafetensorsInsight, TorchInsight

_WRITERS: Final = {"pt": "pytorch", "tf": "tensorflow", "flax": "flax", "mlx": "mlx"}  # metadata of safetensors
MAX_LISTED: Final = 1000  # tables, imports and unreadable files
_RUNS: Final = {"gguf": "llama.cpp", "onnx": "onnxruntime", "torch": "pytorch"}
_T = TypeVar("_T")


def conclude(insights: Mapping[str, Insight]) -> Conclusion:
    """Put together what a version is.

    Args:
        insights: What ``examine`` gave, by path.
    """
    # What is nearest to the root speaks for the whole.
    ordered = dict(sorted(insights.items(), key=lambda item: (item[0].count("/"), item[0])))
    models = models_of(ordered)
    weights: dict[str, Described] = {k: v for k, v in ordered.items() if isinstance(v, WeightsInsight)}
    summary = summarise(weights, beside_of(ordered))
    card = next(of_kind(ordered, CardInsight), None)
    adapter = next(of_kind(ordered, AdapterInsight), None)
    unreadable = ((path, found.why) for path, found in ordered.items() if isinstance(found, Unreadable))
    return Conclusion(
        models=models,
        datasets=tuple(_datasets(insights))[:MAX_LISTED],
        framework=_framework(ordered, models, card),
        title=summary.title or (card.title if card else ""),
        base_models=tuple(dict.fromkeys(_base_models(ordered, adapter, card))),
        adapter=adapter,
        tokenizer=_tokenizer(ordered),
        chat_template=next(_templates(ordered), None),
        card=card,
        metrics=_metrics(ordered, card),
        results=card.metrics if card else (),
        inputs=summary.input_types,
        outputs=summary.output_types,
        reasoning=summary.reasoning,
        tools=summary.tool_usage,
        imports=tuple(sorted({name for found in _pickled(ordered) for name in found.imports}))[:MAX_LISTED],
        kinds=dict(Counter(str(type(found).__struct_config__.tag) for found in insights.values()).most_common()),
        unreadable=dict(list(unreadable)[:MAX_LISTED]),
    )


def of_kind(insights: Mapping[str, Insight], kind: type[_T]) -> Iterator[_T]:
    """Give what is of one kind, in the order given."""
    return (found for found in insights.values() if isinstance(found, kind))


def _datasets(insights: Mapping[str, Insight]) -> Iterator[DatasetFacts]:
    for path, found in sorted(insights.items()):
        if isinstance(found, TableInsight):
            yield DatasetFacts(path=path, format=found.format, rows=found.rows, columns=found.width, size=found.size)


def _framework(insights: Mapping[str, Insight], models: tuple[ModelFacts, ...], card: CardInsight | None) -> str:
    """Guess what the version is run with: what was written for one framework first, what many read last."""
    for kind, name in (
        (PipelineInsight, "diffusers"),
        (SentencesInsight, "sentence-transformers"),
    ):
        if next(of_kind(insights, kind), None) is not None:
            return name
    main = models[0] if models else None
    if next(of_kind(insights, AdapterInsight), None) is not None and (main is None or main.role == "adapter"):
        return "peft"
    if main and main.format in {"gguf", "onnx"}:
        return _RUNS[main.format]
    if card and card.library:
        return card.library.lower()
    written = next((found.library.partition(" ")[0] for found in of_kind(insights, ConfigInsight) if found.library), "")
    pickled = next((found.library for found in of_kind(insights, PickleInsight) if found.library), "")
    return written or _library_of(main, insights) or pickled


def _library_of(main: ModelFacts | None, insights: Mapping[str, Insight]) -> str:
    """Tell by the format of the main model, or by whom its safetensors were written for."""
    first = insights.get(main.files[0]) if main and main.files else None
    if isinstance(first, SafetensorsInsight):
        return _WRITERS.get(first.metadata.get("format", ""), "")
    return _RUNS.get(main.format, "") if main else ""


def _base_models(
    insights: Mapping[str, Insight], adapter: AdapterInsight | None, card: CardInsight | None
) -> Iterator[str]:
    if adapter and adapter.base_model:
        yield adapter.base_model
    yield from card.base_models if card else ()
    for found in of_kind(insights, GgufInsight):
        for key in ("general.base_model.0.repo_url", "general.base_model.0.name"):
            name = found.metadata.get(key)
            if isinstance(name, str) and name:
                yield name.removeprefix("https://huggingface.co/")
                break


def _tokenizer(insights: Mapping[str, Insight]) -> TokenizerFacts | None:
    config = next(of_kind(insights, TokenizerConfigInsight), None)
    document = next(of_kind(insights, TokenizerInsight), None)
    if config is None and document is None:
        found = next((gguf for gguf in of_kind(insights, GgufInsight) if gguf.vocabulary), None)
        return TokenizerFacts(type=found.tokenizer or "", vocabulary=found.vocabulary) if found else None
    return TokenizerFacts(
        type=(config.type if config else "") or (document.type if document else ""),
        vocabulary=document.vocabulary if document else None,
        special=config.special if config else {},
        context_length=config.context_length if config else None,
    )


def _templates(insights: Mapping[str, Insight]) -> Iterator[str]:
    for kind in (TemplateInsight, TokenizerConfigInsight, GgufInsight):
        for found in of_kind(insights, kind):
            template = getattr(found, "chat_template", None)
            if isinstance(template, str) and template:
                yield template


def _metrics(insights: Mapping[str, Insight], card: CardInsight | None) -> dict[str, float]:
    found: dict[str, float] = {}
    for measured in of_kind(insights, MetricsInsight):
        found = {**measured.metrics, **found}  # of two the one nearer to the root counts
    for result in card.metrics if card else ():
        if isinstance(result.value, int | float):
            found.setdefault(result.name, result.value)
    return found


def _pickled(insights: Mapping[str, Insight]) -> Iterator[PickleInsight | TorchInsight]:
    return (found for found in insights.values() if isinstance(found, PickleInsight | TorchInsight))
