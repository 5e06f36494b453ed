"""Making the file index of a version, at the least cost that its layers allow.

one bare file          known from the manifest, nothing is read
a tar                  headers alone, by reads of parts; content is passed over
a compressed tar       streamed once; what unpacks is hashed on the way
"""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, Literal

from orchard.archive import DEFAULTS, Limits, Member, SkippingReader, decompress, members, safe_name
from orchard.errors import InvalidError, LimitExceededError
from orchard.formats import Compression, FileIndex, Layer, LayerFile, LayerFiles, LayerFormat
from orchard.oci import CHUNK, Hasher, Readable, Verifying, chunks
from orchard.project.indexcache import IndexCache
from orchard.project.versions import Version
from orchard.store import Ranged, Source

_MODE: Final = 0o644
_LOOK_ON: Final = 4096  # chunks, 1 GiB
_NAMES: Final[dict[Compression, Literal["gzip", "zstd"]]] = {Compression.GZIP: "gzip", Compression.ZSTD: "zstd"}


def index_version(
    version: Version,
    source: Source,
    *,
    cache: IndexCache | None = None,
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


class Indexer:
    """Finds out what layers hold.

    Args:
        source: Where the layers are.
        cache: What is known already.
        hashed: Whether the digest of every file is wanted.
        limits: What all layers together may hold.
    """

    def __init__(
        self, source: Source, *, cache: IndexCache | None = None, hashed: bool = False, limits: Limits = DEFAULTS
    ) -> None:
        self._source = source
        self._cache = cache
        self._hashed = hashed
        self._limits = limits
        self._members = 0

    def index(self, layer: Layer) -> LayerFiles:
        """List what a layer holds, with the paths that it is unpacked to.

        Raises:
            LimitExceededError: If all layers together hold too much.
            OrchardError: As ``index_version``.
        """
        form = layer.type
        if form.format is LayerFormat.RAW:
            found = LayerFiles((self._bare(layer, compressed=form.compression is not Compression.NONE),))
        else:
            found = _below(self._known(layer) or self._read(layer), self._prefix(layer))
        self._members += len(found.files) + len(found.directories)
        if self._members > self._limits.members:
            raise LimitExceededError(f"{layer.path}: more than {self._limits.members} files and directories")
        return found

    def _bare(self, layer: Layer, *, compressed: bool) -> LayerFile:
        path = safe_name(os.fsencode(layer.path), self._limits, what="a layer")
        if not compressed:
            return LayerFile(path, layer.descriptor.size, _MODE, 0, str(layer.descriptor.digest))
        hasher = Hasher()
        with self._source.open(layer.descriptor) as body:
            for chunk in chunks(self._plain(layer, Verifying(body, layer.descriptor))):
                hasher.update(chunk)
        return LayerFile(path, hasher.size, _MODE, 0, str(hasher.digest))

    def _prefix(self, layer: Layer) -> str:
        prefix = layer.path.rpartition("/")[0] if layer.legacy else ""
        return safe_name(os.fsencode(prefix), self._limits, what=layer.path) if prefix else ""

    def _known(self, layer: Layer) -> LayerFiles | None:
        return self._cache.get(layer.descriptor.digest, hashed=self._hashed) if self._cache else None

    def _read(self, layer: Layer) -> LayerFiles:
        whole = self._hashed or layer.type.compression is not Compression.NONE or not isinstance(self._source, Ranged)
        found = self._read_whole(layer) if whole else self._read_headers(layer)
        if self._cache is not None:
            self._cache.put(layer.descriptor.digest, found, hashed=whole, verified=whole)
        return found

    def _read_whole(self, layer: Layer) -> LayerFiles:
        with self._source.open(layer.descriptor) as body:
            verified = Verifying(body, layer.descriptor)
            try:
                found = _gathered(members(self._plain(layer, verified), self._limits, what=layer.path), hashed=True)
            except InvalidError:
                # Bytes that are not the promised ones may look like a bad archive first: the rest of them tells.
                for _ in islice(chunks(verified), _LOOK_ON):
                    continue
                raise
        return found

    def _read_headers(self, layer: Layer) -> LayerFiles:
        source, content = self._source, layer.descriptor
        assert isinstance(source, Ranged)

        def read_at(offset: int, size: int) -> bytes:
            return source.read_range(content, offset, size)

        return _gathered(members(SkippingReader(read_at, content.size), self._limits, what=layer.path), hashed=False)

    def _plain(self, layer: Layer, body: Readable) -> Readable:
        kind = layer.type.compression
        if kind is Compression.NONE:
            return body
        return decompress(body, _NAMES[kind], self._limits, what=layer.path)


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


def _below(held: LayerFiles, prefix: str) -> LayerFiles:
    if not prefix:
        return held
    files = tuple(LayerFile(f"{prefix}/{f.path}", f.size, f.mode, f.offset, f.digest) for f in held.files)
    return LayerFiles(files, tuple(f"{prefix}/{path}" for path in held.directories))
