"""A ModelKit in OCI terms: a config that is the Kitfile as JSON, and a layer for each entry (KitOps notes 3.1 and 3.2).

Config and layers are byte for byte those of KitOps 1.7. The manifest differs on purpose: it names its media type and
artifact type, and holds no tool version unless one is asked for, so the same content has the same digest (ADR 8).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from orchard.errors import InvalidDocumentError, NotAModelKitError
from orchard.formats.kitconfig import kitfile_from_json
from orchard.formats.kitfile import Entry, Kitfile, name_of
from orchard.formats.layertype import (
    LayerFormat,
    LayerKind,
    LayerType,
    layer_annotations,
    parse_layer_media_type,
)
from orchard.oci import JSON, Descriptor, Digest, Manifest, dumps, loads, mediatype

CONFIG_TYPE: Final = "application/vnd.kitops.modelkit.config.v1+json"
MANIFEST_TYPE: Final = "application/vnd.kitops.modelkit.manifest.v1+json"
VERSION_ANNOTATION: Final = "ml.kitops.modelkit.cli-version"
PATH_ANNOTATIONS: Final = ("org.cncf.model.filepath", "org.cnai.model.filepath")
MAX_CONFIG: Final = 4 << 20  # bytes

_LISTS: Final = ("code", "datasets", "docs", "prompts", "mcp_servers")  # in the order of Kitfile.entries
_OTHERS: Final = {
    "application/vnd.cncf.model.config.v1+json": "a ModelPack, which this version cannot unpack yet",
    "application/vnd.cnai.model.config.v1+json": "a ModelPack, which this version cannot unpack yet",
    "application/vnd.docker.ai.model.config.v0.1+json": "a Docker model",
    "application/vnd.docker.ai.model.config.v0.2+json": "a Docker model",
    "application/vnd.oci.image.config.v1+json": "a container image",
    "application/vnd.docker.container.image.v1+json": "a container image",
    "application/vnd.cncf.helm.config.v1+json": "a Helm chart",
    "application/vnd.jozu.model.config.v1+json": "a ModelKit of a format older than KitOps 0.2, which nothing reads",
}


@dataclass(frozen=True, slots=True)
class LayerClaim:
    """An entry of a Kitfile that wants a layer.

    Attributes:
        kind: What it is.
        name: Its name; empty for code and docs.
        path: What it claims, as the Kitfile writes it.
    """

    kind: LayerKind
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a kit.

    Attributes:
        kind: What it is.
        name: Name of its Kitfile entry; may be empty.
        path: Path of its Kitfile entry, as written there.
        descriptor: The layer as stored.
        diff_id: Digest of its bytes without compression.
        type: How it is wrapped.
        prefix: Directory that the names in its archive are relative to; empty but for kits of a very old ``kit``.
    """

    kind: LayerKind
    name: str
    path: str
    descriptor: Descriptor
    diff_id: Digest
    type: LayerType
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class ModelKit:
    """What a manifest and its config say together.

    Attributes:
        kitfile: The Kitfile, with the digest of each entry's layer where the config has it.
        layers: The layers, in the order of the manifest.
        cli_version: Version of the tool that packed it, if it said so.
    """

    kitfile: Kitfile
    layers: tuple[Layer, ...]
    cli_version: str | None = None


def claims(kitfile: Kitfile) -> list[LayerClaim]:
    """List the entries that want a layer, in the order of the manifest; a model without a path has parts only."""
    return [LayerClaim(kind, name_of(entry), entry.path) for kind, _, entry in kitfile.entries() if entry.path]


def packed_layer(claim: LayerClaim, descriptor: Descriptor, diff_id: Digest) -> Layer:
    """Make the layer that a claim became."""
    kind = parse_layer_media_type(descriptor.media_type)
    annotations = layer_annotations(claim.kind)
    described = msgspec.structs.replace(descriptor, annotations=annotations) if annotations else descriptor
    return Layer(claim.kind, claim.name, claim.path, described, diff_id, kind)


def build_config(kitfile: Kitfile, layers: Iterable[Layer]) -> bytes:
    """Write the config: the Kitfile as JSON, each entry with the digests of its layer.

    Args:
        kitfile: What was packed.
        layers: One for each of ``claims(kitfile)``, in the same order.

    Raises:
        InvalidDocumentError: If a parameter cannot be written as JSON.
    """
    remaining = iter(layers)

    def digested(entry: Any) -> Any:  # noqa: ANN401 -- each kind of entry stays of its kind
        if not entry.path:
            return entry
        layer = next(remaining)
        return msgspec.structs.replace(entry, digest=layer.descriptor.digest, diff_id=layer.diff_id)

    return _with_entries(kitfile, digested).to_json()


def build_manifest(config: bytes, layers: Iterable[Layer], *, annotations: Mapping[str, str] | None = None) -> Manifest:
    """Write the manifest of a config and its layers, fields in the order of the spec."""
    described = Descriptor.of(config, CONFIG_TYPE)
    listed = tuple(layer.descriptor for layer in layers)
    fields: dict[str, JSON] = {
        "schemaVersion": 2,
        "mediaType": mediatype.OCI_MANIFEST,
        "artifactType": MANIFEST_TYPE,
        "config": described.to_json(),
        "layers": [descriptor.to_json() for descriptor in listed],
    }
    if annotations:
        fields["annotations"] = dict(annotations)
    return Manifest(
        raw=dumps(fields),
        media_type=mediatype.OCI_MANIFEST,
        config=described,
        layers=listed,
        artifact_type=MANIFEST_TYPE,
        annotations=dict(annotations or {}),
    )


def require_modelkit(manifest: Manifest) -> None:
    """See to it that a manifest is one of a ModelKit.

    Raises:
        NotAModelKitError: Saying what it is instead.
    """
    if manifest.config.media_type == CONFIG_TYPE:
        return
    what = _OTHERS.get(manifest.config.media_type)
    if what is None:
        kind = manifest.artifact_type or manifest.config.media_type
        what = f"an artifact of type {kind[:128]!r}"
    raise NotAModelKitError(f"this is {what}, not a ModelKit")


def read_modelkit(manifest: Manifest, config: bytes) -> ModelKit:
    """Read a kit, pairing each layer with the entry of the Kitfile that it came from.

    Entries are found by the digest that the config has for them; where it has none (kits of a very old ``kit``), by
    their order among those of the same kind, and the archive's names are then relative to the entry's directory.

    Raises:
        NotAModelKitError: If the manifest is of another kind of artifact.
        InvalidDocumentError: If the config is not a Kitfile, or a layer has no entry.
        LimitExceededError: If the config is over 4 MiB.
    """
    require_modelkit(manifest)
    kitfile = kitfile_from_json(loads(config, what="config", limit=MAX_CONFIG))
    pairing = _Pairing(kitfile)
    layers = tuple(pairing.layer(descriptor) for descriptor in manifest.layers)
    return ModelKit(kitfile, layers, manifest.annotations.get(VERSION_ANNOTATION))


class _Pairing:
    """The entries of a Kitfile that still wait for their layer."""

    def __init__(self, kitfile: Kitfile) -> None:
        self._waiting = [(kind, entry) for kind, _, entry in kitfile.entries() if entry.path]

    def layer(self, descriptor: Descriptor) -> Layer:
        kind = parse_layer_media_type(descriptor.media_type, descriptor.annotations)
        entry = self._take(kind.kind, descriptor.digest)
        diff_id = entry.diff_id or descriptor.digest
        path = entry.path
        prefix = "" if entry.digest is not None or kind.format is LayerFormat.RAW else path.rpartition("/")[0]
        return Layer(kind.kind, name_of(entry), path, descriptor, diff_id, kind, prefix)

    def _take(self, kind: LayerKind, digest: Digest) -> Entry:
        """Give the entry of a layer, and strike it off.

        Raises:
            InvalidDocumentError: If none is left.
        """
        same_digest = [pair for pair in self._waiting if pair[1].digest == digest]
        undigested = [pair for pair in self._waiting if pair[0] is kind and pair[1].digest is None]
        ordered = sorted(same_digest, key=lambda pair: pair[0] is not kind) or undigested
        if not ordered:
            raise InvalidDocumentError(f"the {kind.value} layer {digest} belongs to no entry of the Kitfile")
        self._waiting.remove(ordered[0])
        return ordered[0][1]


def _with_entries(kitfile: Kitfile, change: Callable[[Any], Any]) -> Kitfile:
    """Change every entry, in the order of ``Kitfile.entries``."""
    model = kitfile.model
    if model is not None:
        changed = change(model)
        model = msgspec.structs.replace(changed, parts=tuple(change(part) for part in model.parts))
    lists = {name: tuple(change(entry) for entry in getattr(kitfile, name)) for name in _LISTS}
    return msgspec.structs.replace(kitfile, model=model, **lists)
