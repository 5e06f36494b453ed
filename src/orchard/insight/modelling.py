"""The models of a version, each from its files and from the small files beside it."""

from collections.abc import Iterator, Mapping
from typing import Final

from orchard.insight.conclusion import ModelFacts
from orchard.insight.documents import (
    ConfigInsight,
    PipelineInsight,
    SentencesInsight,
    TemplateInsight,
    TokenizerConfigInsight,
)
from orchard.insight.grouping import Group, group
from orchard.insight.insights import Insight
from orchard.insight.memory import estimate
from orchard.insight.summary import Beside, Described, is_addition, main_format, summarise
from orchard.insight.tensor import MAX_ELEMENTS, parameters_by_dtype
from orchard.insight.weights import GgufInsight, PickleInsight, Shape, ShardsInsight
from orchard.oci import JSON

MAX_MODELS: Final = 1000
_TRAINING: Final = ("optimizer", "scheduler", "rng_state", "training_args", "scaler")  # what a training leaves behind
_ROLES: Final = ("model", "adapter", "projector")
_GENERATES: Final = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")


def models_of(insights: Mapping[str, Insight]) -> tuple[ModelFacts, ...]:
    """Give every model of a version, the main one first.

    Args:
        insights: What is known of its files, those nearest to the root first.
    """
    groups = group(insights)
    proper = [one for one in groups if not is_addition(one.name) and not _is_left_over(one.name)]
    form = main_format({path: found for one in proper or groups for path, found in one.files.items()})
    parts = dict(_parts(insights))
    full = (one for one in groups if one.missing or any(found.tensors for found in one.files.values()))
    found = [*(_model(one, insights, parts) for one in full), *_pickled(insights)]
    return tuple(sorted(found, key=lambda model: _order(model, form)))[:MAX_MODELS]


def beside_of(insights: Mapping[str, Insight], config: ConfigInsight | None = None) -> Beside:
    """Give the small files of a version as a summary wants them.

    Args:
        insights: What is known of its files, those nearest to the root first.
        config: The one that speaks; the first if there is none.
    """
    found: dict[type, Insight] = {}
    for value in insights.values():
        found.setdefault(type(value), value)
    chosen = config or found.get(ConfigInsight)
    tokenizer, template = found.get(TokenizerConfigInsight), found.get(TemplateInsight)
    index = found.get(ShardsInsight)
    said = tokenizer.chat_template if isinstance(tokenizer, TokenizerConfigInsight) else None
    return Beside(
        config=_config(chosen) if isinstance(chosen, ConfigInsight) else None,
        tokenizer={"chat_template": said} if said else None,
        index={"metadata": {"total_parameters": index.parameters}} if isinstance(index, ShardsInsight) else None,
        chat_template=template.chat_template if isinstance(template, TemplateInsight) else "",
        sentences=SentencesInsight in found,
        pipeline=PipelineInsight in found,
    )


def _config(found: ConfigInsight) -> JSON:
    """Give the document, or one that says the same of what a summary asks."""
    if isinstance(found.raw, dict):
        return found.raw
    library, _, version = found.library.partition(" ")
    method, bits = found.quantization or ("", None)
    return {
        "model_type": found.family,
        "architectures": [*found.architectures],
        "torch_dtype": found.dtype,
        **({"quantization_config": {"quant_method": method, "bits": bits}} if method else {}),
        **({"transformers_version": version} if library == "transformers" else {}),
    }


def _order(model: ModelFacts, form: str) -> tuple[int, bool, int, str]:
    role = _ROLES.index(model.role) if model.role in _ROLES else len(_ROLES) - (model.role != "training")
    return role, model.format != form, -model.size, model.name


def _model(one: Group, insights: Mapping[str, Insight], parts: Mapping[str, str]) -> ModelFacts:
    config = _nearest(one.name, insights)
    described: Mapping[str, Described] = one.files
    # Shards never hold one tensor twice, so all of them count.
    summary = summarise(described, Beside(config=_config(config) if config else None))
    gguf = next((found for found in one.files.values() if isinstance(found, GgufInsight)), None)
    weights = [tensor for found in one.files.values() for tensor in found.weights]
    role = _role(one.name, gguf, parts)
    facts = ModelFacts(
        name=one.name,
        format=next((found.format for found in one.files.values()), one.name.rpartition(".")[2]),
        files=tuple(one.files),
        missing=one.missing,
        unplaced=one.unplaced,
        tensors=sum(len(found.tensors) for found in one.files.values()),
        parameters=_countable(summary.parameters),
        parameters_by_dtype={dtype: _countable(count) or 0 for dtype, count in parameters_by_dtype(weights).items()},
        size=_countable(sum(found.size for found in one.files.values())) or 0,
        precision=summary.precision,
        quantization=summary.quantization,
        architecture=config.architectures[0] if config and config.architectures else "",
        family=summary.family,
        context_length=_said(gguf.context_length if gguf else None, config.context_length if config else None),
        vocabulary=_said(gguf.vocabulary if gguf else None, config.vocabulary if config else None),
        role=role,
    )
    return _with_memory(facts, _shape(gguf, config), weights=sum(tensor.size for tensor in weights))


def _countable(number: int | None) -> int | None:
    """Give a number, at most the largest that everybody can read: files of strangers add up to any."""
    return None if number is None else min(number, MAX_ELEMENTS)


def _with_memory(facts: ModelFacts, shape: Shape | None, *, weights: int) -> ModelFacts:
    if not facts.parameters or facts.missing or facts.role in {"adapter", "projector", "training"}:
        return facts
    from msgspec.structs import replace  # noqa: PLC0415 -- only where there is a model

    return replace(facts, memory=estimate(facts.parameters, weights, shape=shape, context=facts.context_length))


def _shape(gguf: GgufInsight | None, config: ConfigInsight | None) -> Shape | None:
    """Give what the cache depends on; ``None`` for models that keep none, which do not write text."""
    if gguf is not None:
        return gguf.shape
    if config is None or not any(name.endswith(_GENERATES) for name in config.architectures):
        return None
    return config.shape or Shape()


def _said(first: int | None, second: int | None) -> int | None:
    return second if first is None else first


def _nearest(path: str, insights: Mapping[str, Insight]) -> ConfigInsight | None:
    """Find the config in the directory of a file, or in the nearest one above it."""
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        found = insights.get(f"{folder}/config.json" if folder else "config.json")
        if isinstance(found, ConfigInsight):
            return found
    return None


def _is_left_over(path: str) -> bool:
    return path.rpartition("/")[2].lower().startswith(_TRAINING)


def _role(path: str, gguf: GgufInsight | None, parts: Mapping[str, str]) -> str:
    folder, _, name = path.lower().rpartition("/")
    said = gguf.metadata.get("general.type") if gguf is not None else None
    if _is_left_over(name):
        return "training"
    if said == "mmproj" or "mmproj" in name:
        return "projector"
    if said == "adapter" or is_addition(path):
        return "adapter"
    return parts.get(folder, "model")


def _parts(insights: Mapping[str, Insight]) -> Iterator[tuple[str, str]]:
    """Give the directories of the parts of pipelines, with what the parts are called."""
    for path, found in insights.items():
        if isinstance(found, PipelineInsight):
            above = path.lower().rpartition("/")[0]
            yield from ((f"{above}/{name}".lower().strip("/"), name) for name in found.parts)


def _pickled(insights: Mapping[str, Insight]) -> Iterator[ModelFacts]:
    """Give estimators; a plain value that was pickled is no model."""
    for path, found in insights.items():
        if isinstance(found, PickleInsight) and found.library not in {"", "numpy", "pandas"}:
            yield ModelFacts(
                name=path,
                format="pickle",
                files=(path,),
                size=found.array_bytes,
                architecture=found.type,
                family=found.library,
                role="training" if _is_left_over(path) else "model",
            )
