"""Stored bytes as a store's source: what reads layers from anywhere reads the hub's, on a disk or in a bucket."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Final

from orchard.errors import IntegrityError, LimitExceededError
from orchard.hub.catalog import Blob
from orchard.hub.registry.ports import Content
from orchard.oci import Descriptor, Digest, Readable
from orchard.store import check_range

if TYPE_CHECKING:
    from orchard.formats import Layer

PIECE: Final = 1 << 20
MAX_INFLATED: Final = 16 << 30  # bytes of a compressed layer, unpacked, of which single files are given: a minute
_unpacking: Final = BoundedSemaphore(2)  # who passes over the beginning of a compressed layer keeps a core busy

Find = Callable[[Digest], tuple[Blob, Content]]


class StoredBlobs:
    """Blobs as a ``store.Source`` that is ``Ranged``; nothing is verified.

    Args:
        find: Gives a blob and its bytes, or raises ``NotFoundError``: who may read what is decided there, once a blob.
    """

    def __init__(self, find: Find) -> None:
        self._find = find
        self._found: dict[Digest, Content] = {}

    @contextmanager
    def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:
        """Open a blob for reading, from ``offset`` bytes on.

        Raises:
            NotFoundError: If it is not there.
            StorageError: If it cannot be read.
        """
        pieces = self.content(content).read(offset, content.size)
        try:
            yield Poured(pieces)
        finally:
            pieces.close()

    def read_range(self, content: Descriptor, offset: int, size: int) -> bytes:
        """Read exactly ``size`` bytes from ``offset`` on.

        Raises:
            NotFoundError: If the blob is not there.
            UsageError: If it has no such bytes.
            StorageError: If it cannot be read.
        """
        check_range(content, offset, size)
        pieces = self.content(content).read(offset, offset + size)
        try:
            return b"".join(pieces)
        finally:
            pieces.close()

    def content(self, content: Descriptor) -> Content:
        """Give the bytes of a blob.

        Raises:
            NotFoundError: If they are not there.
            IntegrityError: If the blob has another size than promised.
        """
        found = self._found.get(content.digest)
        if found is None:
            blob, found = self._find(content.digest)
            if blob.size != content.size:
                raise IntegrityError(f"{content.digest} has {blob.size} bytes, not {content.size}")
            self._found[content.digest] = found
        return found


class Poured:
    """Pieces as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes."""
        if not self._left:
            self._left = next(self._pieces, b"")
        piece, self._left = self._left[:size], self._left[size:]
        return piece


class Slice:
    """Some of the bytes of a blob, as if they were one."""

    file: Path | None = None

    def __init__(self, content: Content, offset: int) -> None:
        self._content = content
        self._offset = offset

    def url(self) -> str | None:
        """Nobody is sent to a part of an object."""
        return None

    def read(self, start: int, stop: int, /) -> Generator[bytes]:
        """Give some of them.

        Raises:
            NotFoundError: If they are not there.
            StorageError: If they cannot be read.
        """
        yield from self._content.read(self._offset + start, self._offset + stop)


class Inflated:
    """A file in a compressed layer. Whatever stands before it is unpacked and thrown away each time that it is read."""

    file: Path | None = None

    def __init__(self, blobs: StoredBlobs, layer: "Layer", offset: int) -> None:
        self._blobs = blobs
        self._layer = layer
        self._offset = offset

    def url(self) -> str | None:
        """Nobody is sent to what has to be unpacked."""
        return None

    def read(self, start: int, stop: int, /) -> Generator[bytes]:
        """Give some of its bytes.

        Raises:
            NotFoundError: If the layer is not there.
            InvalidError: If it cannot be unpacked.
            LimitExceededError: If it unpacks to too much.
            StorageError: If it cannot be read.
        """
        from orchard.project import plain  # noqa: PLC0415 -- few hubs are asked for such a file

        if self._offset + stop > MAX_INFLATED:
            raise LimitExceededError(
                f"{self._layer.path}: too deep in a compressed layer to be given by itself; pull the version instead"
            )
        with self._blobs.open(self._layer.descriptor) as body:
            inside = plain(self._layer, body)
            with _unpacking:
                for _ in self._pieces(inside, self._offset + start):
                    continue
            yield from self._pieces(inside, stop - start)

    def _pieces(self, body: Readable, left: int) -> Iterator[bytes]:
        while left:
            piece = body.read(min(PIECE, left))
            if not piece:
                raise IntegrityError(f"{self._layer.descriptor.digest}: is shorter than the index of its files says")
            left -= len(piece)
            yield piece
