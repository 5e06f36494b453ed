"""From one format to the other: the same layers under other media types, with another config and another manifest.

    A ──relabel──> B            B keeps A's documents, compressed, in one annotation
    B ──restore──> A            the very bytes, if the layers still are the same; so ``A -> B -> A`` is A, by its digest

Nothing is read or written here. Layers whose bytes have to change (compressed bare files, which ModelPack does not
have) are given already changed.
"""

import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from orchard.errors import InvalidDocumentError, InvalidError, LimitExceededError, UnsafePathError
from orchard.formats.expansion import expand, in_order
from orchard.formats.kitfile import Docs, Kitfile
from orchard.formats.kitpath import clean_path
from orchard.formats.layerfile import (
    FILEPATH,
    KITFILE_ANNOTATION,
    METADATA,
    SOURCE_ANNOTATION,
    TITLE,
    UNTESTED,
    FileMetadata,
    file_mode,
)
from orchard.formats.layertype import (
    LayerFormat,
    LayerKind,
    LayerType,
    layer_annotations,
    layer_media_type,
    modelpack_media_type,
)
from orchard.formats.modelkit import CONFIG_TYPE, MAX_CONFIG, Layer, ModelKit, ProjectFormat, build_manifest
from orchard.formats.packconfig import PackConfig
from orchard.formats.packkinds import is_weights
from orchard.formats.packwriter import build_modelpack, kitfile_annotations, with_annotations
from orchard.formats.projects import read_project
from orchard.formats.synthesis import WEIGHT
from orchard.formats.yamlwriter import to_yaml
from orchard.oci import JSON, MAX_MANIFEST, Descriptor, Digest, Manifest, dumps, loads, parse_manifest

ORIGIN_ANNOTATION: Final = "ml.orchard.converted-from"
KITFILE_DOC: Final = "Kitfile.yaml"

_OURS: Final = frozenset((KITFILE_ANNOTATION, SOURCE_ANNOTATION, ORIGIN_ANNOTATION))
_OF_ARCHIVES: Final = frozenset((FILEPATH, TITLE, METADATA, UNTESTED))
_OF_FILES: Final = frozenset((TITLE, UNTESTED))
_MAX_ORIGIN: Final = 2 * (MAX_MANIFEST + MAX_CONFIG)  # bytes, unpacked; JSON escapes what is quoted
_EPOCH: Final = "1970-01-01T00:00:00Z"


class Draft(NamedTuple):
    """A version that is not written yet.

    Attributes:
        config: Bytes of the config.
        manifest: The manifest.
        extra: Content of a layer that is made here, if one is.
        restored: Whether it is the version that was converted before, to the byte.
        lossy: Whether the way back leads to another digest, because there is no room to keep what is needed for it.
    """

    config: bytes
    manifest: Manifest
    extra: bytes | None = None
    restored: bool = False
    lossy: bool = False


class Original(NamedTuple):
    """A version as it is stored.

    Attributes:
        manifest: Its manifest.
        config: Bytes of its config.
    """

    manifest: Manifest
    config: bytes


def convert_project(
    original: Original, kit: ModelKit, to: ProjectFormat, *, found: PackConfig, reversible: bool = True
) -> Draft:
    """Write a project in another format.

    Args:
        original: As it is stored.
        kit: As it was read, with the layers that the other format shall have.
        to: The other format.
        found: What the files themselves say, for a ModelPack.
        reversible: Whether to keep what leads back to the original; in vain if the content has changed.

    Raises:
        InvalidDocumentError: If two layers have one path, or the other format cannot say it.
        UnsafePathError: If a path leaves the project.
        LimitExceededError: If a document gets too large.
    """
    draft = _relabelled(original.manifest, kit, to, found=found)
    if not reversible:
        return draft
    note = {ORIGIN_ANNOTATION: _packed(original)}
    try:
        return _relabelled(original.manifest, kit, to, found=found, note=note)
    except LimitExceededError:
        return draft._replace(lossy=True)


def restore_project(original: Original, kit: ModelKit, to: ProjectFormat) -> Draft | None:
    """Give the version that a version was converted from, if it says so, and if that has the same content."""
    text = original.manifest.annotations.get(ORIGIN_ANNOTATION)
    before = _unpacked(text) if text is not None else None
    if before is None:
        return None
    manifest, config = before
    try:
        read = read_project(manifest, config)
    except InvalidError:
        return None
    same = manifest.config.digest == Digest.of(config) and manifest.config.size == len(config)
    if not same or read.format is not to or not _same_content(read.layers, _without_kitfile(kit, read.kitfile)):
        return None
    return Draft(config, manifest, restored=True)


def _relabelled(
    manifest: Manifest, kit: ModelKit, to: ProjectFormat, *, found: PackConfig, note: Mapping[str, str] | None = None
) -> Draft:
    for layer in kit.layers:
        _require_safe(layer)
    said = {key: text for key, text in manifest.annotations.items() if key not in _OURS}
    if to is ProjectFormat.MODELPACK:
        return _to_modelpack(kit, {**said, **(note or {})}, found)
    return _to_modelkit(kit, {**said, **(note or {})})


def _to_modelpack(kit: ModelKit, annotations: Mapping[str, str], found: PackConfig) -> Draft:
    kitfile, layers, extra = kit.kitfile, kit.layers, None
    if not layers:  # the schema wants one
        extra = to_yaml(kitfile).encode()
        descriptor = Descriptor.of(extra, "", annotations={})
        layers = (Layer(kind=LayerKind.DOCS, path=KITFILE_DOC, descriptor=descriptor, diff_id=descriptor.digest),)
        kitfile = msgspec.structs.replace(kitfile, docs=(*kitfile.docs, Docs(path=KITFILE_DOC)))
    weights = _weight_parts(kitfile)
    packed = [_as_modelpack(layer, is_raw=extra is not None, weights=weights) for layer in layers]
    config, manifest = build_modelpack(kitfile, packed, with_annotations(found, annotations), annotations=annotations)
    return Draft(config, manifest, extra)


def _to_modelkit(kit: ModelKit, annotations: Mapping[str, str]) -> Draft:
    layers = [_as_modelkit(layer) for layer in kit.layers]
    expanded = expand(kit.kitfile, layers)
    config = expanded.to_json()
    if len(config) > MAX_CONFIG:
        raise LimitExceededError(f"the Kitfile is {len(config)} bytes as JSON, at most {MAX_CONFIG} are accepted")
    said = {**annotations, **kitfile_annotations(kit.kitfile, expanded)}
    named = Descriptor.of(config, CONFIG_TYPE)
    return Draft(config, build_manifest(named, in_order(expanded, layers), annotations=said))


def _weight_parts(kitfile: Kitfile) -> frozenset[str]:
    parts = kitfile.model.parts if kitfile.model is not None else ()
    return frozenset(part.path for part in parts if part.type == WEIGHT)


def _as_modelpack(layer: Layer, *, is_raw: bool, weights: frozenset[str]) -> Layer:
    """Give a layer the media type and the annotations of ModelPack; its bytes stay."""
    kind = layer.kind
    if kind is LayerKind.PART and (is_weights(layer.path) or layer.path in weights or layer.entry in weights):
        kind = LayerKind.MODEL
    held = LayerType(kind, LayerFormat.RAW) if is_raw else layer.type
    raw = held.format is LayerFormat.RAW
    media_type = modelpack_media_type(kind, held.compression, form=held.format)
    path = clean_path(layer.path)
    said = {**layer_annotations(layer.kind), **layer.descriptor.annotations}
    if raw and METADATA not in said:
        said[METADATA] = _metadata(layer)
    said |= {FILEPATH: path, TITLE: said.get(TITLE, path), UNTESTED: said.get(UNTESTED, "false")}
    return _relabel(layer, media_type, said)


def _as_modelkit(layer: Layer) -> Layer:
    """Give a layer the media type and the annotations of KitOps; its bytes stay."""
    kind = layer.type
    media_type = layer_media_type(layer.kind, kind.compression, form=kind.format)
    dropped = _OF_FILES if kind.format is LayerFormat.RAW else _OF_ARCHIVES
    said = {key: text for key, text in layer.descriptor.annotations.items() if key not in dropped}
    said = {**layer_annotations(layer.kind), **said}
    if kind.format is LayerFormat.RAW and layer.kind is not LayerKind.MCP_SERVER:
        said[FILEPATH] = clean_path(layer.path)
        if METADATA not in said:
            said[METADATA] = _metadata(layer)
    return _relabel(layer, media_type, said)


def _metadata(layer: Layer) -> str:
    name = clean_path(layer.path).rpartition("/")[2]
    mode = file_mode(layer.descriptor.annotations)
    return FileMetadata(name=name, mode=mode, size=layer.descriptor.size, mtime=_EPOCH).to_json()


def _relabel(layer: Layer, media_type: str, annotations: dict[str, str]) -> Layer:
    descriptor = msgspec.structs.replace(layer.descriptor, media_type=media_type, annotations=annotations)
    return replace(layer, descriptor=descriptor, legacy=False)


def _require_safe(layer: Layer) -> None:
    """Refuse a path that cannot stand in a Kitfile, and an archive whose names are not below the project.

    Raises:
        InvalidDocumentError: If it is such an archive.
        UnsafePathError: Naming the layer.
    """
    if layer.legacy and layer.type.format is LayerFormat.TAR and "/" in layer.path.removeprefix("./"):
        raise InvalidDocumentError(
            f"layer {layer.path!r}: an old kit packed it relative to its own directory; convert it with --explode"
        )
    if layer.path.startswith("..") or ".." in layer.path.split("/"):
        raise UnsafePathError(f"layer {layer.descriptor.digest}: {layer.path!r} leaves the project")
    try:
        clean_path(layer.path)
    except UnsafePathError as error:
        raise UnsafePathError(f"layer {layer.descriptor.digest}: {layer.path!r}: {error}") from error


def _packed(original: Original) -> str:
    manifest, config = original.manifest.raw.decode(), original.config.decode()
    raw = dumps({"mediaType": original.manifest.media_type, "manifest": manifest, "config": config})
    return b64encode(zlib.compress(raw, 9)).decode()


def _unpacked(text: str) -> Original | None:
    """Read what was kept; a stranger may have written it."""
    try:
        inflate = zlib.decompressobj()
        raw = inflate.decompress(b64decode(text, validate=True), _MAX_ORIGIN)
        value = loads(raw, what=ORIGIN_ANNOTATION, limit=_MAX_ORIGIN)
        fields = [_text(value, key) for key in ("manifest", "config", "mediaType")]
        return Original(parse_manifest(fields[0].encode(), fields[2]), fields[1].encode())
    except (InvalidError, Base64Error, zlib.error, ValueError):
        return None


def _text(value: JSON, key: str) -> str:
    text = value.get(key) if isinstance(value, dict) else None
    if not isinstance(text, str):
        raise InvalidDocumentError(f"{ORIGIN_ANNOTATION}: no {key}")
    return text


def _without_kitfile(kit: ModelKit, kitfile: Kitfile) -> Sequence[Layer]:
    """Leave out the layer that only stands in for a project without one."""
    if len(kit.layers) == 1 and kit.layers[0].path == KITFILE_DOC:
        only = Digest.of(to_yaml(kitfile).encode())
        return tuple(layer for layer in kit.layers if layer.descriptor.digest != only)
    return kit.layers


def _same_content(one: Sequence[Layer], other: Sequence[Layer]) -> bool:
    """Tell whether layers are the same blobs or, where they are not, the same bytes without compression."""
    mine, theirs = (Counter(layer.descriptor.digest for layer in layers) for layers in (one, other))
    differ = {digest for digest in mine | theirs if mine[digest] != theirs[digest]}

    def plain(layers: Sequence[Layer]) -> Counter[Digest]:
        left = (layer for layer in layers if layer.descriptor.digest in differ)
        return Counter(layer.diff_id or layer.descriptor.digest for layer in left)

    return plain(one) == plain(other)
