"""What is kept of the small files around models: configs, tokenizers, adapters, notebooks, images, cards, metrics."""

from typing import Any

from msgspec import field

from orchard.insight.kept import Kept, Part, Scalar
from orchard.insight.weights import Shape


class ConfigInsight(Kept, frozen=True, kw_only=True, tag="config"):
    """A ``config.json``, as Transformers and those around it write it.

    Attributes:
        family: ``model_type``, such as ``qwen2``.
        architectures: Classes that load it.
        context_length: Tokens that it looks back on.
        vocabulary: How many tokens it knows.
        shape: What the cache depends on.
        experts: Of a mixture of experts; and how many work on one token.
        dtype: Type of the weights.
        quantization: Method, such as ``awq``, and bits of a weight.
        labels: What a classifier tells apart.
        library: What wrote it, such as ``transformers 4.46.0``.
        code: What of its own code it wants to be run with (``auto_map``).
        raw: The document, for whoever shows it or compares; ``None`` if it is over 64 KiB.
    """

    family: str = ""
    architectures: tuple[str, ...] = ()
    context_length: int | None = None
    vocabulary: int | None = None
    shape: Shape | None = None
    experts: tuple[int, int | None] | None = None
    dtype: str = ""
    quantization: tuple[str, int | None] | None = None
    labels: tuple[str, ...] = ()
    library: str = ""
    code: tuple[str, ...] = ()
    raw: Any = None


class GenerationInsight(Kept, frozen=True, kw_only=True, tag="generation"):
    """A ``generation_config.json``.

    Attributes:
        settings: How it samples, such as ``temperature``.
    """

    settings: dict[str, Scalar] = field(default_factory=dict)


class TokenizerInsight(Kept, frozen=True, kw_only=True, tag="tokenizer"):
    """A ``tokenizer.json``.

    Attributes:
        type: Of the model: ``BPE``, ``WordPiece``, ``Unigram``, ``WordLevel``.
        vocabulary: How many tokens it knows, added ones included.
        merges: Rules of a BPE.
        added: How many tokens were added.
        special: Those of them that are no text.
        normalizer: How text is made uniform before.
        pre_tokenizer: How text is split before.
    """

    type: str = ""
    vocabulary: int = 0
    merges: int | None = None
    added: int = 0
    special: tuple[str, ...] = ()
    normalizer: str = ""
    pre_tokenizer: str = ""


class TokenizerConfigInsight(Kept, frozen=True, kw_only=True, tag="tokenizer-config"):
    """A ``tokenizer_config.json``.

    Attributes:
        type: Class that loads it.
        context_length: Tokens that it allows.
        special: Tokens that are no text, by their part, such as ``eos_token``.
        chat_template: The Jinja template of a conversation; from a stranger: never render it.
        templates: Names of further ones.
    """

    type: str = ""
    context_length: int | None = None
    special: dict[str, str] = field(default_factory=dict)
    chat_template: str | None = None
    templates: tuple[str, ...] = ()


class TemplateInsight(Kept, frozen=True, kw_only=True, tag="template"):
    """A ``chat_template.jinja``.

    Attributes:
        chat_template: Its text; from a stranger: never render it.
    """

    chat_template: str


class AdapterInsight(Kept, frozen=True, kw_only=True, tag="adapter"):
    """An ``adapter_config.json``, as PEFT writes it.

    Attributes:
        type: ``LORA`` or another.
        base_model: Which model it adapts.
        revision: Which version of it.
        rank: ``r``.
        alpha: ``lora_alpha``.
        dropout: ``lora_dropout``.
        target_modules: What it adapts; one text may be a pattern.
        task: Such as ``CAUSAL_LM``.
    """

    type: str = ""
    base_model: str = ""
    revision: str = ""
    rank: int | None = None
    alpha: float | None = None
    dropout: float | None = None
    target_modules: tuple[str, ...] = ()
    task: str = ""


class PipelineInsight(Kept, frozen=True, kw_only=True, tag="pipeline"):
    """A ``model_index.json``, as diffusers write it.

    Attributes:
        type: Class of the pipeline.
        library: What wrote it, such as ``diffusers 0.31.0``.
        parts: Library and class of each part, by its directory.
    """

    type: str = ""
    library: str = ""
    parts: dict[str, tuple[str, str]] = field(default_factory=dict)


class SentencesInsight(Kept, frozen=True, kw_only=True, tag="sentences"):
    """A ``modules.json``, as sentence-transformers write it.

    Attributes:
        modules: Directory and class of each step, in their order.
    """

    modules: tuple[tuple[str, str], ...] = ()


class NotebookInsight(Kept, frozen=True, kw_only=True, tag="notebook"):
    """A notebook of Jupyter; never executed.

    Attributes:
        title: Its first heading.
        kernel: What runs it, as it is shown.
        language: Of its code, with the version if that is said.
        cells: How many there are, by type.
        outputs: How many outputs are kept in it.
        executed: How many cells of code were executed.
        format: Of notebooks, such as ``4.5``.
    """

    title: str = ""
    kernel: str = ""
    language: str = ""
    cells: dict[str, int] = field(default_factory=dict)
    outputs: int = 0
    executed: int = 0
    format: str = ""


class ImageInsight(Kept, frozen=True, kw_only=True, tag="image"):
    """An image, by its header.

    Attributes:
        format: ``png``, ``jpeg``, ``gif``, ``webp``, ``bmp`` or ``svg``.
        width: In pixels; ``None`` where an SVG does not say.
        height: Likewise.
    """

    format: str
    width: int | None = None
    height: int | None = None


class Measured(Part, frozen=True, kw_only=True):
    """One result of a ``model-index``.

    Attributes:
        name: Of the metric.
        value: What was measured.
        task: On which task.
        dataset: On which data.
    """

    name: str
    value: float | str
    task: str = ""
    dataset: str = ""


class CardInsight(Kept, frozen=True, kw_only=True, tag="card"):
    """The front matter of a model card, as Hugging Face defines it.

    Attributes:
        license: As it says.
        base_models: What it was made of, as it says.
        datasets: What it was trained on, as it says.
        tags: Free words.
        languages: As it says.
        task: ``pipeline_tag``.
        library: ``library_name``.
        title: Its first heading.
        metrics: Results of its ``model-index``.
    """

    license: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    task: str = ""
    library: str = ""
    title: str = ""
    metrics: tuple[Measured, ...] = ()


class MetricsInsight(Kept, frozen=True, kw_only=True, tag="metrics"):
    """A ``metrics.json``, as DVC reads it.

    Attributes:
        metrics: Numbers by their dotted path.
    """

    metrics: dict[str, float] = field(default_factory=dict)
