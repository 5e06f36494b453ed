"""The uncompressed bytes of layers, from any place: by reads of parts, or out of a verified copy."""

import os
from collections import deque
from collections.abc import Iterator
from threading import Lock, RLock
from typing import Final, Literal, Protocol

from orchard.archive import DEFAULTS, Limits, decompress
from orchard.errors import IntegrityError, StorageError, UsageError
from orchard.formats import Compression, Layer
from orchard.oci import CHUNK, Descriptor, Digest, Readable, Verifying, chunks
from orchard.store import Ranged, Source

_KEPT: Final = 4  # windows of one layer
_LARGEST_KEPT: Final = 1 << 20  # bytes; larger ones are content, which nobody asks for twice
_NAMES: Final[dict[Compression, Literal["gzip", "zstd"]]] = {Compression.GZIP: "gzip", Compression.ZSTD: "zstd"}


class LayerAccess(Protocol):
    """A layer that can be read from any place; an ``insight.RandomAccess``."""

    @property
    def size(self) -> int:
        """Bytes of the uncompressed layer."""
        ...

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Read exactly these bytes of the uncompressed layer."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class RangedLayer:
    """A layer that is not compressed, read in parts, unverified; small parts are kept for a while.

    The first window over a tar holds the header of the tar and often that of the model file in it, so that both cost
    one request.

    Args:
        source: Where the layer is.
        content: The layer.
    """

    def __init__(self, source: Ranged, content: Descriptor) -> None:
        self._source = source
        self._content = content
        self._windows: deque[tuple[int, bytes]] = deque(maxlen=_KEPT)
        self._lock = Lock()

    @property
    def size(self) -> int:
        """Bytes of the layer."""
        return self._content.size

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Read exactly these bytes.

        Raises:
            IntegrityError: If the layer is shorter than its descriptor says.
            OrchardError: As the source raises it.
        """
        with self._lock:
            known = [*self._windows]
        for start, window in known:
            if start <= offset and offset + size <= start + len(window):
                return window[offset - start : offset - start + size]
        data = self._source.read_range(self._content, offset, size)
        if len(data) != size:
            raise IntegrityError(f"{self._content.digest}: is shorter than {self._content.size} bytes")
        if size <= _LARGEST_KEPT:
            with self._lock:
                self._windows.append((offset, data))
        return data

    def close(self) -> None:
        """Forget what was kept."""
        with self._lock:
            self._windows.clear()


class CopiedLayer:
    """A layer copied into a temporary file, without its compression and verified whole; closing it deletes the file.

    Args:
        source: Where the layer is.
        layer: The layer.
        limits: What may come out of it.

    Raises:
        IntegrityError: If the layer is not what the manifest promises.
        InvalidError: If its compression is broken.
        LimitExceededError: If it unpacks to too much.
        StorageError: If the temporary directory does not take it.
    """

    def __init__(self, source: Source, layer: Layer, limits: Limits = DEFAULTS) -> None:
        import tempfile  # noqa: PLC0415 -- most layers are read without a copy

        self._what = f"{layer.path}: cannot be copied to a temporary file"
        try:
            self._file = tempfile.TemporaryFile(prefix="orchard-")  # noqa: SIM115 -- closed by ``close``
        except OSError as error:
            raise self._failed(error) from error
        try:
            self._size = self._fill(source, layer, limits)
        except BaseException:
            self._file.close()
            raise

    @property
    def size(self) -> int:
        """Bytes of the uncompressed layer."""
        return self._size

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Read exactly these bytes.

        Raises:
            StorageError: If they cannot be read.
        """
        try:
            data = os.pread(self._file.fileno(), size, offset)
            while len(data) < size and (more := os.pread(self._file.fileno(), size - len(data), offset + len(data))):
                data += more
        except (OSError, ValueError) as error:
            raise StorageError(f"{self._what}: it cannot be read back: {error}") from error
        return data

    def close(self) -> None:
        """Delete the copy."""
        self._file.close()

    def _fill(self, source: Source, layer: Layer, limits: Limits) -> int:
        size = 0
        with source.open(layer.descriptor) as body:
            for chunk in chunks(plain(layer, Verifying(body, layer.descriptor), limits)):
                try:
                    self._file.write(chunk)
                except OSError as error:
                    raise self._failed(error) from error
                size += len(chunk)
        try:
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from error
        return size

    def _failed(self, error: OSError) -> StorageError:
        return StorageError(f"{self._what}: {error.strerror or error}")


class LayerWays:
    """The ways to the layers of one version that are open, each opened when it is first needed.

    Args:
        source: Where the layers are.
        verify: Whether to copy and verify each layer, not only those that are compressed.
    """

    def __init__(self, source: Source, *, verify: bool) -> None:
        self.verify = verify or not isinstance(source, Ranged)
        self._source = source
        self._ways: dict[Digest, LayerAccess] | None = {}
        self._lock = RLock()

    def copies(self, layer: Layer) -> bool:
        """Tell whether a layer is copied before it is read."""
        return self.verify or layer.type.compression is not Compression.NONE

    def to(self, layer: Layer) -> LayerAccess:
        """Give the way to a layer.

        Raises:
            UsageError: If they have been closed.
            OrchardError: As ``CopiedLayer`` and the source do.
        """
        digest = layer.descriptor.digest
        with self._lock:
            if self._ways is None:
                raise UsageError(f"{layer.path}: the version has been closed")
            if digest not in self._ways:
                self._ways[digest] = self._open(layer)
            return self._ways[digest]

    def pieces(self, layer: Layer, offset: int, count: int) -> Iterator[bytes]:
        """Give a part of the uncompressed layer in pieces, with one request.

        Raises:
            IntegrityError: If the layer ends before.
            OrchardError: As the source raises it.
        """
        if self.copies(layer):
            way = self.to(layer)
            for at in range(0, count, CHUNK):
                yield way.read_at(offset + at, min(CHUNK, count - at))
            return
        with self._source.open(layer.descriptor, offset) as body:
            while count:
                piece = body.read(min(CHUNK, count))
                if not piece:
                    raise IntegrityError(f"{layer.descriptor.digest}: is shorter than {layer.descriptor.size} bytes")
                count -= len(piece)
                yield piece

    def close(self) -> None:
        """Close all of them, for good."""
        with self._lock:
            while self._ways:
                self._ways.popitem()[1].close()
            self._ways = None

    def _open(self, layer: Layer) -> LayerAccess:
        if self.copies(layer) or not isinstance(self._source, Ranged):
            return CopiedLayer(self._source, layer)
        return RangedLayer(self._source, layer.descriptor)


def plain(layer: Layer, body: Readable, limits: Limits = DEFAULTS) -> Readable:
    """Give a layer's bytes without their compression."""
    kind = layer.type.compression
    return body if kind is Compression.NONE else decompress(body, _NAMES[kind], limits, what=layer.path)
