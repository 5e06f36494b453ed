"""Checkpoints as PyTorch writes them, without PyTorch: its classes are names in a pickle, its archives zip files."""

import io
import pickle
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType

STORAGES = {"f4": "FloatStorage", "f2": "HalfStorage", "i8": "LongStorage", "u1": "ByteStorage"}
WIDTHS = {"f4": 4, "f2": 2, "i8": 8, "u1": 1}
MAGIC = 0x1950A86A20F9469CFC6C


class Storage:
    """Bytes that tensors share."""

    def __init__(self, key: str, kind: str, elements: int) -> None:
        self.key = key
        self.kind = kind
        self.elements = elements

    @property
    def data(self) -> bytes:
        return bytes(self.elements * WIDTHS[self.kind])


class Tensor:
    """A view of a storage."""

    def __init__(self, storage: Storage, shape: Sequence[int], offset: int = 0, strides: Sequence[int] = ()) -> None:
        self.storage = storage
        self.shape = tuple(shape)
        self.offset = offset
        self.strides = tuple(strides) or _row_by_row(shape)

    def __reduce__(self) -> tuple[object, ...]:
        rebuild = sys.modules["torch._utils"].__dict__["_rebuild_tensor_v2"]
        return rebuild, (self.storage, self.offset, self.shape, self.strides, False, OrderedDict())


def tensor(key: str, *shape: int, kind: str = "f4") -> Tensor:
    elements = 1
    for length in shape:
        elements *= length
    return Tensor(Storage(key, kind, elements), shape)


def torch_zip(value: object, storages: Sequence[Storage] | None = None, *, more: Mapping[str, bytes] = {}) -> bytes:
    """Write what ``torch.save`` writes since 1.6."""
    found: dict[str, Storage] = {}
    pickled = _pickled(value, found)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for storage in found.values() if storages is None else storages:
            archive.writestr(f"archive/data/{storage.key}", storage.data)
        archive.writestr("archive/version", b"3\n")
        for name, content in more.items():
            archive.writestr(f"archive/{name}", content)
    return out.getvalue()


def torch_legacy(value: object) -> bytes:
    """Write what ``torch.save`` wrote before 1.6."""
    found: dict[str, Storage] = {}
    body = _pickled(value, found)
    head = b"".join(pickle.dumps(part, 2) for part in (MAGIC, 1001, {"little_endian": True}))
    keys = pickle.dumps(sorted(found), 2)
    content = (found[key].elements.to_bytes(8, "little") + found[key].data for key in sorted(found))
    return head + body + keys + b"".join(content)


def _pickled(value: object, found: dict[str, Storage]) -> bytes:
    class Pickler(pickle.Pickler):
        def persistent_id(self, item: object) -> object:
            if not isinstance(item, Storage):
                return None
            found[item.key] = item
            kind = sys.modules["torch"].__dict__[STORAGES[item.kind]]
            return ("storage", kind, item.key, "cpu", item.elements)

    out = io.BytesIO()
    with _torch():
        Pickler(out, 2).dump(value)
    return out.getvalue()


@contextmanager
def _torch() -> Iterator[None]:
    """Let there be modules of PyTorch's names, so that pickles can name what is in them."""
    modules: Mapping[str, Sequence[str]] = {"torch": tuple(STORAGES.values()), "torch._utils": ("_rebuild_tensor_v2",)}
    for module, names in modules.items():
        made = ModuleType(module)
        made.__dict__.update({name: type(name, (), {"__module__": module}) for name in names})
        sys.modules[module] = made
    try:
        yield
    finally:
        for module in modules:
            del sys.modules[module]


def _row_by_row(shape: Sequence[int]) -> tuple[int, ...]:
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return tuple(reversed(strides))
