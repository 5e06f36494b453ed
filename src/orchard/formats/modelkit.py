"""A ModelKit as an OCI artifact: a config that is the Kitfile, and a layer for each entry of it."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from orchard.errors import InvalidDocumentError, LimitExceededError, NotAModelKitError, UnsafePathError
from orchard.formats.kitconfig import kitfile_from_json
from orchard.formats.kitfile import Dataset, Entry, Kitfile, name_of
from orchard.formats.kitpath import clean_path
from orchard.formats.layerfile import file_mode
from orchard.formats.layertype import LayerKind, LayerType, parse_layer_media_type
from orchard.oci import JSON, Descriptor, Digest, Manifest, go_dumps, loads, mediatype, parse_manifest

if TYPE_CHECKING:
    from orchard.formats.packconfig import PackConfig

E = TypeVar("E", bound=Entry)

CONFIG_TYPE: Final = "application/vnd.kitops.modelkit.config.v1+json"
ARTIFACT_TYPE: Final = "application/vnd.kitops.modelkit.manifest.v1+json"
VERSION_ANNOTATION: Final = "ml.kitops.modelkit.cli-version"
MAX_CONFIG: Final = 4 << 20  # bytes

_ORDER: Final = {kind: number for number, kind in enumerate(LayerKind)}


class ProjectFormat(Enum):
    """As what a project is stored; the value is what people call it."""

    MODELKIT = "ModelKit"
    MODELPACK = "ModelPack"
    DOCKER = "Docker model"


class ManifestForm(Enum):
    """How a manifest is written: it decides the digest of a kit, not what the kit holds."""

    CURRENT = auto()  # with mediaType and artifactType, so that every registry can tell what it is (OCI 1.1)
    KIT_1_7 = auto()  # byte for byte as kit 1.7 writes it


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer of a kit, and the entry of the Kitfile that it holds.

    Attributes:
        kind: What it holds.
        path: Of the entry, as written in the Kitfile. It may come from a stranger: check it before writing there.
        name: Of the entry; empty if it has none.
        descriptor: Of the blob.
        diff_id: Digest of the content without compression, if it is known.
        legacy: Whether paths inside are relative to the directory of ``path``, and not to the kit's, as in
            old kits, whose config names no digests.
        entry: Path of the entry, where the layer is only one file of what that claims; else empty.
    """

    kind: LayerKind
    path: str
    descriptor: Descriptor
    name: str = ""
    diff_id: Digest | None = None
    legacy: bool = False
    entry: str = ""

    @property
    def type(self) -> LayerType:
        """What its media type says.

        Raises:
            InvalidDocumentError: If it is not a layer type.
        """
        return parse_layer_media_type(self.descriptor.media_type, self.descriptor.annotations)

    @property
    def file_path(self) -> str:
        """Where the file of a raw layer belongs: ``path`` in its shortest form, or as it is where it is unsafe."""
        try:
            return clean_path(self.path)
        except UnsafePathError:
            return self.path

    @property
    def mode(self) -> int:
        """Permission bits of the file, where the layer is one bare file and not an archive.

        Raises:
            InvalidDocumentError: If the layer says that it is not a regular file.
        """
        try:
            return file_mode(self.descriptor.annotations)
        except InvalidDocumentError as error:
            raise InvalidDocumentError(f"layer {self.path!r}: {error}") from error


class ModelKit(msgspec.Struct, frozen=True):
    """A project as it was read, whatever the format that it is stored in.

    Attributes:
        kitfile: What it holds; where the format has no Kitfile, one that says the same.
        layers: Its layers, in the order of the manifest.
        cli_version: Of the program that packed it, if it says so.
        format: As what it is stored.
        config: What the config of a ModelPack or a Docker model says; None for a ModelKit, whose config is the Kitfile.
    """

    kitfile: Kitfile
    layers: tuple[Layer, ...]
    cli_version: str | None = None
    format: ProjectFormat = ProjectFormat.MODELKIT
    config: "PackConfig | None" = None


def build_config(kitfile: Kitfile, layers: Iterable[Layer]) -> bytes:
    """Write the config of a kit: the Kitfile with the digests of its layers, byte for byte as KitOps writes it.

    Raises:
        InvalidDocumentError: If a layer belongs to no entry, or a parameter cannot be written as JSON.
        LimitExceededError: If it is over 4 MiB, so that nobody would read it.
    """
    waiting: dict[tuple[LayerKind, str], deque[Layer]] = {}
    for layer in layers:
        waiting.setdefault((layer.kind, layer.path), deque()).append(layer)

    def stored(kind: LayerKind, entry: E) -> E:
        queue = waiting.get((kind, entry.path))
        layer = queue.popleft() if queue else None
        digest, diff_id = (layer.descriptor.digest, layer.diff_id) if layer else (None, None)
        return replace(entry, digest=digest, diff_id=diff_id)

    config = _changed(kitfile, stored).to_json()
    lost = next((layer for queue in waiting.values() for layer in queue), None)
    if lost is not None:
        raise InvalidDocumentError(f"{lost.path!r} ({lost.kind.value}): the Kitfile has no such entry")
    if len(config) > MAX_CONFIG:
        raise LimitExceededError(f"the Kitfile is {len(config)} bytes as JSON, at most {MAX_CONFIG} are accepted")
    return config


class _Change(Protocol):
    def __call__(self, kind: LayerKind, entry: E, /) -> E: ...


def _changed(kitfile: Kitfile, change: _Change) -> Kitfile:
    model = kitfile.model
    if model is not None:
        parts = tuple(change(LayerKind.PART, part) for part in model.parts)
        model = replace(change(LayerKind.MODEL, model), parts=parts)
    return replace(
        kitfile,
        model=model,
        code=tuple(change(LayerKind.CODE, code) for code in kitfile.code),
        datasets=tuple(change(LayerKind.DATASET, dataset) for dataset in kitfile.datasets),
        docs=tuple(change(LayerKind.DOCS, docs) for docs in kitfile.docs),
        prompts=tuple(change(LayerKind.PROMPT, prompt) for prompt in kitfile.prompts),
        mcp_servers=tuple(change(LayerKind.MCP_SERVER, server) for server in kitfile.mcp_servers),
    )


def build_manifest(
    config: Descriptor,
    layers: Iterable[Layer],
    *,
    cli_version: str | None = None,
    form: ManifestForm = ManifestForm.CURRENT,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """Write the manifest of a kit, its layers in KitOps' order.

    Nothing in it depends on when, where or by whom it is written, so the same content gives the same digest; unless
    ``cli_version`` is given, which is written as an annotation then, or ``annotations`` say where it comes from.

    Raises:
        LimitExceededError: If there are more than 4096 layers, or it is over 4 MiB.
    """
    ordered = sorted(layers, key=lambda layer: _ORDER[layer.kind])
    value: dict[str, JSON] = {"schemaVersion": 2}
    if form is ManifestForm.CURRENT:
        value |= {"mediaType": mediatype.OCI_MANIFEST, "artifactType": ARTIFACT_TYPE}
    value["config"] = config.to_json()
    value["layers"] = [layer.descriptor.to_json() for layer in ordered]
    if form is ManifestForm.KIT_1_7 and not ordered:
        value["layers"] = None
    said = dict(annotations or {})
    if cli_version is not None:
        said[VERSION_ANNOTATION] = cli_version
    if said:
        value["annotations"] = {name: said[name] for name in sorted(said)}
    return parse_manifest(go_dumps(value), mediatype.OCI_MANIFEST)


def read_modelkit(manifest: Manifest, config: bytes, *, what: str = "this artifact") -> ModelKit:
    """Read a kit from its manifest and its config.

    Each layer is paired with the entry that names its digest, or, in old kits, with the next of its kind.

    Raises:
        NotAModelKitError: If it is not a ModelKit.
        LimitExceededError: If the config is over 4 MiB.
        InvalidDocumentError: If the config is not a Kitfile, or manifest and config do not fit together.
    """
    if manifest.config.media_type != CONFIG_TYPE:
        raise NotAModelKitError(
            f"{what} has a config of type {manifest.config.media_type[:128]}, so it is not a ModelKit"
        )
    kitfile = kitfile_from_json(loads(config, what=f"{what}: config", limit=MAX_CONFIG))
    return ModelKit(kitfile, tuple(_paired(kitfile, manifest, what)), manifest.annotations.get(VERSION_ANNOTATION))


def _paired(kitfile: Kitfile, manifest: Manifest, what: str) -> Iterator[Layer]:
    """Find the entry of each layer.

    Raises:
        InvalidDocumentError: If a layer has none, or an entry that names a digest has no layer.
    """
    waiting: dict[tuple[LayerKind, Digest | None], deque[Entry]] = {}
    for kind, _, entry in kitfile.entries():
        if not (isinstance(entry, Dataset) and entry.remote_path):
            waiting.setdefault((kind, entry.digest), deque()).append(entry)
    for number, descriptor in enumerate(manifest.layers):
        kind = _kind(descriptor, f"{what}: layer {number}")
        queue = waiting.get((kind, descriptor.digest)) or waiting.get((kind, None))
        if not queue:
            raise InvalidDocumentError(
                f"{what}: layer {number} ({kind.value}, {descriptor.digest}) is not in its config"
            )
        yield _layer(kind, queue.popleft(), descriptor)
    left = next((entry for (_, digest), queue in waiting.items() if digest for entry in queue), None)
    if left is not None:
        raise InvalidDocumentError(f"{what}: {left.path!r} is in its config, but its layer {left.digest} is not there")


def _kind(descriptor: Descriptor, what: str) -> LayerKind:
    try:
        return parse_layer_media_type(descriptor.media_type, descriptor.annotations).kind
    except InvalidDocumentError as error:
        raise InvalidDocumentError(f"{what}: {error}") from error


def _layer(kind: LayerKind, entry: Entry, descriptor: Descriptor) -> Layer:
    diff_id = entry.diff_id
    if diff_id is None and descriptor.media_type.endswith((".tar", ".raw")):
        diff_id = descriptor.digest  # nothing is compressed, so both names are one
    return Layer(
        kind=kind,
        path=entry.path,
        name=name_of(entry),
        descriptor=descriptor,
        diff_id=diff_id,
        legacy=entry.digest is None,
    )
