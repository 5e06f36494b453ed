"""GGUF, the format of llama.cpp: typed key-value metadata, a table of tensors, and their content.

Versions 2 and 3, little and big endian (ggml ``docs/gguf.md``). A vocabulary of 150,000 tokens is passed over, not
read: the library ``gguf`` takes 8.7 s and 537 MB for such a header, this 0.05 s.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from struct import Struct
from typing import ClassVar, Final, Literal

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.access import LARGEST, Cursor, RandomAccess
from orchard.insight.ggmltypes import FILE_TYPES, TYPES
from orchard.insight.tensor import Tensor, check_shape, parameters_by_dtype

MAGIC: Final = b"GGUF"
VERSIONS: Final = (2, 3)
MAX_KEYS: Final = 65_536
MAX_TENSORS: Final = 100_000
MAX_ITEMS: Final = 8_000_000  # of all arrays together; the largest vocabularies have 260,000 tokens
MAX_TEXT: Final = 16 << 20  # bytes of one text; chat templates have up to 1 MB
MAX_KEPT: Final = 32 << 20  # bytes of memory for all that is kept of the metadata and for the names of tensors
MAX_NAME: Final = 65_535  # bytes; the specification's, of keys
SMALL: Final = 64  # items of an array that is read, not passed over
_MAX_DEPTH: Final = 4  # of arrays of arrays, which nobody writes
_MAX_DIMENSIONS: Final = 8  # ggml has 4
_MAX_ALIGNMENT: Final = 1 << 20
_ALIGNMENT: Final = "general.alignment"
_OBJECT: Final = 64  # bytes that a small object costs, its place in a collection included

_NUMBERS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING: Final = 8
_ARRAY: Final = 9
_NAMES: Final = {
    0: "uint8",
    1: "int8",
    2: "uint16",
    3: "int16",
    4: "uint32",
    5: "int32",
    6: "float32",
    7: "bool",
    _STRING: "string",
    _ARRAY: "array",
    10: "uint64",
    11: "int64",
    12: "float64",
}


@dataclass(frozen=True, slots=True)
class Array:
    """A long array of the metadata, which was passed over.

    Attributes:
        type: Of its items: ``string``, ``float32``, ``int32``, ``array``.
        count: How many items it has.
        offset: Bytes from the start of the file to the first of them.
        size: Bytes of all of them.
    """

    type: str
    count: int
    offset: int
    size: int


Value = bool | int | float | str | tuple["Value", ...] | Array


@dataclass(frozen=True)
class Gguf:
    """What the header of a GGUF file says.

    Attributes:
        version: Of the format, 2 or 3.
        byte_order: Of all numbers in the file.
        metadata: By key. Arrays of up to 64 items are tuples, longer ones are ``Array``.
        tensors: Every tensor, in the order of the table. Their shapes are NumPy's: the reverse of ggml's ``ne``.
        header_size: Bytes before the content of the first tensor.
    """

    version: int
    byte_order: Literal["little", "big"]
    metadata: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    header_size: int

    format: ClassVar[str] = "gguf"

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

    @property
    def architecture(self) -> str | None:
        """Family of the model, such as ``llama``, from ``general.architecture``."""
        return self._text("general.architecture")

    @property
    def name(self) -> str | None:
        """What the model is called, from ``general.name``."""
        return self._text("general.name")

    @property
    def quantization(self) -> str | None:
        """How its weights were quantised, in llama.cpp's word, such as ``Q4_K_M``, from ``general.file_type``."""
        kind = self._number("general.file_type")
        return None if kind is None else FILE_TYPES.get(kind)

    @property
    def context_length(self) -> int | None:
        """Tokens that the model was trained to look back on."""
        return self._number(f"{self.architecture}.context_length")

    @property
    def chat_template(self) -> str | None:
        """The Jinja template that turns a conversation into a prompt; it comes from a stranger: never render it."""
        return self._text("tokenizer.chat_template")

    @property
    def vocabulary_size(self) -> int | None:
        """How many tokens the tokenizer has."""
        tokens = self.metadata.get("tokenizer.ggml.tokens")
        if isinstance(tokens, Array):
            return tokens.count
        return len(tokens) if isinstance(tokens, tuple) else None

    def _text(self, key: str) -> str | None:
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None

    def _number(self, key: str) -> int | None:
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_gguf(source: RandomAccess, *, what: str = "the file") -> Gguf:
    """Read the header of a GGUF file; neither weights nor long arrays are kept.

    Args:
        source: The file.
        what: How errors call it.

    Raises:
        InvalidDocumentError: If it is not one, or its tensors lie outside the file or over one another.
        LimitExceededError: If it claims more keys, tensors, items or text than anybody's.
        OrchardError: If the source cannot be read.
    """
    # What does not end within the first window has a vocabulary, and that of Llama 3 has 7 MB.
    cursor = Cursor(source, what=what, second=LARGEST)
    if cursor.take(4) != MAGIC:
        raise InvalidDocumentError(f"{what}: not a GGUF file")
    raw = cursor.take(4)
    # The version is small, so the half that is zero tells which end comes first.
    order: Literal["little", "big"] = "big" if raw[:2] == b"\0\0" else "little"
    version = int.from_bytes(raw, order)
    if version not in VERSIONS:
        raise InvalidDocumentError(f"{what}: GGUF version {version}, only 2 and 3 are read")
    return _Reader(cursor, order).read(version)


@dataclass(frozen=True, slots=True)
class _Claim:
    """One row of the table of tensors, before its content is looked for."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    size: int | None = None


class _Reader:
    def __init__(self, cursor: Cursor, order: Literal["little", "big"]) -> None:
        self._cursor = cursor
        self._order = order
        self._what = cursor.what
        end = "<" if order == "little" else ">"
        self._length = Struct(end + "Q")
        self._numbers = {kind: Struct(end + code) for kind, code in _NUMBERS.items()}
        self._items = MAX_ITEMS
        self._left = MAX_KEPT
        self._alignment = 32  # bytes, unless the metadata say another

    def read(self, version: int) -> Gguf:
        count = self._count("tensors", MAX_TENSORS)
        metadata = self._metadata(self._count("keys", MAX_KEYS))
        claims = [self._claim() for _ in range(count)]
        start = self._aligned(metadata.get(_ALIGNMENT, self._alignment))
        tensors = tuple(self._placed(claims, start))
        if len({tensor.name for tensor in tensors}) < count:
            raise InvalidDocumentError(f"{self._what}: two tensors have one name")
        return Gguf(version, self._order, metadata, tensors, start)

    def _unsigned(self) -> int:
        return int.from_bytes(self._cursor.take(8), self._order)

    def _kind(self) -> int:
        return int.from_bytes(self._cursor.take(4), self._order)

    def _count(self, of_what: str, limit: int) -> int:
        """Read a count.

        Raises:
            LimitExceededError: If it is too large.
        """
        count = self._unsigned()
        if count > limit:
            raise LimitExceededError(f"{self._what}: {count} {of_what}, at most {limit} are accepted")
        return count

    def _keep(self, size: int) -> None:
        """Account for an object that is kept.

        Raises:
            LimitExceededError: If everything that is kept together is too much.
        """
        self._left -= size + _OBJECT
        if self._left < 0:
            raise LimitExceededError(f"{self._what}: metadata of more than {MAX_KEPT} bytes")

    def _string(self, limit: int, *, strict: bool) -> str:
        """Read a text.

        Raises:
            InvalidDocumentError: If it has to be UTF-8 and is not.
            LimitExceededError: If it is too long.
        """
        size = self._count("bytes of text", limit)
        self._keep(size)
        raw = self._cursor.take(size)
        try:
            return raw.decode("utf-8", "strict" if strict else "replace")
        except UnicodeDecodeError as error:
            raise InvalidDocumentError(f"{self._what}: the name {raw[:80]!r} is not UTF-8") from error

    def _metadata(self, count: int) -> dict[str, Value]:
        """Read all keys and values.

        Raises:
            InvalidDocumentError: If a key stands twice.
        """
        found: dict[str, Value] = {}
        for _ in range(count):
            key = self._string(MAX_NAME, strict=True)
            if key in found:
                raise InvalidDocumentError(f"{self._what}: the key {key[:64]!r} stands twice")
            found[key] = self._value(self._kind(), 0)
        return found

    def _value(self, kind: int, depth: int) -> Value:
        """Read a value of a type.

        Raises:
            InvalidDocumentError: If there is no such type.
        """
        if kind == _STRING:
            return self._string(MAX_TEXT, strict=False)
        if kind == _ARRAY:
            return self._array(depth)
        return self._number(kind)

    def _number(self, kind: int) -> bool | int | float:
        """Read a number or a truth value.

        Raises:
            InvalidDocumentError: If the type is neither.
        """
        form = self._numbers.get(kind)
        if form is None:
            raise InvalidDocumentError(f"{self._what}: there is no type {kind} of values")
        self._keep(0)
        value: bool | int | float = form.unpack(self._cursor.take(form.size))[0]
        return value

    def _array(self, depth: int) -> Value:
        """Read a short array or pass over a long one.

        Raises:
            LimitExceededError: If it has too many items, or arrays are in arrays in arrays.
        """
        kind, count = self._kind(), self._unsigned()
        self._items -= count
        if self._items < 0:
            raise LimitExceededError(f"{self._what}: arrays of more than {MAX_ITEMS} items")
        if depth >= _MAX_DEPTH:
            raise LimitExceededError(f"{self._what}: arrays nested deeper than {_MAX_DEPTH} levels")
        self._keep(0)
        if count <= SMALL:
            return tuple(self._value(kind, depth + 1) for _ in range(count))
        start = self._cursor.position
        self._skip(kind, count, depth)
        return Array(_NAMES.get(kind, str(kind)), count, start, self._cursor.position - start)

    def _skip(self, kind: int, count: int, depth: int) -> None:
        """Pass over the items of an array.

        Raises:
            InvalidDocumentError: If there is no such type.
        """
        if kind in self._numbers:
            self._cursor.skip(count * self._numbers[kind].size)
        elif kind == _STRING:
            self._skip_strings(count)
        elif kind == _ARRAY:
            for _ in range(count):
                self._array(depth + 1)
        else:
            raise InvalidDocumentError(f"{self._what}: there is no type {kind} of values")

    def _skip_strings(self, count: int) -> None:
        # Half a million strings are common: within what has been read, each costs an unpack and two additions.
        unpack, cursor = self._length.unpack_from, self._cursor
        while count:
            view = cursor.ahead()
            last, at = len(view) - 8, 0
            while count and at <= last:
                after: int = at + 8 + unpack(view, at)[0]
                if after > len(view):
                    break
                at = after
                count -= 1
            cursor.skip(at)
            if count:
                cursor.skip(self._unsigned())
                count -= 1

    def _claim(self) -> _Claim:
        """Read one row of the table of tensors.

        Raises:
            InvalidDocumentError: If it contradicts itself.
            LimitExceededError: If it has too many dimensions.
        """
        name = self._string(MAX_NAME, strict=True)
        dimensions = self._kind()
        if dimensions > _MAX_DIMENSIONS:
            raise LimitExceededError(f"{self._what}: {dimensions} dimensions, at most {_MAX_DIMENSIONS} are accepted")
        shape = tuple(self._unsigned() for _ in range(dimensions))[::-1]
        kind, offset = self._kind(), self._unsigned()
        what = f"{self._what}: tensor {name[:200]!r}"
        elements = check_shape(shape, what=what)
        known = TYPES.get(kind)
        if known is None:
            return _Claim(name, f"type {kind}", shape, offset)
        row = shape[-1] if shape else 1
        if row % known.elements:
            raise InvalidDocumentError(f"{what}: a row of {row} does not fill blocks of {known.elements}")
        return _Claim(name, known.name, shape, offset, elements // known.elements * known.size)

    def _aligned(self, alignment: Value) -> int:
        """Give the place where content begins.

        Raises:
            InvalidDocumentError: If the alignment is no power of two that makes sense.
        """
        if type(alignment) is not int or not 0 < alignment <= _MAX_ALIGNMENT or alignment & (alignment - 1):
            raise InvalidDocumentError(f"{self._what}: content cannot be aligned to {str(alignment)[:40]}")
        self._alignment = alignment
        return self._cursor.position + -self._cursor.position % alignment

    def _placed(self, claims: list[_Claim], start: int) -> Iterator[Tensor]:
        """Check where the content of each tensor is.

        Raises:
            InvalidDocumentError: If it is outside the file, over another tensor's, or not aligned.
        """
        room = max(self._cursor.size - start, 0)
        following = dict(pairwise([*sorted({claim.offset for claim in claims}), room]))
        # Of a type that came after this was written, the size is at most what is left before the next one.
        sizes = [following[c.offset] - c.offset if c.size is None else c.size for c in claims]
        for claim, size in zip(claims, sizes, strict=True):
            what = f"{self._what}: tensor {claim.name[:200]!r}"
            if claim.offset % self._alignment:
                raise InvalidDocumentError(f"{what}: its content is not aligned to {self._alignment} bytes")
            if size < 0 or claim.offset + size > room:
                raise InvalidDocumentError(f"{what}: its content ends after the file")
            if size and claim.offset + size > max(following[claim.offset], claim.offset):
                raise InvalidDocumentError(f"{what}: its content overlaps that of the next tensor")
            yield Tensor(name=claim.name, dtype=claim.dtype, shape=claim.shape, offset=start + claim.offset, size=size)
        if len({claim.offset for claim, size in zip(claims, sizes, strict=True) if size}) < sum(map(bool, sizes)):
            raise InvalidDocumentError(f"{self._what}: two tensors have one content")
