"""How a version is written: which layers an entry of the Kitfile becomes, what they are called, and the documents.

A ``VersionFormat`` decides all of it; the packing line turns its plans into blobs. Plans of the
same entries with the same encoding have the same bytes in every format.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol

import msgspec

from orchard.archive import Body, Entry, tar_size
from orchard.errors import InvalidError
from orchard.formats import (
    CONFIG_TYPE,
    Compression,
    Kitfile,
    Layer,
    LayerFormat,
    LayerKind,
    build_config,
    build_manifest,
    clean_path,
    layer_annotations,
    layer_media_type,
    raw_annotations,
)
from orchard.oci import Descriptor, Manifest

CompressionName = Literal["none", "gzip", "gzip-fastest", "zstd"]

COMPRESSIONS: Final[dict[CompressionName, Compression]] = {
    "none": Compression.NONE,
    "gzip": Compression.GZIP,
    "gzip-fastest": Compression.GZIP,
    "zstd": Compression.ZSTD,
}


class Claim(NamedTuple):
    """An entry of the Kitfile that wants a layer."""

    kind: LayerKind
    name: str
    path: str

    @property
    def label(self) -> str:
        """What people see of it."""
        return f"{self.kind.value} {self.path}"


class Encoding(NamedTuple):
    """How the files of a layer become a blob."""

    form: LayerFormat = LayerFormat.TAR
    compression: CompressionName = "none"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One layer that shall be packed.

    Attributes:
        claim: The entry that it belongs to.
        entries: What it holds; of a raw layer only the last one, a file, has content in it.
        encoding: How that becomes a blob.
        media_type: Of the blob.
        annotations: Of its descriptor.
        note: What somebody should know about how it was decided.
    """

    claim: Claim
    entries: list[Entry]
    encoding: Encoding
    media_type: str
    annotations: Mapping[str, str] = msgspec.field(default_factory=dict)
    note: str = ""

    @property
    def label(self) -> str:
        """What people see of it; an entry may have become many layers."""
        last = self.entries[-1].name if self.entries else ""
        return f"{self.claim.kind.value} {last}" if self.is_raw else self.claim.label

    @property
    def files(self) -> int:
        """How many regular files it holds."""
        return sum(not entry.is_directory for entry in self.entries)

    @property
    def is_raw(self) -> bool:
        """Whether it is one bare file."""
        return self.encoding.form is LayerFormat.RAW

    @property
    def size(self) -> int:
        """Bytes of its content before compression.

        Raises:
            InvalidError: If a name is not UTF-8.
            UnsafePathError: If a name is not a plain relative path.
        """
        return self.entries[-1].size if self.is_raw else tar_size(self.entries)

    def content(self, offset: int = 0) -> Body:
        """Give its content before compression, from ``offset`` on; the same bytes each time, or an error.

        Raises:
            InvalidError: If a name is not UTF-8, or a raw layer is not a file.
            UnsafePathError: If a name is not a plain relative path.
        """
        return Body.raw(self.entries[-1], offset) if self.is_raw else Body.tar(self.entries, offset)


Claimed = tuple[Claim, list[Entry]]


class Documents(NamedTuple):
    """What makes a version of its layers.

    Attributes:
        config: Bytes of the config.
        manifest: The manifest, which names the config and the layers.
    """

    config: bytes
    manifest: Manifest


class VersionFormat(Protocol):
    """A way of writing a version."""

    def plans(self, claims: Sequence[Claimed], wanted: Encoding) -> Iterable[Plan]:
        """Decide which layers the entries of a Kitfile become.

        Args:
            claims: Every entry, with the files and directories it claims, those above its path first.
            wanted: How the user wants layers to be.

        Raises:
            OrchardError: If this format cannot write an entry that way.
        """
        ...

    def informed(self, plans: Sequence[Plan]) -> "VersionFormat":
        """Give a format that knows what the planned files say about themselves; the only one that reads files.

        Raises:
            StorageError: If a file cannot be read.
        """
        ...

    def documents(self, kitfile: Kitfile, layers: Sequence[Layer], annotations: Mapping[str, str]) -> Documents:
        """Write config and manifest.

        Args:
            kitfile: What was packed.
            layers: What became of the plans, in their order.
            annotations: For the manifest.

        Raises:
            InvalidDocumentError: If it cannot be said in this format.
            LimitExceededError: If a document gets too large.
        """
        ...


class ModelKitFormat:
    """KitOps' format: one layer for each entry, and a config that is the Kitfile."""

    def plans(self, claims: Sequence[Claimed], wanted: Encoding) -> Iterable[Plan]:
        """Make one layer of each entry; an MCP bundle, a ZIP already, is always raw and never compressed again.

        Raises:
            InvalidError: If a raw layer is wanted of something else than one file.
        """
        return [self._plan(claim, entries, wanted) for claim, entries in claims]

    def informed(self, plans: Sequence[Plan]) -> VersionFormat:  # noqa: ARG002 -- the protocol's signature
        """Stay as it is: a ModelKit says what its Kitfile says, and nothing else."""
        return self

    def _plan(self, claim: Claim, entries: list[Entry], wanted: Encoding) -> Plan:
        bundle = claim.kind is LayerKind.MCP_SERVER
        encoding = Encoding(LayerFormat.RAW) if bundle else wanted
        annotations = layer_annotations(claim.kind)
        if encoding.form is LayerFormat.RAW:
            require_file(claim, entries)
            if not bundle:
                annotations |= raw_annotations(entries[-1].name, mode=entries[-1].mode, size=entries[-1].size)
        media_type = layer_media_type(claim.kind, COMPRESSIONS[encoding.compression], form=encoding.form)
        return Plan(claim=claim, entries=entries, encoding=encoding, media_type=media_type, annotations=annotations)

    def documents(self, kitfile: Kitfile, layers: Sequence[Layer], annotations: Mapping[str, str]) -> Documents:
        """Write config and manifest as KitOps does."""
        config = build_config(kitfile, layers)
        return Documents(config, build_manifest(Descriptor.of(config, CONFIG_TYPE), layers, annotations=annotations))


def require_file(claim: Claim, entries: list[Entry]) -> None:
    """Make sure that an entry is one regular file.

    Raises:
        InvalidError: If it is not.
    """
    last = entries[-1] if entries else None
    if last is None or last.is_directory or last.name != clean_path(claim.path):
        if claim.kind is LayerKind.MCP_SERVER:
            raise InvalidError(f"{claim.label}: an MCP bundle is one .mcpb file, and this is a directory")
        raise InvalidError(
            f"{claim.label}: a raw layer is one regular file, and this is a directory; "
            "name a file in the Kitfile, or pack with --layer-format tar"
        )
