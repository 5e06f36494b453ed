"""Making the file index of a version, at the least cost that its layers allow.

one bare file          known from the manifest, nothing is read
a tar                  headers alone, by reads of parts; content is passed over
a compressed tar       streamed once; what unpacks is hashed on the way
"""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from threading import Lock
from typing import Final, Protocol

from orchard.archive import DEFAULTS, Limits, Member, SkippingReader, members, safe_name
from orchard.errors import InvalidError, LimitExceededError
from orchard.formats import Compression, FileIndex, Layer, LayerFile, LayerFiles, LayerFormat
from orchard.oci import CHUNK, Digest, Hasher, Verifying, chunks
from orchard.project.layeraccess import LayerAccess, RangedLayer, plain
from orchard.project.versions import Version
from orchard.store import Ranged, Source

_LOOK_ON: Final = 4096  # chunks, 1 GiB


class KnownLayers(Protocol):
    """What layers hold, as far as somebody found it out before."""

    def get(self, layer: Digest, /, *, hashed: bool) -> LayerFiles | None:
        """Give what a layer holds, if it is known; with the digest of each file, if that is wanted."""
        ...

    def put(self, layer: Digest, content: LayerFiles, /, *, hashed: bool, verified: bool) -> None:
        """Remember what a layer holds."""
        ...


def index_version(
    version: Version,
    source: Source,
    *,
    cache: KnownLayers | None = None,
    hashed: bool = False,
    limits: Limits = DEFAULTS,
) -> FileIndex:
    """List every file of a version.

    Args:
        version: The version.
        source: Where its layers are.
        cache: What is known of layers already.
        hashed: Whether the digest of every file is wanted. Then layers are read whole, and verified.
        limits: What all layers together may hold.

    Raises:
        IntegrityError: If a layer that is read whole is not what the manifest promises.
        InvalidError: If a layer is not sound.
        LimitExceededError: If there is more in the layers than the limits allow.
        UnsafeArchiveError: If unpacking would refuse the version: unsafe paths, links, one file twice.
        OrchardError: As the source raises it.
    """
    indexer = Indexer(source, cache=cache, hashed=hashed, limits=limits)
    return FileIndex((layer, indexer.index(layer)) for layer in version.kit.layers)


def placed(layer: Layer, held: LayerFiles | None, limits: Limits = DEFAULTS) -> LayerFiles:
    """Give the files of a layer at the paths that they are unpacked to.

    Args:
        layer: The layer.
        held: What is in it, as its own bytes say; not needed of one bare file that is not compressed.
        limits: What paths may be like.

    Raises:
        UnsafeArchiveError: If unpacking would refuse the layer's path.
        InvalidDocumentError: If the layer is said to be one file and no regular one.
    """
    if layer.type.format is not LayerFormat.RAW:
        assert held is not None
        return _below(held, _prefix(layer, limits))
    path = safe_name(os.fsencode(layer.file_path), limits, what="a layer")
    content = layer.descriptor
    if held is None:
        return LayerFiles((LayerFile(path, content.size, layer.mode, 0, str(content.digest)),))
    return LayerFiles((LayerFile(path, held.files[0].size, layer.mode, 0, held.files[0].digest),))


class Indexer:
    """Finds out what layers hold; several threads may each look into one.

    Args:
        source: Where the layers are.
        cache: What is known already.
        hashed: Whether the digest of every file is wanted.
        limits: What all layers together may hold.
    """

    def __init__(
        self, source: Source, *, cache: KnownLayers | None = None, hashed: bool = False, limits: Limits = DEFAULTS
    ) -> None:
        self._source = source
        self._cache = cache
        self._hashed = hashed
        self._limits = limits
        self._members = 0
        self._lock = Lock()

    def index(self, layer: Layer, access: LayerAccess | None = None) -> LayerFiles:
        """List what a layer holds, with the paths that it is unpacked to.

        Args:
            layer: The layer.
            access: A way to its uncompressed bytes that is open already, to read headers by.

        Raises:
            LimitExceededError: If all layers together hold too much.
            OrchardError: As ``index_version``.
        """
        held = None if _is_bare(layer) else self._known(layer) or self._read(layer, access)
        found = placed(layer, held, self._limits)
        with self._lock:
            self._members += len(found.files) + len(found.directories)
            too_many = self._members > self._limits.members
        if too_many:
            raise LimitExceededError(f"{layer.path}: more than {self._limits.members} files and directories")
        return found

    def _known(self, layer: Layer) -> LayerFiles | None:
        return self._cache.get(layer.descriptor.digest, hashed=self._hashed) if self._cache else None

    def _remember(self, layer: Layer, found: LayerFiles, *, whole: bool) -> None:
        if self._cache is not None:
            self._cache.put(layer.descriptor.digest, found, hashed=whole, verified=whole)

    def _read(self, layer: Layer, access: LayerAccess | None) -> LayerFiles:
        if layer.type.format is LayerFormat.RAW:
            found = LayerFiles((self._measure(layer),))
            self._remember(layer, found, whole=True)
            return found
        if access is None and layer.type.compression is Compression.NONE and isinstance(self._source, Ranged):
            access = RangedLayer(self._source, layer.descriptor)
        whole = self._hashed or access is None
        found = self._read_whole(layer) if access is None or whole else self._read_headers(layer, access)
        self._remember(layer, found, whole=whole)
        return found

    def _measure(self, layer: Layer) -> LayerFile:
        hasher = Hasher()
        with self._source.open(layer.descriptor) as body:
            for chunk in chunks(plain(layer, Verifying(body, layer.descriptor), self._limits)):
                hasher.update(chunk)
        return LayerFile("", hasher.size, 0, 0, str(hasher.digest))

    def _read_whole(self, layer: Layer) -> LayerFiles:
        with self._source.open(layer.descriptor) as body:
            verified = Verifying(body, layer.descriptor)
            try:
                found = _gathered(
                    members(plain(layer, verified, self._limits), self._limits, what=layer.path), hashed=True
                )
            except InvalidError:
                # Bytes that are not the promised ones may look like a bad archive first: the rest of them tells.
                for _ in islice(chunks(verified), _LOOK_ON):
                    continue
                raise
        return found

    def _read_headers(self, layer: Layer, access: LayerAccess) -> LayerFiles:
        reader = SkippingReader(access.read_at, access.size)
        return _gathered(members(reader, self._limits, what=layer.path), hashed=False)


def _gathered(found: Iterable[Member], *, hashed: bool) -> LayerFiles:
    files: list[LayerFile] = []
    directories: list[str] = []
    for member in found:
        if member.is_directory:
            directories.append(member.name)
            continue
        digest = _digest(member) if hashed else None
        files.append(LayerFile(member.name, member.size, member.mode, member.offset, digest))
    return LayerFiles(tuple(files), tuple(filter(None, directories)))


def _digest(member: Member) -> str:
    hasher = Hasher()
    pieces: Iterator[bytes | memoryview]
    pieces = iter((member.content.read_whole(),)) if member.size < CHUNK else member.content.pieces()
    for piece in pieces:
        hasher.update(piece)
    return str(hasher.digest)


def _is_bare(layer: Layer) -> bool:
    return layer.type.format is LayerFormat.RAW and layer.type.compression is Compression.NONE


def _prefix(layer: Layer, limits: Limits) -> str:
    prefix = layer.path.rpartition("/")[0] if layer.legacy else ""
    return safe_name(os.fsencode(prefix), limits, what=layer.path) if prefix else ""


def _below(held: LayerFiles, prefix: str) -> LayerFiles:
    if not prefix:
        return held
    files = tuple(LayerFile(f"{prefix}/{f.path}", f.size, f.mode, f.offset, f.digest) for f in held.files)
    return LayerFiles(files, tuple(f"{prefix}/{path}" for path in held.directories))
