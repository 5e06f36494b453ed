"""ONNX: a graph as a Protocol Buffers message (onnx ``onnx.proto``), walked without the content of its tensors."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import ClassVar, Final

from msgspec.structs import replace

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.access import Cursor, RandomAccess
from orchard.insight.protowire import BYTES, FIXED32, VARINT, Wire, signed
from orchard.insight.tensor import MAX_DIMENSIONS, Tensor, check_shape, parameters_by_dtype
from orchard.insight.weights import GraphValue

MAX_TENSORS: Final = 100_000
MAX_TEXT: Final = 16 << 20  # bytes of all texts that are kept
MAX_VALUES: Final = 100_000  # inputs and outputs
SMALL: Final = 16  # elements up to which a constant is a shape or an axis, no weight
_MAX_DEPTH: Final = 8  # of graphs in graphs
_OBJECT: Final = 64  # bytes that a small text costs beside its own

# TensorProto.DataType, and bits of one element
TYPES: Final[Mapping[int, tuple[str, int]]] = {
    1: ("FLOAT", 32),
    2: ("UINT8", 8),
    3: ("INT8", 8),
    4: ("UINT16", 16),
    5: ("INT16", 16),
    6: ("INT32", 32),
    7: ("INT64", 64),
    8: ("STRING", 0),
    9: ("BOOL", 8),
    10: ("FLOAT16", 16),
    11: ("DOUBLE", 64),
    12: ("UINT32", 32),
    13: ("UINT64", 64),
    14: ("COMPLEX64", 64),
    15: ("COMPLEX128", 128),
    16: ("BFLOAT16", 16),
    17: ("FLOAT8E4M3FN", 8),
    18: ("FLOAT8E4M3FNUZ", 8),
    19: ("FLOAT8E5M2", 8),
    20: ("FLOAT8E5M2FNUZ", 8),
    21: ("UINT4", 4),
    22: ("INT4", 4),
    23: ("FLOAT4E2M1", 4),
    24: ("FLOAT8E8M0", 8),
    25: ("UINT2", 2),
    26: ("INT2", 2),
}
# Fields of a TensorProto that hold plain numbers of one width: packed, they are what raw_data would be.
_PLAIN: Final = frozenset({4, 9, 10})  # float_data, raw_data, double_data


@dataclass(frozen=True)
class Onnx:
    """What an ONNX file says, but for the content of its tensors.

    Attributes:
        ir_version: Of the format.
        opsets: Version of each set of operators, by its domain; the empty one is ONNX's own.
        producer: Name and version of what wrote it.
        graph: What the graph is called.
        inputs: What it takes, without the inputs that are only there to name tensors.
        outputs: What it gives.
        operators: How often each operator stands in the graph and in those in it, by name.
        tensors: Its initializers, and constants of more than 16 elements; those of inner graphs too.
        metadata: Free texts that the writer added.
        external: Files beside this one that hold content of tensors, as named by a stranger.
    """

    ir_version: int
    opsets: Mapping[str, int]
    producer: str
    graph: str
    inputs: tuple[GraphValue, ...]
    outputs: tuple[GraphValue, ...]
    operators: Mapping[str, int]
    tensors: tuple[Tensor, ...]
    metadata: Mapping[str, str]
    external: tuple[str, ...]

    format: ClassVar[str] = "onnx"

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """The tensors that count as parameters: all of them."""
        return self.tensors

    @cached_property
    def parameters_by_dtype(self) -> Mapping[str, int]:
        """Elements of all tensors, by type; see ``insight.parameters_by_dtype``."""
        return parameters_by_dtype(self.tensors)

    @property
    def parameters(self) -> int:
        """Elements of all tensors together."""
        return sum(self.parameters_by_dtype.values())


def read_onnx(source: RandomAccess, *, what: str = "the file") -> Onnx:
    """Read an ONNX file; the content of its tensors is passed over.

    Args:
        source: The file.
        what: How errors call it.

    Raises:
        InvalidDocumentError: If it is not one.
        LimitExceededError: If it holds more fields, tensors or text than anybody's.
        OrchardError: If the source cannot be read.
    """
    cursor = Cursor(source, what=what)
    reader = _Reader(Wire(cursor))
    reader.model(cursor.size)
    if not reader.has_graph or not reader.opsets:
        raise InvalidDocumentError(f"{what}: not an ONNX file, it has no graph or no version of its operators")
    named = {tensor.name for tensor in reader.tensors}
    return Onnx(
        ir_version=reader.ir_version,
        opsets=reader.opsets,
        producer=" ".join(filter(None, (reader.producer, reader.producer_version))),
        graph=reader.graph_name,
        inputs=tuple(value for value in reader.inputs if value.name not in named),
        outputs=tuple(reader.outputs),
        operators=dict(sorted(reader.operators.items())),
        tensors=tuple(reader.tensors),
        metadata=reader.metadata,
        external=tuple(reader.external),
    )


@dataclass(slots=True)
class _Draft:
    """A tensor of which not every field has been read."""

    name: str = ""
    kind: int = 0
    dims: list[int] = field(default_factory=list)
    offset: int | None = None
    size: int = 0
    location: str = ""


class _Reader:
    """Takes in one model; every method reads one kind of message up to ``end``."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._what = wire.cursor.what
        self._text_left = MAX_TEXT
        self.ir_version = 0
        self.producer = self.producer_version = self.graph_name = ""
        self.has_graph = False
        self.opsets: dict[str, int] = {}
        self.metadata: dict[str, str] = {}
        self.inputs: list[GraphValue] = []
        self.outputs: list[GraphValue] = []
        self.operators: dict[str, int] = {}
        self.tensors: list[Tensor] = []
        self.external: dict[str, None] = {}

    def model(self, end: int) -> None:
        """Read a ModelProto."""
        for number, kind, value in self._wire.fields(end):
            if (number, kind) == (1, VARINT):
                self.ir_version = value
            elif kind == BYTES and (read := self._of_model().get(number)):
                read(value)

    def _of_model(self) -> Mapping[int, Callable[[int], None]]:
        return {2: self._producer, 3: self._producer_version, 7: self._graph, 8: self._opset, 14: self._property}

    def _producer(self, length: int) -> None:
        self.producer = self._text(length)

    def _producer_version(self, length: int) -> None:
        self.producer_version = self._text(length)

    def _property(self, length: int) -> None:
        key, value = self._pair(length)
        self.metadata[key] = value

    def _opset(self, length: int) -> None:
        domain, version = "", 0
        for number, kind, value in self._wire.fields(self._end(length)):
            if (number, kind) == (1, BYTES):
                domain = self._text(value)
            elif (number, kind) == (2, VARINT):
                version = signed(value)
        self.opsets[domain] = version

    def _graph(self, length: int, depth: int = 0) -> None:
        """Read a GraphProto; of one that a node holds, its nodes and tensors."""
        self.has_graph = True
        for number, kind, value in self._wire.fields(self._end(length)):
            if kind != BYTES:
                continue
            if number == 1:
                self._node(value, depth)
            elif number == 2 and not depth:  # noqa: PLR2004 -- GraphProto.name
                self.graph_name = self._text(value)
            elif number == 5:  # noqa: PLR2004 -- GraphProto.initializer
                self._take(self._tensor(value))
            elif number in {11, 12} and not depth:
                self._add(self.inputs if number == 11 else self.outputs, value)  # noqa: PLR2004 -- GraphProto.input

    def _take(self, tensor: Tensor) -> None:
        """Take in a tensor.

        Raises:
            LimitExceededError: If there are too many.
        """
        self.tensors.append(tensor)
        if len(self.tensors) > MAX_TENSORS:
            raise LimitExceededError(f"{self._what}: more than {MAX_TENSORS} tensors")

    def _node(self, length: int, depth: int) -> None:
        domain = operator = output = ""
        for number, kind, value in self._wire.fields(self._end(length)):
            if (number, kind) == (2, BYTES):
                output = self._text(value, keep=False)
            elif (number, kind) == (4, BYTES):
                operator = self._text(value, keep=False)
            elif (number, kind) == (5, BYTES):
                self._attribute(value, output, depth)
            elif (number, kind) == (7, BYTES):
                domain = self._text(value, keep=False)
        name = f"{domain}.{operator}" if domain else operator
        if name not in self.operators:
            self._keep(len(name))
        self.operators[name] = self.operators.get(name, 0) + 1

    def _attribute(self, length: int, output: str, depth: int) -> None:
        """Read an AttributeProto: some write weights as constants, and graphs of their own into branches."""
        for number, kind, value in self._wire.fields(self._end(length)):
            if (number, kind) == (5, BYTES):
                tensor = self._tensor(value)
                if tensor.elements > SMALL:
                    self._keep(len(output))
                    self._take(tensor if tensor.name else replace(tensor, name=output))
            elif kind == BYTES and number in {6, 11} and depth < _MAX_DEPTH:
                self._graph(value, depth + 1)

    def _add(self, values: list[GraphValue], length: int) -> None:
        """Read a ValueInfoProto.

        Raises:
            LimitExceededError: If there are too many.
        """
        if len(values) >= MAX_VALUES:
            raise LimitExceededError(f"{self._what}: more than {MAX_VALUES} inputs or outputs")
        name, dtype = "", ""
        shape: tuple[int | str | None, ...] | None = None
        for number, kind, value in self._wire.fields(self._end(length)):
            if (number, kind) == (1, BYTES):
                name = self._text(value)
            elif (number, kind) == (2, BYTES):
                dtype, shape = self._type(value)
        values.append(GraphValue(name=name, dtype=dtype, shape=shape))

    def _type(self, length: int) -> tuple[str, tuple[int | str | None, ...] | None]:
        found: tuple[str, tuple[int | str | None, ...] | None] = ("", None)
        for end in self._messages(length, 1):
            found = self._tensor_type(end)
        return found

    def _tensor_type(self, end: int) -> tuple[str, tuple[int | str | None, ...] | None]:
        dtype: str = ""
        shape: tuple[int | str | None, ...] | None = None
        for number, kind, value in self._wire.fields(end):
            if (number, kind) == (1, VARINT):
                dtype = TYPES.get(value, (f"type {value}", 0))[0]
            elif (number, kind) == (2, BYTES):
                shape = tuple(self._dimension(inner) for inner in self._messages(value, 1))
        return dtype, shape

    def _dimension(self, end: int) -> int | str | None:
        found: int | str | None = None
        for number, kind, value in self._wire.fields(end):
            if (number, kind) == (1, VARINT):
                found = signed(value)
            elif (number, kind) == (2, BYTES):
                found = self._text(value)
        return found

    def _tensor(self, length: int) -> Tensor:
        draft = _Draft()
        for number, kind, value in self._wire.fields(self._end(length)):
            if kind == BYTES:
                self._tensor_bytes(draft, number, value)
            elif (number, kind) == (1, VARINT):
                self._add_dimension(draft, value)
            elif (number, kind) == (2, VARINT):
                draft.kind = value
            elif number in _PLAIN and kind == FIXED32:  # not packed: between the numbers are keys
                draft.offset = None
        return self._finished(draft)

    def _tensor_bytes(self, draft: _Draft, number: int, length: int) -> None:
        if number == 1:  # packed, as version 3 of Protocol Buffers writes numbers
            end = self._end(length)
            while self._wire.cursor.position < end:
                self._add_dimension(draft, self._wire.varint())
        elif number == 8:  # noqa: PLR2004 -- TensorProto.name
            draft.name = self._text(length)
        elif number in _PLAIN:
            draft.offset, draft.size = self._wire.cursor.position, length
        elif number == 13:  # noqa: PLR2004 -- TensorProto.external_data
            key, value = self._pair(length)
            if key == "location":
                draft.location = value

    def _add_dimension(self, draft: _Draft, value: int) -> None:
        """Take in the length of a dimension.

        Raises:
            InvalidDocumentError: If there are too many.
        """
        if len(draft.dims) >= MAX_DIMENSIONS:
            raise InvalidDocumentError(f"{self._what}: a tensor of more than {MAX_DIMENSIONS} dimensions")
        draft.dims.append(signed(value))

    def _finished(self, draft: _Draft) -> Tensor:
        """Check what a tensor claims.

        Raises:
            InvalidDocumentError: If its plain content has another size than its shape says.
        """
        what = f"{self._what}: tensor {draft.name[:200]!r}"
        shape = tuple(draft.dims)
        check_shape(shape, what=what)
        name, bits = TYPES.get(draft.kind, (f"type {draft.kind}", 0))
        if draft.location:
            self.external[draft.location] = None
            draft.offset, draft.size = None, 0
        if draft.offset is not None and bits and draft.size != (prod(shape) * bits + 7) // 8:
            raise InvalidDocumentError(f"{what}: {name} {list(shape)} is not what {draft.size} bytes hold")
        if draft.offset is None:
            draft.size = 0
        return Tensor(name=draft.name, dtype=name, shape=shape, offset=draft.offset, size=draft.size)

    def _pair(self, length: int) -> tuple[str, str]:
        texts = {1: "", 2: ""}
        for number, kind, value in self._wire.fields(self._end(length)):
            if kind == BYTES and number in texts:
                texts[number] = self._text(value)
        return texts[1], texts[2]

    def _messages(self, length: int, wanted: int) -> Iterator[int]:
        for number, kind, value in self._wire.fields(self._end(length)):
            if (number, kind) == (wanted, BYTES):
                yield self._end(value)

    def _text(self, length: int, *, keep: bool = True) -> str:
        text = self._wire.text(length, self._text_left)
        if keep:
            self._keep(length)
        return text

    def _keep(self, length: int) -> None:
        self._text_left = max(self._text_left - length - _OBJECT, 0)

    def _end(self, length: int) -> int:
        return self._wire.cursor.position + length
