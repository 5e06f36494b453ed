"""Rules for a ModelPack: what its specification wants, and what its readers need beyond that (format notes 1.13)."""

from collections.abc import Iterator
from typing import Final

from orchard.errors import InvalidError
from orchard.formats.claims import kitfile_annotation
from orchard.formats.layerfile import FILEPATH, KITFILE_ANNOTATION, TITLE
from orchard.formats.layerrules import layer_remarks, path_remarks, type_of
from orchard.formats.layertype import Compression
from orchard.formats.licenseexpr import is_spdx
from orchard.formats.modelkit import MAX_CONFIG
from orchard.formats.modelpack import match_entries, read_modelpack
from orchard.formats.packconfig import SIZE, PackConfig, read_pack_config
from orchard.formats.packschema import MAX_VIOLATIONS, violations
from orchard.formats.projects import MODELPACK_ARTIFACT, MODELPACK_CONFIG
from orchard.formats.rulebook import Remark, remark
from orchard.oci import JSON, Manifest, loads, mediatype

_SHOWN: Final = 5  # places in one remark
_PREFIX: Final = "application/vnd.cncf.model."
# The vocabulary of the specification's text; its schema takes any string.
_PRECISIONS: Final = frozenset(
    (
        "float64", "float32", "float16", "bfloat16", "float8_e4m3", "float8_e5m2", "complex32", "complex64",
        "complex128", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool",
    )
)  # fmt: skip


def modelpack_remarks(manifest: Manifest, config: bytes) -> Iterator[Remark]:
    """Check a ModelPack."""
    yield from _manifest(manifest)
    yield from layer_remarks(manifest.layers)
    yield from _layers(manifest)
    try:
        value = loads(config, what="config", limit=MAX_CONFIG)
    except InvalidError as error:
        yield remark("config-schema", "config", str(error))
        return
    yield from _config(value)
    yield from _meaning(read_pack_config(value))
    yield from _diff_ids(manifest, value)
    try:
        kit = read_modelpack(manifest, config)
    except InvalidError:
        return  # a layer of an unknown type, which has been remarked
    yield from path_remarks(kit.layers)
    kitfile = kitfile_annotation(manifest, KITFILE_ANNOTATION)
    if KITFILE_ANNOTATION in manifest.annotations and (kitfile is None or match_entries(kitfile, kit.layers) is None):
        yield remark("kitfile-stale", f"manifest: annotations: {KITFILE_ANNOTATION}", "does not fit the layers")


def _manifest(manifest: Manifest) -> Iterator[Remark]:
    if manifest.media_type != mediatype.OCI_MANIFEST:
        yield remark("manifest", "manifest: mediaType", f"is {manifest.media_type}, not {mediatype.OCI_MANIFEST}")
    if manifest.artifact_type != MODELPACK_ARTIFACT:
        said = f"is {manifest.artifact_type[:128]!r}" if manifest.artifact_type else "is missing"
        yield remark("artifact-type", "manifest: artifactType", f"{said}; it must be {MODELPACK_ARTIFACT}")
    if manifest.config.media_type != MODELPACK_CONFIG:
        yield remark(
            "config-type",
            "manifest: config.mediaType",
            f"is {manifest.config.media_type[:128]!r}, not {MODELPACK_CONFIG}",
        )
    if not manifest.layers:
        yield remark("layers-none", "manifest: layers", "there is none")


def _layers(manifest: Manifest) -> Iterator[Remark]:
    for number, layer in enumerate(manifest.layers):
        where = f"manifest: layers[{number}]"
        known = type_of(layer)
        bare = known is not None and layer.media_type.endswith((".raw", ".tar", "+gzip", "+zstd"))
        if known is not None and not (layer.media_type.startswith(_PREFIX) and bare):
            yield remark("layer-type", where, f"{layer.media_type[:128]!r} is none of the 20 of the specification")
    yield from _lacking(manifest, FILEPATH, "filepath-missing")
    yield from _lacking(manifest, TITLE, "title-missing")


def _lacking(manifest: Manifest, key: str, rule: str) -> Iterator[Remark]:
    """Tell of an annotation that layers lack, once for all of them: a tool that forgets it forgets it everywhere."""
    places = [number for number, layer in enumerate(manifest.layers) if not layer.annotations.get(key)]
    if places:
        shown = ", ".join(map(str, places[:_SHOWN])) + (", …" if len(places) > _SHOWN else "")
        text = f"{len(places)} of {len(manifest.layers)} layers have no {key}"
        yield remark(rule, f"manifest: layers[{shown}]", text)


def _config(value: JSON) -> Iterator[Remark]:
    if value == {}:
        yield remark("config-empty", "config", "is {}")
    for number, (place, text) in enumerate(violations(value)):
        if number == MAX_VIOLATIONS:
            yield remark("config-schema", "config", "and more")
            return
        yield remark("config-schema", f"config: {place}", text)


def _meaning(config: PackConfig) -> Iterator[Remark]:
    """Check what the text of the specification says, and its schema does not."""
    traits = config.traits
    if not traits.format:
        yield remark("format-missing", "config: config.format", "is not set")
    if traits.param_size and not SIZE.fullmatch(traits.param_size):
        yield remark("param-size", "config: config.paramSize", f"is {traits.param_size[:64]!r}")
    for word in filter(None, traits.precision.split(",")):
        if word.strip() not in _PRECISIONS:
            yield remark("precision", "config: config.precision", f"{word[:64]!r} is no word of the specification")
    for number, text in enumerate(config.about.licenses):
        if not is_spdx(text):
            yield remark("license", f"config: descriptor.licenses[{number}]", f"{text[:64]!r} is no SPDX expression")


def _diff_ids(manifest: Manifest, value: JSON) -> Iterator[Remark]:
    files = value.get("modelfs") if isinstance(value, dict) else None
    listed = files.get("diffIds") if isinstance(files, dict) else None
    if not isinstance(listed, list):
        return  # remarked with the schema
    if len(listed) != len(manifest.layers):
        text = f"{len(listed)} digests for {len(manifest.layers)} layers"
        yield remark("diff-ids", "config: modelfs.diffIds", text)
        return
    for number, (layer, claim) in enumerate(zip(manifest.layers, listed, strict=True)):
        known = type_of(layer)
        if known is not None and known.compression is Compression.NONE and claim != str(layer.digest):
            text = f"is not the digest of the layer, {layer.digest}, although that is not compressed"
            yield remark("diff-id", f"config: modelfs.diffIds[{number}]", text)
