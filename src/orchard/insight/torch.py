"""PyTorch's checkpoints: the tensors that their pickle describes, walked and never executed.

Of a zip archive the directory and ``data.pkl`` are read, of a file from before PyTorch 1.6 its pickles; the weights
are passed over.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import ClassVar, Final, Literal

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.access import Cursor, RandomAccess
from orchard.insight.kept import Scalar
from orchard.insight.picklenodes import Made, Node, Pairs
from orchard.insight.picklewalk import Walk
from orchard.insight.plain import MAX_ITEMS, MAX_TEXT, scalar
from orchard.insight.tensor import Tensor, parameters_by_dtype
from orchard.insight.torchtensors import Placed, Storage, tensor_of
from orchard.insight.weights import counted
from orchard.insight.zipfiles import Entry, open_entry, read_directory

MAX_TENSORS: Final = 100_000
# The first pickle of a file from before 1.6: torch.serialization.MAGIC_NUMBER
LEGACY: Final = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
ZIP: Final = b"PK\3\4"
_MOST_PACKED: Final = 1100  # bytes that one of a deflated entry can stand for are 1,032
_MAX_DEPTH: Final = 64  # of containers in containers
_MAX_NAME: Final = 512  # characters of a tensor's path
_INNER: Final = frozenset({"_modules", "_parameters", "_buffers"})  # where modules keep what people call by its name
# Under which keys training loops keep the weights.
_WEIGHTS: Final = ("state_dict", "model_state_dict", "model", "module", "net", "network", "weights", "params")
_ORDERED: Final = "collections.OrderedDict"
_SAID: Final = ("hyper_parameters", "hparams", "args", "config", "cfg")  # whose numbers and texts are worth a note


@dataclass(frozen=True)
class Torch:
    """What a checkpoint says.

    Attributes:
        tensors: Every tensor, named by its path through the containers; ``offset`` is not looked up.
        container: ``zip``, ``torchscript``, or ``legacy`` from before PyTorch 1.6.
        weights_under: Key of the weights in a training checkpoint; empty if they are all of it.
        imports: What loading would import, as ``module.name``, sorted.
        notes: Numbers and texts beside the tensors.
        shared: Indices of tensors whose elements another one before has too.
        size: Bytes of all storages together.
    """

    tensors: tuple[Tensor, ...]
    container: Literal["zip", "torchscript", "legacy"]
    weights_under: str
    imports: tuple[str, ...]
    notes: Mapping[str, Scalar]
    shared: tuple[int, ...] = field(repr=False)
    size: int

    format: ClassVar[str] = "torch"

    @cached_property
    def weights(self) -> tuple[Tensor, ...]:
        """The tensors that count as parameters: each once, and none of an optimiser."""
        return counted(self.tensors, self.shared, self.weights_under)

    @cached_property
    def parameters_by_dtype(self) -> Mapping[str, int]:
        """Elements of the weights, by type; see ``insight.parameters_by_dtype``."""
        return parameters_by_dtype(self.weights)

    @property
    def parameters(self) -> int:
        """Elements of the weights together."""
        return sum(self.parameters_by_dtype.values())


def is_torch(head: bytes) -> bool:
    """Tell by its first 16 bytes whether a file may be a checkpoint."""
    return head.startswith((ZIP, LEGACY))


def read_torch(source: RandomAccess, *, what: str = "the file") -> Torch:
    """Read what a checkpoint of PyTorch holds; nothing of it is imported or called, and no weights are read.

    Args:
        source: The file.
        what: How errors call it.

    Raises:
        InvalidDocumentError: If it is none, or its tensors are not in it.
        LimitExceededError: If it describes more than anybody's.
        OrchardError: If the source cannot be read.
    """
    head = source.read_at(0, min(len(LEGACY), source.size))
    if head == LEGACY:
        return _legacy(source, what)
    if not head.startswith(ZIP):
        raise InvalidDocumentError(f"{what}: not a checkpoint of PyTorch, neither a zip archive nor its older format")
    return _zipped(source, what)


def _zipped(source: RandomAccess, what: str) -> Torch:
    """Read a zip archive.

    Raises:
        InvalidDocumentError: If it holds no ``data.pkl``, or not what that describes.
    """
    entries = read_directory(source, what=what)
    pickles = [name for name in entries if name.rpartition("/")[2] == "data.pkl" and name.count("/") <= 1]
    if len(pickles) != 1:
        raise InvalidDocumentError(f"{what}: a zip archive without the data.pkl of PyTorch")
    walk = Walk(open_entry(source, entries[pickles[0]], what=what))
    root = walk.read()
    prefix = pickles[0].removesuffix("data.pkl")
    found = _Tensors(root, what)
    for storage in found.storages.values():
        _require_stored(entries.get(f"{prefix}data/{storage.key}"), storage, what)
    return found.finish("torchscript" if f"{prefix}constants.pkl" in entries else "zip", walk.names)


def _require_stored(entry: Entry | None, storage: Storage, what: str) -> None:
    """Refuse a storage that is not in the archive.

    Raises:
        InvalidDocumentError: Naming it.
    """
    size = 0 if entry is None else entry.size if entry.method else entry.packed
    if entry is None or size < storage.size or storage.size > entry.packed * _MOST_PACKED:
        has = "nothing" if entry is None else f"{size} bytes"
        raise InvalidDocumentError(f"{what}: of storage {storage.key!r} {has} is there of {storage.size} bytes")


def _legacy(source: RandomAccess, what: str) -> Torch:
    """Read a file from before PyTorch 1.6: a magic number, a version, facts of the machine, the object, keys, storages.

    Raises:
        InvalidDocumentError: If it is not one, or ends before its storages do.
    """
    cursor = Cursor(source, what=what)
    walk = Walk(cursor)
    for _ in range(3):
        walk.read()
    root = walk.read()
    found = _Tensors(root, what)
    keys = walk.read()
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise InvalidDocumentError(f"{what}: does not say which storages follow")
    for key in keys:
        elements = int.from_bytes(cursor.take(8), "little")
        storage = found.storages.get(key)
        if storage is None or storage.elements != elements:
            raise InvalidDocumentError(f"{what}: storage {str(key)[:40]!r} is not what the tensors say of it")
        cursor.skip(storage.size)
    if found.storages.keys() - set(keys):
        raise InvalidDocumentError(f"{what}: not all storages of its tensors follow")
    return found.finish("legacy", walk.names)


class _Tensors:
    """Finds the tensors in what a pickle describes.

    Attributes:
        storages: Where their elements are, by key.
    """

    def __init__(self, root: Node, what: str) -> None:
        self.storages: dict[str, Storage] = {}
        self._what = what
        self._root = root
        self._tensors: list[Tensor] = []
        self._shared: set[int] = set()
        self._places: set[tuple[object, ...]] = set()
        self._seen: set[int] = set()
        self._search()

    def finish(self, container: Literal["zip", "torchscript", "legacy"], names: Mapping[str, None]) -> Torch:
        """Give everything that was found."""
        return Torch(
            tensors=tuple(self._tensors),
            container=container,
            weights_under=self._under(),
            imports=tuple(sorted(names)),
            notes=dict(islice(self._notes(), MAX_ITEMS)),
            shared=tuple(sorted(self._shared)),
            size=sum(storage.size for storage in self.storages.values()),
        )

    def _search(self) -> None:
        # Each container once, whatever contains it again: what the pickle's operations made is all there is to do.
        waiting: list[tuple[str, str, Node, int]] = [("", "", self._root, 0)]
        while waiting:
            outer, name, node, depth = waiting.pop()
            path = _joined(outer, name)
            placed = tensor_of(node, what=self._what)
            if placed is not None:
                self._add(path, placed)
            elif id(node) not in self._seen and depth < _MAX_DEPTH:
                self._seen.add(id(node))
                waiting.extend(reversed([(path, key, child, depth + 1) for key, child in _children(node)]))

    def _add(self, path: str, placed: Placed) -> None:
        """Take in a tensor.

        Raises:
            LimitExceededError: If there are too many.
        """
        if len(self._tensors) >= MAX_TENSORS:
            raise LimitExceededError(f"{self._what}: more than {MAX_TENSORS} tensors")
        tensor = Tensor(name=path, dtype=placed.dtype, shape=placed.shape, offset=None, size=placed.size)
        if placed.storage is not None:
            self._share(placed.storage)
            place = (placed.storage.key, placed.offset, placed.shape)
            if place in self._places:
                self._shared.add(len(self._tensors))
            self._places.add(place)
        self._tensors.append(tensor)

    def _share(self, storage: Storage) -> None:
        """Take in a storage.

        Raises:
            InvalidDocumentError: If another tensor says otherwise of it.
        """
        if self.storages.setdefault(storage.key, storage) != storage:
            raise InvalidDocumentError(f"{self._what}: two tensors contradict each other about storage {storage.key!r}")

    def _under(self) -> str:
        present = {tensor.name.partition(".")[0] for tensor in self._tensors if "." in tensor.name}
        return next((key for key in _WEIGHTS if key in present and self._is_key(key)), "")

    def _is_key(self, key: str) -> bool:
        """Whether something of the name is a container of a training checkpoint, not a layer of a plain state."""
        node = next((child for name, child in _children(self._root) if name == key), None)
        return node is not None and tensor_of(node, what=self._what) is None

    def _notes(self) -> Iterator[tuple[str, Scalar]]:
        yield from _said("", self._root)
        for key, child in _children(self._root):
            if key in _SAID:
                yield from _said(f"{key}.", child)


def _said(prefix: str, node: Node) -> Iterator[tuple[str, Scalar]]:
    for key, child in _children(node, every=True):
        value = scalar(child) if isinstance(child, bool | int | float | str) else None
        if value is not None:
            yield f"{prefix}{key}"[:MAX_TEXT], value


def _children(node: Node, *, every: bool = False) -> Iterator[tuple[str, Node]]:
    """Give what a container holds, by names; without ``every`` only what may hold tensors."""
    for key, child in _held(node):
        if every or isinstance(child, Made | Pairs | list | tuple):
            yield (key[:_MAX_NAME] if isinstance(key, str) else str(key) if type(key) is int else ""), child


def _held(node: Node) -> Iterator[tuple[Node, Node]]:
    if isinstance(node, Pairs):
        yield from node.pairs
    elif isinstance(node, list | tuple):
        yield from enumerate(node)
    elif isinstance(node, Made):
        yield from _listed(node.arguments) if node.dotted == _ORDERED else _held(node.arguments)
        yield from node.pairs
        yield from enumerate(node.items)
        for part in node.state if isinstance(node.state, tuple) else (node.state,):
            yield from part.pairs if isinstance(part, Pairs) else ()


def _listed(arguments: Node) -> Iterator[tuple[Node, Node]]:
    """Give the pairs that Python 2 passed to an ``OrderedDict``."""
    given = arguments[0] if isinstance(arguments, tuple) and arguments else None
    for pair in given if isinstance(given, list) else ():
        if isinstance(pair, list | tuple) and len(pair) == 2:  # noqa: PLR2004 -- a pair
            yield pair[0], pair[1]


def _joined(path: str, key: str) -> str:
    if key in _INNER:
        return path
    return f"{path}.{key}"[:_MAX_NAME] if path else key
