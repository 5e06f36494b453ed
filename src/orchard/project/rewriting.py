"""Layers that have to be written again, because the other format does not have them as they are."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from orchard.archive import ChunkReader, decompress
from orchard.errors import InvalidError, UnsupportedError
from orchard.formats import Compression, Layer, LayerFormat, LayerKind, ModelKit, layer_media_type
from orchard.oci import LOCAL_REGISTRY, UNNAMED, Descriptor, Digest, Hasher, Readable, Verifying, chunks, read_ahead
from orchard.project.exploding import explode
from orchard.project.progress import Observer
from orchard.store import Layout, Ranged, Source

_NAMES: Final[dict[Compression, Literal["gzip", "zstd"]]] = {Compression.GZIP: "gzip", Compression.ZSTD: "zstd"}


class Rewriter:
    """Gives a version layers that another format can have, and knows where each layer is then.

    Attributes:
        rewritten: Bytes that were written.
        notes: What somebody should know.
    """

    def __init__(self, source: Source, layout: Layout, observer: Observer) -> None:
        self.rewritten = 0
        self.notes: list[str] = []
        self._source = source
        self._layout = layout
        self._local = layout.repository(f"{LOCAL_REGISTRY}/{UNNAMED}")
        self._observer = observer
        self._fresh: set[Digest] = set()

    def home(self, content: Descriptor) -> Source:
        """Say where a layer is."""
        return self._local if content.digest in self._fresh else self._source

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        """Open a layer, wherever it is.

        Raises:
            NotFoundError: If it is not there.
        """
        return self.home(content).open(content, offset)

    def read_range(self, content: Descriptor, offset: int, size: int) -> bytes:
        """Read a part of a layer, wherever it is, as ``Ranged``.

        Raises:
            UnsupportedError: If it is where parts cannot be read.
        """
        home = self.home(content)
        if not isinstance(home, Ranged):
            raise UnsupportedError(f"{content.digest}: parts of it cannot be read")
        return home.read_range(content, offset, size)

    def exploded(self, kit: ModelKit) -> ModelKit:
        """Take all archives apart.

        Raises:
            InvalidError: If one is not sound.
            IntegrityError: If a layer is not what the manifest promises.
        """
        return replace(kit, layers=tuple(self._exploded(kit.layers)))

    def plain(self, kit: ModelKit) -> ModelKit:
        """Take the compression off bare files, which ModelPack does not have.

        Raises:
            InvalidError: If the compressed data is not sound.
            IntegrityError: If a layer is not what the manifest promises.
        """
        return replace(kit, layers=tuple(map(self._plain, kit.layers)))

    def without_servers(self, kit: ModelKit, *, drop: bool) -> ModelKit:
        """Leave out MCP servers, which ModelPack has no place for.

        Raises:
            InvalidError: If there are some, and nobody said to drop them.
        """
        servers = [layer.path for layer in kit.layers if layer.kind is LayerKind.MCP_SERVER]
        if not servers and not kit.kitfile.mcp_servers:
            return kit
        if not drop:
            raise InvalidError(
                f"{', '.join(servers) or 'mcpServers'}: ModelPack has no place for MCP servers; "
                "leave them out with --drop-unsupported"
            )
        self.notes.append(f"left out, because ModelPack has no place for MCP servers: {', '.join(servers)}")
        kitfile = msgspec.structs.replace(kit.kitfile, mcp_servers=())
        layers = tuple(layer for layer in kit.layers if layer.kind is not LayerKind.MCP_SERVER)
        return replace(kit, kitfile=kitfile, layers=layers)

    def _plain(self, layer: Layer) -> Layer:
        """Take the compression off a bare file, and find out what is not known of an archive."""
        form = layer.type
        if form.compression is Compression.NONE:
            return layer
        if form.format is LayerFormat.TAR:
            return layer if layer.diff_id is not None else replace(layer, diff_id=self._diff_id(layer))
        with self._source.open(layer.descriptor) as body:
            stream = self._decompressed(layer, body)
            ingested = self._layout.ingest(stream, layer_media_type(layer.kind, form=LayerFormat.RAW))
        self._observer.finished(layer.path)
        self._take(ingested.descriptor)
        descriptor = msgspec.structs.replace(ingested.descriptor, annotations=layer.descriptor.annotations)
        return replace(layer, descriptor=descriptor, diff_id=descriptor.digest)

    def _diff_id(self, layer: Layer) -> Digest:
        hasher = Hasher()
        with self._source.open(layer.descriptor) as body:
            for chunk in self._decompressed(layer, body):
                hasher.update(chunk)
        self._observer.finished(layer.path)
        return hasher.digest

    def _decompressed(self, layer: Layer, body: Readable) -> Iterator[bytes]:
        self._observer.started(layer.path, layer.descriptor.size)
        with read_ahead(self._counted(layer, body)) as pieces:
            yield from chunks(decompress(ChunkReader(pieces), _NAMES[layer.type.compression], what=layer.path))

    def _counted(self, layer: Layer, body: Readable) -> Iterator[bytes]:
        for chunk in chunks(Verifying(body, layer.descriptor)):
            self._observer.advanced(layer.path, len(chunk))
            yield chunk

    def _exploded(self, layers: Iterable[Layer]) -> Iterator[Layer]:
        for layer in layers:
            if layer.type.format is LayerFormat.RAW:
                yield self._plain(layer)
                continue
            with self._source.open(layer.descriptor) as body:
                pieces = (
                    self._counted(layer, body)
                    if layer.type.compression is Compression.NONE
                    else self._decompressed(layer, body)
                )
                found = explode(layer, pieces, self._layout)
            for made in found.layers:
                self._take(made.descriptor)
            if found.hollow:
                self.notes.append(f"{layer.path}: {found.hollow} empty directories are left out")
            yield from found.layers

    def _take(self, content: Descriptor) -> None:
        self._fresh.add(content.digest)
        self.rewritten += content.size
