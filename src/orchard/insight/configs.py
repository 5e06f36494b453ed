"""What Transformers, PEFT, diffusers and sentence-transformers write beside weights, in the spellings of families."""

from collections.abc import Mapping
from typing import Final

from orchard.insight.documents import (
    AdapterInsight,
    ConfigInsight,
    GenerationInsight,
    PipelineInsight,
    SentencesInsight,
)
from orchard.insight.plain import MAX_ITEMS, count, items, mapping, number, scalars, shallow, text, texts
from orchard.insight.weights import Shape
from orchard.oci import JSON, dumps

MAX_RAW: Final = 64 << 10  # bytes of a document that is kept whole

_CONTEXT: Final = (
    "max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "max_sequence_length", "seq_length",
    "max_seq_length", "max_target_positions", "max_source_positions", "model_max_length",
)  # fmt: skip
_LAYERS: Final = ("num_hidden_layers", "n_layer", "num_layers", "n_layers", "decoder_layers", "encoder_layers")
_HIDDEN: Final = ("hidden_size", "n_embd", "d_model", "dim", "hidden_dim")
_HEADS: Final = ("num_attention_heads", "n_head", "num_heads", "n_heads", "decoder_attention_heads")
_KV_HEADS: Final = ("num_key_value_heads", "num_kv_heads", "n_head_kv", "n_kv_heads", "multi_query_group_num")
_HEAD_SIZE: Final = ("head_dim", "d_kv", "kv_channels", "attention_head_dim")
_EXPERTS: Final = ("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts")
_ACTIVE: Final = ("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_top_k")
_INNER: Final = ("text_config", "llm_config", "language_config", "thinker_config", "decoder")
# One of these makes a config.json that of a model; others have files of this name too.
_TELLING: Final = frozenset({
    "model_type", "architectures", "transformers_version", "_class_name", "vocab_size", "hidden_size", "torch_dtype",
    "n_layer", "num_hidden_layers", "quantization_config", "auto_map", "id2label", "num_classes",
})  # fmt: skip


def config_of(value: JSON) -> ConfigInsight | None:
    """Keep what a ``config.json`` says; ``None`` if it is not that of a model."""
    outer = mapping(value)
    if _TELLING.isdisjoint(outer):
        return None
    inner = next((found for key in _INNER if (found := mapping(outer.get(key)))), {})
    both = {**outer, **inner}  # where a model reads more than text, its language model says what is asked here
    shape = _shape(both)
    experts = _first(both, _EXPERTS)
    return ConfigInsight(
        family=text(outer.get("model_type")),
        architectures=texts(outer.get("architectures")) or texts(outer.get("_class_name")),
        context_length=_first(both, _CONTEXT),
        vocabulary=count(both.get("vocab_size")),
        shape=shape if shape != Shape() else None,
        experts=(experts, _first(both, _ACTIVE)) if experts else None,
        dtype=_dtype(outer, inner),
        quantization=_quantization(outer) or _quantization(inner),
        labels=tuple(text(label, 200) for label in list(mapping(outer.get("id2label")).values())[:MAX_ITEMS]),
        library=_library(outer),
        code=tuple(sorted({text(name) for name in mapping(outer.get("auto_map")).values() if text(name)}))[:MAX_ITEMS],
        raw=value if shallow(value) and len(dumps(value)) <= MAX_RAW else None,
    )


def generation_of(value: JSON) -> GenerationInsight:
    """Keep what a ``generation_config.json`` says."""
    said = ((key, item) for key, item in mapping(value).items() if not key.startswith("_"))
    return GenerationInsight(settings=scalars(said))


def adapter_of(value: JSON) -> AdapterInsight:
    """Keep what an ``adapter_config.json`` says."""
    said = mapping(value)
    modules = said.get("target_modules")
    return AdapterInsight(
        type=text(said.get("peft_type")),
        base_model=text(said.get("base_model_name_or_path")),
        revision=text(said.get("revision")),
        rank=count(said.get("r")),
        alpha=number(said.get("lora_alpha")),
        dropout=number(said.get("lora_dropout")),
        target_modules=tuple(sorted(texts(modules))) if isinstance(modules, list) else texts(modules),
        task=text(said.get("task_type")),
    )


def pipeline_of(value: JSON) -> PipelineInsight:
    """Keep what a ``model_index.json`` says."""
    said = mapping(value)
    parts: dict[str, tuple[str, str]] = {}
    for name, part in said.items():
        pair = [text(item) for item in items(part)]
        if len(pair) == 2 and all(pair) and len(parts) < MAX_ITEMS:  # noqa: PLR2004 -- library and class
            parts[name[:200]] = (pair[0], pair[1])
    version = text(said.get("_diffusers_version"))
    return PipelineInsight(
        type=text(said.get("_class_name")), library=f"diffusers {version}" if version else "", parts=parts
    )


def sentences_of(value: JSON) -> SentencesInsight:
    """Keep what a ``modules.json`` says."""
    steps = [mapping(step) for step in items(value)[:MAX_ITEMS]]
    return SentencesInsight(modules=tuple((text(step.get("path")), text(step.get("type"))) for step in steps))


def _first(said: Mapping[str, JSON], names: tuple[str, ...]) -> int | None:
    return next((found for name in names if (found := count(said.get(name)))), None)


def _shape(said: Mapping[str, JSON]) -> Shape:
    latent = count(said.get("kv_lora_rank"))
    rope = count(said.get("qk_rope_head_dim"))
    kv_heads = _first(said, _KV_HEADS)
    if said.get("multi_query") is True and said.get("new_decoder_architecture") is not True:
        kv_heads = 1  # Falcon, StarCoder
    windowed = said.get("use_sliding_window") is not False
    return Shape(
        layers=_first(said, _LAYERS),
        hidden=_first(said, _HIDDEN),
        heads=_first(said, _HEADS),
        kv_heads=kv_heads,
        head_size=_first(said, _HEAD_SIZE),
        latent=latent + (rope or 0) if latent else None,
        window=count(said.get("sliding_window")) if windowed else None,
    )


def _dtype(outer: Mapping[str, JSON], inner: Mapping[str, JSON]) -> str:
    names = (text(part.get(key)) for part in (outer, inner) for key in ("dtype", "torch_dtype"))
    return next(filter(None, names), "").removeprefix("torch.")


def _quantization(said: Mapping[str, JSON]) -> tuple[str, int | None] | None:
    config = mapping(said.get("quantization_config")) or mapping(said.get("compression_config"))
    method = text(config.get("quant_method"))
    if not method:
        return None
    by_flag = 4 if config.get("load_in_4bit") is True else 8 if config.get("load_in_8bit") is True else None
    return method, count(config.get("bits")) or count(config.get("w_bit")) or by_flag


def _library(said: Mapping[str, JSON]) -> str:
    for key, name in (("transformers_version", "transformers"), ("_diffusers_version", "diffusers")):
        if version := text(said.get(key), 64):
            return f"{name} {version}"
    return ""
