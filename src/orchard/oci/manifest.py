"""Manifests and indexes: documents that name other content (OCI image spec, manifest.md and image-index.md).

A parsed document keeps the bytes it was read from. They are what was hashed, so they are what is stored, sent and
compared; nothing here is ever written back from its parsed form.
"""

from typing import Final, Literal

import msgspec

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.oci.descriptor import Descriptor, convert
from orchard.oci.digest import Digest
from orchard.oci.mediatype import INDEXES, MANIFESTS, OCI_INDEX, OCI_MANIFEST
from orchard.oci.strictjson import JSON, loads, refuse_variants

MAX_MANIFEST: Final = 4 << 20  # bytes; what distribution and zot accept
MAX_CHILDREN: Final = 4096

_FIELDS: Final = frozenset(
    ("schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations")
)
_DESCRIPTOR_FIELDS: Final = frozenset(
    ("mediaType", "digest", "size", "urls", "annotations", "data", "artifactType", "platform")
)
_PLATFORM_FIELDS: Final = frozenset(("architecture", "os", "os.version", "os.features", "variant"))


class Manifest(msgspec.Struct, frozen=True):
    """One artifact: a config and layers.

    Attributes:
        raw: The bytes as received.
        media_type: Type of the document itself.
        config: Descriptor of the config.
        layers: Descriptors of the layers, in order.
        artifact_type: Kind of the artifact, if the document says so.
        subject: What this artifact is about, if it is a referrer.
        annotations: Free key/value pairs.
    """

    raw: bytes
    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """Everything that must be there before this document makes sense; the subject need not."""
        return (self.config, *self.layers)

    @property
    def kind(self) -> str:
        """What a referrers list calls it: its artifact type, else its config's type (distribution spec)."""
        return self.artifact_type or self.config.media_type

    def __repr__(self) -> str:
        """Say which one it is; its bytes may be megabytes."""
        return f"<Manifest {self.describe().digest}>"

    def describe(self, algorithm: str = "sha256") -> Descriptor:
        """Name these bytes."""
        return _describe(self, algorithm)


class Index(msgspec.Struct, frozen=True):
    """A list of manifests.

    Attributes:
        raw: The bytes as received.
        media_type: Type of the document itself.
        manifests: What it lists, in order.
        artifact_type: Kind of the artifact, if the document says so.
        subject: What this artifact is about, if it is a referrer.
        annotations: Free key/value pairs.
    """

    raw: bytes
    media_type: str
    manifests: tuple[Descriptor, ...]
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """Everything that must be there before this document makes sense; the subject need not."""
        return self.manifests

    @property
    def kind(self) -> str:
        """What a referrers list calls it."""
        return self.artifact_type or ""

    def __repr__(self) -> str:
        """Say which one it is; its bytes may be megabytes."""
        return f"<Index {self.describe().digest}>"

    def describe(self, algorithm: str = "sha256") -> Descriptor:
        """Name these bytes."""
        return _describe(self, algorithm)


Document = Manifest | Index


def parse_document(raw: bytes, media_type: str = "") -> Document:
    """Read a manifest or an index.

    Args:
        raw: The document as received.
        media_type: What the peer said it is (``Content-Type`` or a descriptor's ``mediaType``); empty if nothing did.

    Raises:
        LimitExceededError: If it is over 4 MiB, too deep, or names more than 4096 children.
        InvalidDocumentError: If it is not such a document, could be read in two ways, or is not what the peer said.
    """
    what = "manifest"
    value = loads(raw, what=what, limit=MAX_MANIFEST)
    if not isinstance(value, dict):
        raise InvalidDocumentError(f"{what}: not a JSON object")
    _refuse_variants(value, what)
    kind = _kind_of(value, media_type)
    if kind in MANIFESTS:
        return _manifest(raw, kind, convert(value, _ManifestWire, what=what))
    return _index(raw, kind, convert(value, _IndexWire, what=what))


def parse_manifest(raw: bytes, media_type: str = "") -> Manifest:
    """Read a document that must be a manifest.

    Raises:
        LimitExceededError: As ``parse_document``.
        InvalidDocumentError: As ``parse_document``, or if it is an index.
    """
    document = parse_document(raw, media_type)
    if isinstance(document, Index):
        raise InvalidDocumentError(
            "this is an index of several manifests; name one of them by its digest (orchard index info lists them)"
        )
    return document


class _Wire(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    schema_version: Literal[2]
    media_type: str = ""
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: dict[str, str] | None = None


class _ManifestWire(_Wire, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    config: Descriptor
    layers: list[Descriptor] | None = None  # KitOps writes null where there is none


class _IndexWire(_Wire, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    manifests: list[Descriptor] | None


def _manifest(raw: bytes, kind: str, wire: _ManifestWire) -> Manifest:
    return Manifest(
        raw=raw,
        media_type=kind,
        config=wire.config,
        layers=_bounded(wire.layers),
        artifact_type=wire.artifact_type or None,
        subject=wire.subject,
        annotations=wire.annotations or {},
    )


def _index(raw: bytes, kind: str, wire: _IndexWire) -> Index:
    return Index(
        raw=raw,
        media_type=kind,
        manifests=_bounded(wire.manifests),
        artifact_type=wire.artifact_type or None,
        subject=wire.subject,
        annotations=wire.annotations or {},
    )


def _refuse_variants(value: dict[str, JSON], what: str) -> None:
    refuse_variants(value, _FIELDS, what=what)
    for name in ("config", "subject", "layers", "manifests"):
        inner = value.get(name)
        for descriptor in inner if isinstance(inner, list) else [inner]:
            refuse_variants(descriptor, _DESCRIPTOR_FIELDS, what=f"{what}: {name}")
            if isinstance(descriptor, dict):
                refuse_variants(descriptor.get("platform"), _PLATFORM_FIELDS, what=f"{what}: {name}: platform")


def _kind_of(value: dict[str, JSON], claimed: str) -> str:
    """Decide what the document is, and refuse one that can be taken for two things (security notes 5.2).

    Raises:
        InvalidDocumentError: If it can, or is neither.
    """
    if "manifests" in value and ("layers" in value or "config" in value):
        raise InvalidDocumentError("manifest: holds both layers and manifests")
    if "fsLayers" in value or "history" in value:
        raise InvalidDocumentError("manifest: Docker schema 1 is not supported")
    own = value.get("mediaType") or ""
    claimed = claimed.partition(";")[0].strip()
    if own and claimed and own != claimed:
        raise InvalidDocumentError(f"manifest: mediaType is {own!r}, but it was sent as {claimed!r}")
    kind = own or claimed or (OCI_INDEX if "manifests" in value else OCI_MANIFEST)
    if not isinstance(kind, str) or kind not in MANIFESTS | INDEXES:
        raise InvalidDocumentError(f"manifest: {str(kind)[:128]!r} is not a manifest or index type")
    if (kind in INDEXES) != ("manifests" in value):
        raise InvalidDocumentError(f"manifest: its fields are not those of {kind}")
    return kind


def _bounded(children: list[Descriptor] | None) -> tuple[Descriptor, ...]:
    if children is not None and len(children) > MAX_CHILDREN:
        raise LimitExceededError(f"manifest: {len(children)} entries, at most {MAX_CHILDREN} are accepted")
    return tuple(children or ())


def _describe(document: Document, algorithm: str) -> Descriptor:
    return Descriptor(
        media_type=document.media_type,
        digest=Digest.of(document.raw, algorithm),
        size=len(document.raw),
        annotations=document.annotations,
        artifact_type=document.artifact_type,
    )
