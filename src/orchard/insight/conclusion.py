"""What a whole version is, put together from what is known of its files."""

from typing import Final

from msgspec import field

from orchard.insight.documents import AdapterInsight, CardInsight, Measured
from orchard.insight.kept import Part

CONCLUSION_REVISION: Final = 1  # of what ``conclude`` gives


class Need(Part, frozen=True, kw_only=True):
    """Memory that a model needs at one precision and one length of context.

    Attributes:
        precision: ``stored``, or one of ``float32 float16 int8 4-bit``.
        context: Tokens that are kept in mind; ``None`` where the model has no such cache or nobody says enough.
        weights: Bytes of the weights.
        cache: Bytes of keys and values of that many tokens.
        overhead: Bytes of what is computed with, and of the runtime.
        total: Bytes of all of it.
        fits: Sizes of memory that hold it, in GiB, the smallest first; of 8, 12, 16, 24, 48 and 80.
    """

    precision: str
    context: int | None = None
    weights: int
    cache: int = 0
    overhead: int
    total: int
    fits: tuple[int, ...] = ()


class MemoryEstimate(Part, frozen=True, kw_only=True):
    """How much memory a model needs to run for one user, and how that was reckoned.

    Attributes:
        formula: In words, line by line.
        numbers: What was put into it.
        needs: For each precision, and for a short and the whole context where the model has one.
        note: What is missing or not reckoned.
    """

    formula: tuple[str, ...]
    numbers: dict[str, float]
    needs: tuple[Need, ...]
    note: str = ""


class ModelFacts(Part, frozen=True, kw_only=True):
    """One model of a version: one file, or the files that it was split into.

    Attributes:
        name: Path of the file, or of the directory with a pattern of the files.
        format: ``safetensors``, ``gguf``, ``onnx``, ``torch`` or ``pickle``.
        files: Paths, sorted.
        missing: Files that an index or the numbering of the others names and that are not there.
        unplaced: How many tensors the index places in a file that does not have them.
        tensors: How many.
        parameters: Numbers in all of them, those that a quantiser packed counted one by one.
        parameters_by_dtype: As they are stored, by type in the words of the format.
        size: Bytes of all tensors.
        precision: Types of the weights in the words of the model-spec, most bytes first.
        quantization: Method or, for GGUF, type of the file.
        architecture: Such as ``LlamaForCausalLM``.
        family: Such as ``llama``.
        context_length: Tokens that it looks back on.
        vocabulary: How many tokens it knows.
        role: ``model``, ``adapter``, ``projector``, or the part of a pipeline.
        memory: What it needs; ``None`` for an adapter, and where nothing is known.
    """

    name: str
    format: str
    files: tuple[str, ...]
    missing: tuple[str, ...] = ()
    unplaced: int = 0
    tensors: int = 0
    parameters: int | None = None
    parameters_by_dtype: dict[str, int] = field(default_factory=dict)
    size: int = 0
    precision: tuple[str, ...] = ()
    quantization: str = ""
    architecture: str = ""
    family: str = ""
    context_length: int | None = None
    vocabulary: int | None = None
    role: str = "model"
    memory: MemoryEstimate | None = None


class DatasetFacts(Part, frozen=True, kw_only=True):
    """One table of a version.

    Attributes:
        path: Where it is.
        format: Of the file.
        rows: How many, if that was counted.
        columns: How many.
        size: Bytes of the file.
    """

    path: str
    format: str
    rows: int | None = None
    columns: int
    size: int


class TokenizerFacts(Part, frozen=True, kw_only=True):
    """What turns text into numbers.

    Attributes:
        type: Class or algorithm.
        vocabulary: How many tokens it knows.
        special: Tokens that are no text, by their part where that is said.
        context_length: Tokens that it allows.
    """

    type: str = ""
    vocabulary: int | None = None
    special: dict[str, str] = field(default_factory=dict)
    context_length: int | None = None


class Conclusion(Part, frozen=True, kw_only=True):
    """What a version is. Empty and ``None`` are what nobody says.

    Attributes:
        models: Every model in it, the main one first.
        datasets: Every table in it, by path.
        framework: What it is run with, as a guess, such as ``transformers``, ``llama.cpp``, ``scikit-learn``.
        title: What its files call it.
        base_models: What it was made of, the nearest first.
        adapter: How it adapts another model.
        tokenizer: What turns text into numbers.
        chat_template: The Jinja template of a conversation; from a stranger: never render it.
        card: Of the README nearest to the root.
        metrics: By dotted path, from ``metrics.json``, before the card's.
        results: Of the card's ``model-index``.
        inputs: Of ``text image audio video``.
        outputs: Of ``text embedding other``.
        reasoning: Whether its chat template shows that it thinks first.
        tools: Whether its chat template takes tools.
        imports: What loading its pickles would import, sorted.
        kinds: How many files of each kind there are.
        unreadable: Why a file could not be read, by path.
    """

    models: tuple[ModelFacts, ...] = ()
    datasets: tuple[DatasetFacts, ...] = ()
    framework: str = ""
    title: str = ""
    base_models: tuple[str, ...] = ()
    adapter: AdapterInsight | None = None
    tokenizer: TokenizerFacts | None = None
    chat_template: str | None = None
    card: CardInsight | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    results: tuple[Measured, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    reasoning: bool | None = None
    tools: bool | None = None
    imports: tuple[str, ...] = ()
    kinds: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
