"""The files that say something about a model: in a directory that is packed, or in the layers of a version."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Final

from orchard.errors import InvalidError
from orchard.formats import Compression, Layer, LayerFile, LayerFormat, LayerKind, PackConfig, is_weights
from orchard.insight import OnDisk, RandomAccess
from orchard.oci import Descriptor
from orchard.project.describing import Subject, describe
from orchard.project.indexing import Indexer
from orchard.project.layering import Plan
from orchard.project.versions import Version
from orchard.store import Ranged, Source

# Of all other kinds of layers no file is looked at: a dataset may hold models of its own.
_KINDS: Final = frozenset((LayerKind.MODEL, LayerKind.PART))
_CARD: Final = "readme.md"
_NAMES: Final = frozenset(
    ("config.json", "tokenizer_config.json", "chat_template.jinja", "modules.json", "model_index.json", _CARD)
)


def survey(plans: Sequence[Plan]) -> PackConfig:
    """Read what the files of a directory say about the model in it.

    Raises:
        StorageError: If one cannot be read.
    """
    return describe(_planned(plans))


def says_something(kind: LayerKind, path: str) -> bool:
    """Tell by its name, and by what its layer is, whether a file is worth a look."""
    name = path.rpartition("/")[2].lower()
    if kind is LayerKind.DOCS:
        return name == _CARD
    return kind in _KINDS and (name in _NAMES or name.endswith(".index.json") or is_weights(name))


def survey_version(version: Version, source: Source) -> PackConfig:
    """Read what the files of a version say about the model in it, by reads of parts; layers are not read whole.

    Raises:
        OrchardError: As the source raises it.
    """
    return survey_layers(version.kit.layers, source)


def survey_layers(layers: Sequence[Layer], source: Source) -> PackConfig:
    """Read what the files of stored layers say about the model in them, as ``survey_version`` does.

    Raises:
        OrchardError: As the source raises it.
    """
    return describe(_stored(layers, source))


class _Window:
    """A file within a stored layer, as something to read from any place."""

    def __init__(self, source: Ranged, layer: Descriptor, offset: int, *, size: int) -> None:
        self._source = source
        self._layer = layer
        self._offset = offset
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    def read_at(self, offset: int, size: int, /) -> bytes:
        return self._source.read_range(self._layer, self._offset + offset, size)


def _opened(window: _Window) -> AbstractContextManager[RandomAccess]:
    return nullcontext(window)


def _planned(plans: Sequence[Plan]) -> Iterator[Subject]:
    for plan in plans:
        for entry in plan.entries:
            if entry.source is not None and says_something(plan.claim.kind, entry.name):
                yield Subject(entry.name, entry.size, partial(OnDisk, Path(entry.source)))


def _stored(layers: Sequence[Layer], source: Source) -> Iterator[Subject]:
    """Give the files of layers without compression; a file that cannot be had by its place says nothing."""
    if not isinstance(source, Ranged):
        return
    for layer in layers:
        if layer.type.compression is not Compression.NONE or layer.kind not in {*_KINDS, LayerKind.DOCS}:
            continue
        for file in _files(layer, source):
            if says_something(layer.kind, file.path):
                window = _Window(source, layer.descriptor, file.offset, size=file.size)
                yield Subject(file.path, file.size, partial(_opened, window))


def _files(layer: Layer, source: Source) -> Sequence[LayerFile]:
    if layer.type.format is LayerFormat.RAW:
        return (LayerFile(layer.path, layer.descriptor.size, 0, 0),)
    try:
        return Indexer(source).index(layer).files
    except InvalidError:  # whoever unpacks it is told; here it only says nothing
        return ()
