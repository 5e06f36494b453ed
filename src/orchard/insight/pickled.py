"""Pickles of objects, as scikit-learn and joblib write them: what loading would import, and what the object is.

Nothing is imported or called. joblib writes arrays into the stream, between the operations of the pickle, and may
compress all of it; both are followed within bounds.
"""

from collections.abc import Iterator
from itertools import islice
from math import prod
from typing import Final, NamedTuple

from orchard.errors import InvalidDocumentError, InvalidError
from orchard.insight.access import Cursor, RandomAccess
from orchard.insight.forward import Forward, Inflated
from orchard.insight.kept import Scalar
from orchard.insight.picklenodes import Made, Name, Node, Pairs
from orchard.insight.picklewalk import Walk
from orchard.insight.plain import MAX_ITEMS, MAX_TEXT, scalar
from orchard.insight.weights import PickleInsight

MAX_IMPORTS: Final = 1000  # names that are kept
_MAGIC: Final = (
    (b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz"), (b"]\0\0", "lzma"), (b"\x04\x22\x4d\x18", "lz4"),
    (b"x\x01", "zlib"), (b"x\x5e", "zlib"), (b"x\x9c", "zlib"), (b"x\xda", "zlib"),
)  # fmt: skip
# What a package is called where that is not how its modules are called.
_PACKAGES: Final = {"sklearn": "scikit-learn", "skops": "skops", "imblearn": "imbalanced-learn", "cv2": "opencv"}
_VERSIONS: Final = ("_sklearn_version", "version", "__version__")
_MAKERS: Final = frozenset({
    "copyreg._reconstructor", "copy_reg._reconstructor", "copyreg.__newobj__", "copyreg.__newobj_ex__",
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
})  # fmt: skip
_WRAPPER: Final = "joblib.numpy_pickle.NumpyArrayWrapper"
_OBJECTS: Final = 1  # of the flags of a dtype: NPY_ITEM_HASOBJECT
_MAX_NESTED: Final = 16  # of arrays of objects in arrays of objects


def compression_of(head: bytes) -> str:
    """Tell how a file is compressed by its first bytes; empty if it is not."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "")


def is_pickle(head: bytes) -> bool:
    """Tell by its first bytes whether a file is a pickle of protocol 2 or later, the only ones that say so."""
    return len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= 5  # noqa: PLR2004 -- the protocols


def read_pickle(source: RandomAccess, *, what: str = "the file") -> PickleInsight:
    """Say what a pickle would import and what it describes.

    What follows a point where it breaks or becomes too long is not known, and the insight says so.

    Raises:
        InvalidError: If it is no pickle, or breaks before anything can be said of it.
        OrchardError: If the source cannot be read.
    """
    method = compression_of(source.read_at(0, min(source.size, 8)))
    if method == "lz4":
        return PickleInsight(compression=method, complete=False, note="compressed by lz4, which is not read here")
    stream: Forward = Inflated(source, method, what=what) if method else Cursor(source, what=what)
    reading = _Reading(stream)
    root: Node = None
    note = ""
    try:
        root = reading.walk.read()
    except InvalidError as error:
        if not reading.walk.names:
            raise
        note = str(error).removeprefix(f"{what}: ")
    return _insight(reading, root, compression=method, note=note)


def _insight(reading: "_Reading", root: Node, *, compression: str, note: str) -> PickleInsight:
    kind = _class(root)
    state = dict(_state(root))
    names = sorted(reading.walk.names)
    if len(names) > MAX_IMPORTS:
        note = note or f"would import {len(names)} names, of which {MAX_IMPORTS} are listed"
    module = kind.partition(".")[0]
    versions = (state.get(key) for key in _VERSIONS)
    return PickleInsight(
        protocol=reading.walk.protocol,
        compression=compression,
        imports=tuple(names[:MAX_IMPORTS]),
        type=kind,
        library="" if module in {"", "builtins", "collections", "__main__"} else _PACKAGES.get(module, module),
        library_version=next((text for text in versions if isinstance(text, str)), "")[:64],
        settings=dict(islice(_settings(state), MAX_ITEMS)),
        steps=tuple(islice(_steps(state.get("steps")), MAX_ITEMS)),
        arrays=reading.arrays,
        array_bytes=reading.array_bytes,
        complete=not note,
        note=note[:MAX_TEXT],
    )


class _Array(NamedTuple):
    """What joblib says of an array before it writes it."""

    size: int
    objects: bool
    aligned: bool


class _Reading:
    """Walks through a stream into which joblib may have written arrays.

    Attributes:
        walk: The walk.
        arrays: How many there were.
        array_bytes: Bytes of them.
    """

    def __init__(self, stream: Forward) -> None:
        self.arrays = self.array_bytes = 0
        self._stream = stream
        self._nested = 0
        self.walk = Walk(stream, self._built)

    def _built(self, node: Node) -> None:
        if not isinstance(node, Made) or node.dotted != _WRAPPER:
            return
        array = _array(node)
        if array is None or self._nested >= _MAX_NESTED:
            raise InvalidDocumentError(f"{self._stream.what}: an array of joblib is not what it must be")
        self.arrays += 1
        if array.objects:
            self._nested += 1
            self.walk.read()
            self._nested -= 1
            return
        if array.aligned:
            self._stream.skip(self._stream.take(1)[0])
        self.array_bytes += array.size
        self._stream.skip(array.size)


def _array(node: Made) -> _Array | None:
    state = dict(_state(node))
    shape, dtype = state.get("shape"), state.get("dtype")
    if not isinstance(shape, tuple) or not isinstance(dtype, Made) or not isinstance(dtype.arguments, tuple):
        return None
    lengths = [length for length in shape if type(length) is int and 0 <= length < 2**40]
    code = dtype.arguments[0] if dtype.arguments else None
    if len(lengths) != len(shape) or len(shape) > 64 or not isinstance(code, str):  # noqa: PLR2004 -- NumPy's
        return None
    flags = dtype.state[-1] if isinstance(dtype.state, tuple) and dtype.state else 0
    objects = code.startswith("O") or (type(flags) is int and bool(flags & _OBJECTS))
    width = _width(code)
    if width is None:
        return None
    return _Array(prod(lengths) * width, objects, state.get("numpy_array_alignment_bytes") is not None)


def _width(code: str) -> int | None:
    """Give the bytes of an element of a type as NumPy's pickles spell it: ``f8``, ``U10``, ``V56``."""
    digits = code.lstrip("<>=|")[1:]
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 9:  # noqa: PLR2004 -- below 10^9
        return None
    return int(digits) * (4 if "U" in code else 1)


def _class(node: Node) -> str:
    """Name the class of an object; empty for plain values and whatever else."""
    if isinstance(node, Name):
        return node.dotted
    if not isinstance(node, Made):
        return ""
    arguments = node.arguments
    if node.dotted == _WRAPPER:
        return "numpy.ndarray"
    if node.dotted in _MAKERS and isinstance(arguments, tuple) and arguments and isinstance(arguments[0], Name):
        return arguments[0].dotted
    return node.dotted


def _state(node: Node) -> Iterator[tuple[str, Node]]:
    """Give the attributes of an object."""
    state = node.state if isinstance(node, Made) else None
    for part in state if isinstance(state, tuple) else (state,):
        if isinstance(part, Pairs):
            yield from ((key, value) for key, value in part.pairs if isinstance(key, str))


def _settings(state: dict[str, Node]) -> Iterator[tuple[str, Scalar | None]]:
    """Give what was set, not what was learnt: scikit-learn's names of the latter begin or end with a line."""
    for key, value in state.items():
        said = scalar(value) if isinstance(value, bool | int | float | str) else None
        if not key.startswith("_") and not key.endswith("_") and (value is None or said is not None):
            yield key[:MAX_TEXT], said


def _steps(value: Node) -> Iterator[tuple[str, str]]:
    for step in value if isinstance(value, list) else ():
        if isinstance(step, tuple) and len(step) > 1 and isinstance(step[0], str):
            yield step[0][:MAX_TEXT], _class(step[1])
