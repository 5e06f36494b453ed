"""The layers of a version, whatever kind of artifact it is, and the index of its files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import MsgspecError, json

from orchard.archive import Limits
from orchard.errors import InvalidError, NotFoundError, UnsafeArchiveError
from orchard.formats import (
    FileIndex,
    Layer,
    LayerFiles,
    LayerFormat,
    ModelKit,
    artifact_layers,
    format_of,
    read_project,
)
from orchard.hub.catalog import LayerRow
from orchard.oci import Descriptor, Digest, Document, Manifest
from orchard.project import placed

LIMITS: Final = Limits()  # what the hub lists of one layer
INFLATED: Final = Limits(total=64 << 30)  # likewise, of a compressed one, which has to be unpacked whole: minutes
REVISION: Final = 1  # of the lists of files: raise it when they say more, or other things
Known = Mapping[tuple[Digest, str], LayerRow]


@dataclass(frozen=True, slots=True)
class Gap:
    """A layer whose files are not in the index.

    Attributes:
        layer: Which.
        why: For people.
        final: Whether that is so for good, and not only until somebody has looked into it.
    """

    layer: Layer
    why: str
    final: bool


def read_layers(document: Document, config: Callable[[Descriptor], bytes]) -> tuple[ModelKit | None, tuple[Layer, ...]]:
    """Read what a version is and which layers hold its files; none of an index.

    Args:
        document: Its manifest.
        config: Gives the config, verified.

    Raises:
        InvalidError: If it is a project that cannot be read.
        OrchardError: As ``config`` raises it.
    """
    if not isinstance(document, Manifest):
        return None, ()
    if format_of(document) is None:
        return None, artifact_layers(document)
    kit = read_project(document, config(document.config), what=document.config.digest.hex[:12])
    return kit, kit.layers


def form_of(layer: Layer) -> str:
    """Give what a layer is taken for, as the table of layers calls it."""
    kind = layer.type
    return "+".join(filter(None, (kind.format.value, kind.compression.value)))


def is_bare(layer: Layer) -> bool:
    """Tell whether a layer is one file as it is, of which everything is known without looking."""
    kind = layer.type
    return kind.format is LayerFormat.RAW and not kind.compression.value


def assemble(layers: Sequence[Layer], known: Known) -> tuple[FileIndex, list[Gap]]:
    """Put the index of a version together from what is known of its layers, without those that do not fit."""
    found: list[tuple[Layer, LayerFiles]] = []
    gaps: list[Gap] = []
    for layer in layers:
        try:
            found.append((layer, _files(layer, known)))
        except NotFoundError as error:
            gaps.append(Gap(layer, str(error), final=False))
        except InvalidError as error:
            gaps.append(Gap(layer, str(error), final=True))
    try:
        return FileIndex(found), gaps
    except UnsafeArchiveError:
        return _without_clashes(found, gaps)


def decoded(row: LayerRow) -> LayerFiles | None:
    """Read the list of a layer's files."""
    try:
        return None if row.document is None else json.decode(row.document, type=LayerFiles)
    except (MsgspecError, UnicodeDecodeError):
        return None


def _without_clashes(found: Sequence[tuple[Layer, LayerFiles]], gaps: list[Gap]) -> tuple[FileIndex, list[Gap]]:
    """Leave out each layer that says of a path something else than those before it."""
    fitting: list[tuple[Layer, LayerFiles]] = []
    for one in found:
        try:
            FileIndex([*fitting, one])
        except UnsafeArchiveError as error:
            gaps.append(Gap(one[0], str(error), final=True))
        else:
            fitting.append(one)
    return FileIndex(fitting), gaps


def _files(layer: Layer, known: Known) -> LayerFiles:
    """Give the files of one layer.

    Raises:
        InvalidError: If it cannot be read.
        NotFoundError: If nobody has looked into it.
    """
    row = None if is_bare(layer) else known.get((layer.descriptor.digest, form_of(layer)))
    held = None if row is None else decoded(row)
    if held is None and not is_bare(layer):
        if row is not None and row.note is not None:
            raise InvalidError(row.note)
        raise NotFoundError("nobody has looked into this layer yet")
    return placed(layer, held, LIMITS)
