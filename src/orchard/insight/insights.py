"""What is known of one file: one shape for each kind of file, written as JSON with its kind beside it.

They are kept, so a field that is added needs a default, and one that is changed a new revision of whatever keeps them.
Texts come from strangers and are cut to bounds; what nobody says is ``None`` or empty.
"""

from typing import Any, Final, Literal

import msgspec

from orchard.insight.tensor import Tensor

REVISION: Final = 1  # of what ``examine`` gives; whatever was kept of an older one is made anew

Scalar = bool | int | float | str


class _Of(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", tag_field="kind"):
    """How all of them are written."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """How what they consist of is written."""


class _Weights(_Of, frozen=True, kw_only=True):
    """A file of tensors.

    Attributes:
        tensors: Every tensor, in the order of the file.
        parameters: Numbers in all of them.
        parameters_by_dtype: By type in the words of the format, the most first.
        size: Bytes of all of them in this file.
    """

    tensors: tuple[Tensor, ...]
    parameters: int
    parameters_by_dtype: dict[str, int]
    size: int


class SafetensorsInsight(_Weights, frozen=True, kw_only=True, tag="safetensors"):
    """The header of a safetensors file.

    Attributes:
        metadata: Free texts that the writer added.
    """

    metadata: dict[str, str] = {}


class LongArray(_Part, frozen=True, kw_only=True):
    """An array of a GGUF's metadata that is too long to keep.

    Attributes:
        type: Of its items.
        count: How many they are.
    """

    type: str
    count: int


class GgufInsight(_Weights, frozen=True, kw_only=True, tag="gguf"):
    """The header of a GGUF file.

    Attributes:
        version: Of the format.
        byte_order: Of its numbers.
        metadata: By key. Texts are cut at 4,096 characters, the chat template is not here but beside.
        architecture: Family, such as ``llama``.
        name: What the model is called.
        quantization: In llama.cpp's word, such as ``Q4_K_M``.
        context_length: Tokens that the model was trained to look back on.
        vocabulary: How many tokens its tokenizer has.
        tokenizer: Kind of tokenizer, such as ``gpt2``.
        chat_template: The Jinja template of a conversation; from a stranger: never render it.
        shape: What the cache of keys and values depends on.
    """

    version: int
    byte_order: Literal["little", "big"]
    metadata: dict[str, Scalar | list[Any] | LongArray]
    architecture: str | None = None
    name: str | None = None
    quantization: str | None = None
    context_length: int | None = None
    vocabulary: int | None = None
    tokenizer: str | None = None
    chat_template: str | None = None
    shape: "Shape | None" = None


class GraphValue(_Part, frozen=True, kw_only=True):
    """An input or output of a graph.

    Attributes:
        name: What it is called.
        dtype: Type of its elements; empty if it is no tensor.
        shape: Length of each dimension: a number, a name, or ``None`` where any will do; ``None`` if not said.
    """

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None


class OnnxInsight(_Weights, frozen=True, kw_only=True, tag="onnx"):
    """An ONNX file but for the content of its tensors.

    Attributes:
        ir_version: Of the format.
        opsets: Version of each set of operators, by its domain; the empty one is ONNX's own.
        producer: Name and version of what wrote it.
        graph: What the graph is called.
        inputs: What it takes.
        outputs: What it gives.
        operators: How often each operator stands in the graph, the most first.
        metadata: Free texts that the writer added.
        external: Files beside this one that hold content of tensors, as named by a stranger.
    """

    ir_version: int
    opsets: dict[str, int]
    producer: str
    graph: str
    inputs: tuple[GraphValue, ...]
    outputs: tuple[GraphValue, ...]
    operators: dict[str, int]
    metadata: dict[str, str] = {}
    external: tuple[str, ...] = ()


class TorchInsight(_Weights, frozen=True, kw_only=True, tag="torch"):
    """A checkpoint of PyTorch, whose pickle was walked and not executed.

    Attributes:
        container: ``zip``, ``torchscript``, or ``legacy`` from before PyTorch 1.6.
        weights_under: Key under which the weights of a training checkpoint are; empty if they are all of it. Only
            these count as parameters.
        imports: What loading it would import, as ``module.name``, sorted.
        notes: Numbers and texts beside the tensors, such as ``epoch``.
    """

    container: Literal["zip", "torchscript", "legacy"]
    weights_under: str = ""
    imports: tuple[str, ...] = ()
    notes: dict[str, Scalar] = {}


class PickleInsight(_Of, frozen=True, kw_only=True, tag="pickle"):
    """A pickle, also as joblib writes it, walked and not executed.

    Attributes:
        protocol: Of the pickle, 0 to 5.
        compression: ``zlib``, ``gzip``, ``bz2``, ``xz``, ``lzma`` or ``lz4``; empty if there is none.
        imports: What loading it would import, as ``module.name``, sorted.
        type: Class of the outermost object, as ``module.name``; empty if it is a plain value.
        library: Package that it belongs to, such as ``scikit-learn``.
        library_version: Version of that package, if the object says so.
        settings: Numbers and texts of the outermost object, such as hyperparameters.
        steps: Names and classes of what a pipeline consists of.
        arrays: Arrays of NumPy that lie in the file beside the pickle, as joblib writes them.
        array_bytes: Bytes of them.
        complete: Whether all of it was walked.
        note: Why not.
    """

    protocol: int
    compression: str = ""
    imports: tuple[str, ...] = ()
    type: str = ""
    library: str = ""
    library_version: str = ""
    settings: dict[str, Scalar | None] = {}
    steps: tuple[tuple[str, str], ...] = ()
    arrays: int = 0
    array_bytes: int = 0
    complete: bool = True
    note: str = ""


class ShardsInsight(_Of, frozen=True, kw_only=True, tag="shards"):
    """An index of the files that a model was split into (``*.index.json``).

    Attributes:
        size: Bytes of all tensors, as it says.
        parameters: How many numbers they hold, if it says so.
        files: Which tensors are in which file, by names beside the index.
    """

    size: int | None = None
    parameters: int | None = None
    files: dict[str, tuple[str, ...]] = {}


class Shape(_Part, frozen=True, kw_only=True):
    """What the cache of keys and values of a language model depends on.

    Attributes:
        layers: How many there are.
        hidden: Width between layers.
        heads: Of attention in a layer.
        kv_heads: Of them those with keys and values of their own.
        head_size: Width of a head.
        latent: Numbers that a token costs in a layer where keys and values are compressed together (MLA).
        window: Tokens that layers with a sliding window look back on.
    """

    layers: int | None = None
    hidden: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    head_size: int | None = None
    latent: int | None = None
    window: int | None = None


class ConfigInsight(_Of, frozen=True, kw_only=True, tag="config"):
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
    raw: Any = None


class GenerationInsight(_Of, frozen=True, kw_only=True, tag="generation"):
    """A ``generation_config.json``.

    Attributes:
        settings: How it samples, such as ``temperature``.
    """

    settings: dict[str, Scalar] = {}


class TokenizerInsight(_Of, frozen=True, kw_only=True, tag="tokenizer"):
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


class TokenizerConfigInsight(_Of, frozen=True, kw_only=True, tag="tokenizer-config"):
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
    special: dict[str, str] = {}
    chat_template: str | None = None
    templates: tuple[str, ...] = ()


class TemplateInsight(_Of, frozen=True, kw_only=True, tag="template"):
    """A ``chat_template.jinja``.

    Attributes:
        chat_template: Its text; from a stranger: never render it.
    """

    chat_template: str


class AdapterInsight(_Of, frozen=True, kw_only=True, tag="adapter"):
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


class PipelineInsight(_Of, frozen=True, kw_only=True, tag="pipeline"):
    """A ``model_index.json``, as diffusers write it.

    Attributes:
        type: Class of the pipeline.
        library: What wrote it, such as ``diffusers 0.31.0``.
        parts: Library and class of each part, by its directory.
    """

    type: str = ""
    library: str = ""
    parts: dict[str, tuple[str, str]] = {}


class SentencesInsight(_Of, frozen=True, kw_only=True, tag="sentences"):
    """A ``modules.json``, as sentence-transformers write it.

    Attributes:
        modules: Directory and class of each step, in their order.
    """

    modules: tuple[tuple[str, str], ...] = ()


class NotebookInsight(_Of, frozen=True, kw_only=True, tag="notebook"):
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
    cells: dict[str, int] = {}
    outputs: int = 0
    executed: int = 0
    format: str = ""


class ImageInsight(_Of, frozen=True, kw_only=True, tag="image"):
    """An image, by its header.

    Attributes:
        format: ``png``, ``jpeg``, ``gif``, ``webp``, ``bmp`` or ``svg``.
        width: In pixels; ``None`` where an SVG does not say.
        height: Likewise.
    """

    format: str
    width: int | None = None
    height: int | None = None


class Measured(_Part, frozen=True, kw_only=True):
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


class CardInsight(_Of, frozen=True, kw_only=True, tag="card"):
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


class MetricsInsight(_Of, frozen=True, kw_only=True, tag="metrics"):
    """A ``metrics.json``, as DVC reads it.

    Attributes:
        metrics: Numbers by their dotted path.
    """

    metrics: dict[str, float] = {}


class Column(_Part, frozen=True, kw_only=True):
    """A column of a table.

    Attributes:
        name: What it is called.
        type: Of its values, as whatever read it says.
    """

    name: str
    type: str


class TableInsight(_Of, frozen=True, kw_only=True, tag="table"):
    """A table: CSV, TSV, Parquet, JSON lines.

    Attributes:
        format: Of the file.
        columns: In their order.
        rows: How many there are, if that was counted.
        size: Bytes of the file.
    """

    format: str
    columns: tuple[Column, ...]
    rows: int | None = None
    size: int = 0


class Unreadable(_Of, frozen=True, kw_only=True, tag="unreadable"):
    """A file that claims to be of a kind and is not, or not within bounds.

    Attributes:
        why: What is wrong with it, for people.
    """

    why: str


WeightsInsight = SafetensorsInsight | GgufInsight | OnnxInsight | TorchInsight
Insight = (
    WeightsInsight
    | PickleInsight
    | ShardsInsight
    | ConfigInsight
    | GenerationInsight
    | TokenizerInsight
    | TokenizerConfigInsight
    | TemplateInsight
    | AdapterInsight
    | PipelineInsight
    | SentencesInsight
    | NotebookInsight
    | ImageInsight
    | CardInsight
    | MetricsInsight
    | TableInsight
    | Unreadable
)
