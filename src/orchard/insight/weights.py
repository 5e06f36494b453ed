"""What is kept of files of weights."""

from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Final, Literal

from msgspec import field

from orchard.insight.kept import Kept, Part, Scalar
from orchard.insight.tensor import Tensor

# Under which keys training loops keep tensors that are no weights.
_BESIDE: Final = ("optim", "lr_sched", "scheduler", "scaler", "ema", "grad", "rng", "cuda_rng")


class _Weights(Kept, frozen=True, kw_only=True):
    """A file of tensors.

    Attributes:
        tensors: Every tensor, in the order of the file.
        parameters: Numbers in all of them.
        parameters_by_dtype: By type in the words of the format, the most first.
        size: Bytes of all of them in this file.
    """

    tensors: tuple[Tensor, ...]
    parameters: int
    format: ClassVar[str]
    parameters_by_dtype: dict[str, int]
    size: int

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """The tensors that count as parameters: all of them, unless a kind of file has others too."""
        return self.tensors


class SafetensorsInsight(_Weights, frozen=True, kw_only=True, tag="safetensors"):
    """The header of a safetensors file.

    Attributes:
        metadata: Free texts that the writer added.
    """

    format: ClassVar[str] = "safetensors"
    metadata: dict[str, str] = field(default_factory=dict)


class LongArray(Part, frozen=True, kw_only=True):
    """An array of a GGUF's metadata that is too long to keep.

    Attributes:
        type: Of its items.
        count: How many they are.
    """

    type: str
    count: int


class Shape(Part, frozen=True, kw_only=True):
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

    format: ClassVar[str] = "gguf"
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
    shape: Shape | None = None


class GraphValue(Part, frozen=True, kw_only=True):
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

    format: ClassVar[str] = "onnx"
    ir_version: int
    opsets: dict[str, int]
    producer: str
    graph: str
    inputs: tuple[GraphValue, ...]
    outputs: tuple[GraphValue, ...]
    operators: dict[str, int]
    metadata: dict[str, str] = field(default_factory=dict)
    external: tuple[str, ...] = ()


def counted(tensors: Sequence[Tensor], shared: Collection[int], under: str) -> tuple[Tensor, ...]:
    """Give the tensors of a checkpoint that count as parameters: each once, and none of an optimiser.

    Args:
        tensors: All of them.
        shared: Indices of those whose elements one before has too.
        under: Key of the weights in a training checkpoint; empty if they are all of it.
    """
    again = frozenset(shared)
    return tuple(
        tensor
        for index, tensor in enumerate(tensors)
        if index not in again
        and (tensor.name.startswith(f"{under}.") if under else not tensor.name.startswith(_BESIDE))
    )


class TorchInsight(_Weights, frozen=True, kw_only=True, tag="torch"):
    """A checkpoint of PyTorch, whose pickle was walked and not executed.

    Attributes:
        container: ``zip``, ``torchscript``, or ``legacy`` from before PyTorch 1.6.
        weights_under: Key under which the weights of a training checkpoint are; empty if they are all of it. Only
            these count as parameters.
        imports: What loading it would import, as ``module.name``, sorted.
        notes: Numbers and texts beside the tensors, such as ``epoch``.
        shared: Indices of tensors whose elements one before has too.
    """

    format: ClassVar[str] = "torch"

    container: Literal["zip", "torchscript", "legacy"]
    weights_under: str = ""
    imports: tuple[str, ...] = ()
    notes: dict[str, Scalar] = field(default_factory=dict)
    shared: tuple[int, ...] = ()

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """The tensors that count as parameters."""
        return counted(self.tensors, self.shared, self.weights_under)


class PickleInsight(Kept, frozen=True, kw_only=True, tag="pickle"):
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

    protocol: int = 0
    compression: str = ""
    imports: tuple[str, ...] = ()
    type: str = ""
    library: str = ""
    library_version: str = ""
    settings: dict[str, Scalar | None] = field(default_factory=dict)
    steps: tuple[tuple[str, str], ...] = ()
    arrays: int = 0
    array_bytes: int = 0
    complete: bool = True
    note: str = ""


class ShardsInsight(Kept, frozen=True, kw_only=True, tag="shards"):
    """An index of the files that a model was split into (``*.index.json``).

    Attributes:
        size: Bytes of all tensors, as it says.
        parameters: How many numbers they hold, if it says so.
        files: Which tensors are in which file, by names beside the index.
    """

    size: int | None = None
    parameters: int | None = None
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
