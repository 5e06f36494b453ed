"""Rules for layers, whatever the format: paths, metadata, digests."""

from collections.abc import Iterator, Sequence
from typing import Final

from orchard.errors import InvalidDocumentError, InvalidError, UnsafePathError
from orchard.formats.kitpath import clean_path
from orchard.formats.layerfile import METADATA, UNTESTED, file_mode, layer_path
from orchard.formats.layertype import Compression, LayerFormat, LayerKind, LayerType, parse_layer_media_type
from orchard.formats.modelkit import Layer
from orchard.formats.packschema import is_time
from orchard.formats.rulebook import Remark, remark
from orchard.oci import JSON, Descriptor, loads

MAX_LAYER: Final = 10 * 10**9  # bytes; GHCR
_MEMBERS: Final[dict[str, type]] = {
    "name": str,
    "mode": int,
    "uid": int,
    "gid": int,
    "size": int,
    "mtime": str,
    "typeflag": int,
}
_OLD_METADATA: Final = "org.cnai.model.file.metadata+json"


def type_of(layer: Descriptor) -> LayerType | None:
    """Read the media type of a layer; None if it is not known."""
    try:
        return parse_layer_media_type(layer.media_type, layer.annotations)
    except InvalidDocumentError:
        return None


def layer_remarks(layers: Sequence[Descriptor]) -> Iterator[Remark]:
    """Check the layers of a manifest by themselves."""
    for number, layer in enumerate(layers):
        where = f"manifest: layers[{number}]"
        kind = type_of(layer)
        if kind is None:
            yield remark("layer-type", where, f"{layer.media_type[:128]!r} is not known")
            continue
        if layer.size > MAX_LAYER:
            yield remark("layer-size", where, f"{layer.size} bytes")
        if kind.kind is LayerKind.MODEL and kind.compression is not Compression.NONE:
            yield remark(
                "weights-compressed", where, f"{layer_path(layer)!r} is compressed by {kind.compression.value}"
            )
        yield from metadata_remarks(layer, kind, where)


def metadata_remarks(layer: Descriptor, kind: LayerType, where: str) -> Iterator[Remark]:
    """Check what a layer says about the file that it is."""
    untested = layer.annotations.get(UNTESTED)
    if untested is not None and untested not in {"true", "false"}:
        yield remark("untested", where, f"{UNTESTED} is {untested[:64]!r}")
    text = layer.annotations.get(METADATA) or layer.annotations.get(_OLD_METADATA)
    if text is None:
        return
    try:
        said = loads(text.encode(), what="metadata", limit=64 << 10)
    except InvalidError as error:
        yield remark("file-metadata", where, str(error))
        return
    if not isinstance(said, dict):
        yield remark("file-metadata", where, "metadata is no object")
        return
    for problem in _members(said):
        yield remark("file-metadata", where, problem)
    if kind.format is LayerFormat.RAW:
        yield from _bare(layer, kind, said, where=where)


def _members(said: dict[str, JSON]) -> Iterator[str]:
    for key, wanted in _MEMBERS.items():
        value = said.get(key)
        if key not in said:
            yield f"metadata has no {key!r}"
        elif not isinstance(value, wanted) or isinstance(value, bool):
            yield f"metadata: {key!r} must be a {'string' if wanted is str else 'number'}"
        elif wanted is int and isinstance(value, int) and value < 0:
            yield f"metadata: {key!r} is negative"
    mtime = said.get("mtime")
    if isinstance(mtime, str) and not is_time(mtime):
        yield f"metadata: 'mtime' is {mtime[:64]!r}, no date and time (RFC 3339)"


def _bare(layer: Descriptor, kind: LayerType, said: dict[str, JSON], *, where: str) -> Iterator[Remark]:
    size = said.get("size")
    if kind.compression is Compression.NONE and isinstance(size, int) and size != layer.size:
        yield remark("file-size", where, f"metadata says {size} bytes, the layer has {layer.size}")
    try:
        file_mode(layer.annotations)
    except InvalidDocumentError as error:
        yield remark("file-type", where, str(error))


def path_remarks(layers: Sequence[Layer]) -> Iterator[Remark]:
    """Check the paths of layers: each below the project, none twice."""
    seen: dict[str, Layer] = {}
    for number, layer in enumerate(layers):
        where = f"manifest: layers[{number}]"
        try:
            path = clean_path(layer.path)
        except UnsafePathError as error:
            yield remark("path-unsafe", where, f"{layer.path[:200]!r}: {error}")
            continue
        if ".." in layer.path.split("/"):
            yield remark("path-unsafe", where, f"{layer.path[:200]!r} has '..' in it")
        key = path.casefold()
        if key in seen:
            first, second = seen[key].descriptor.digest, layer.descriptor.digest
            yield remark("path-duplicate", where, f"{path!r} is the path of {first} and of {second}")
        seen.setdefault(key, layer)
