"""The files of a version, read where they lie: in the local store or in a registry."""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from threading import RLock
from typing import BinaryIO, Final, Self, cast

from orchard.errors import IntegrityError, LimitExceededError, UnsafePathError
from orchard.formats import FileIndex, IndexedFile, Layer, LayerFiles, LayerFormat, clean_path
from orchard.oci import Digest, Hasher
from orchard.project.indexcache import IndexCache
from orchard.project.indexing import Indexer
from orchard.project.layeraccess import LayerAccess, LayerWays
from orchard.project.rangedfile import FIRST, RangedFile
from orchard.project.versions import Version
from orchard.store import LocalRepository, Source

AT_ONCE: Final = 4  # layers of a registry whose headers are read
MAX_READ: Final = 1 << 30  # bytes that one call gives, unless it is told otherwise


@dataclass(frozen=True, slots=True)
class Held:
    """Layers and where they are.

    Attributes:
        source: Where they are.
        layers: Which ones.
        cache: What is known of them already.
        verify: Whether to read nothing of them that has not been verified.
        hashed: Whether the digest of every file is wanted; layers are read whole for it.
    """

    source: Source
    layers: tuple[Layer, ...]
    cache: IndexCache | None = None
    verify: bool = False
    hashed: bool = False


class OpenFiles:
    """The files of one version, read-only. Close it, or use it as a context. Safe to use from many threads.

    What is read in parts is not verified: a digest names the whole of a layer. A whole file is verified where its
    digest is known: where the layer is one bare file, as in a ModelPack, and where the index was made of a layer that
    was read whole. With ``verify``, or where a layer is compressed, the layer is copied to a temporary file and
    verified before the first byte of it is given.

    Args:
        version: What to read.
        own: Its layers.
        parents: Gives the layers that other versions bring to it, such as the model; asked for when a file is not in
            its own.

    Attributes:
        version: What it is.
        resources: Closed with it.
    """

    def __init__(self, version: Version, own: Held, parents: Callable[[], Sequence[Held]] = tuple) -> None:
        self.version = version
        self.resources = ExitStack()
        self._parents: Callable[[], Sequence[Held]] | None = parents
        self._layers: list[Layer] = []
        self._shelves: dict[Digest, _Shelf] = {}
        self._index: FileIndex | None = None
        self._partial: dict[tuple[int, ...], FileIndex] = {}
        self._found: dict[int, LayerFiles] = {}
        self._lock = RLock()
        self._take(own)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete temporary copies, and close ``resources``."""
        for shelf in self._shelves.values():
            shelf.ways.close()
        self.resources.close()

    @property
    def index(self) -> FileIndex:
        """Every file. Made once: of each layer that is a tar the headers are read.

        Raises:
            InvalidError: If a layer is not sound, or holds what unpacking would refuse.
            OrchardError: As the store or the registry raises it.
        """
        with self._lock:
            if self._index is None:
                self._take_parents()
                self._look_ahead()
                self._index = FileIndex((layer, self._files(number)) for number, layer in enumerate(self._layers))
            return self._index

    def list(self, path: str = "") -> tuple[IndexedFile, ...]:
        """Give the files below a directory, sorted by path; all of them without one.

        Raises:
            NotFoundError: If there is neither a directory nor a file of this path.
            OrchardError: As ``index``.
        """
        clean = _clean(path)
        found = self.index.below(clean)
        if not found and not self.index.is_directory(clean):
            self.index.file(clean)
        return found

    def file(self, path: str) -> IndexedFile:
        """Find one file; only the layers that may hold it are looked at.

        Raises:
            NotFoundError: If there is none.
            OrchardError: As ``index``.
        """
        clean = _clean(path)
        with self._lock:
            if self._index is None:
                found = self._look(clean)
                if found is None and self._take_parents():
                    found = self._look(clean)
                if found is not None:
                    return found
        return self.index.file(clean)

    def read(self, path: str, *, offset: int = 0, size: int | None = None, limit: int = MAX_READ) -> bytes:
        """Read a file, or a part of it, into memory.

        A whole file is compared with its digest where that is known.

        Args:
            path: Which file.
            offset: Bytes to leave out.
            size: Bytes to give at most; up to the end if not given.
            limit: Bytes to hold in memory at most.

        Raises:
            NotFoundError: If there is no such file.
            LimitExceededError: If that is more than ``limit`` bytes; ``open`` reads files of any size.
            IntegrityError: If the content is not the promised one.
            OrchardError: As the store or the registry raises it.
        """
        file = self.file(path)
        start = min(max(offset, 0), file.size)
        count = file.size - start if size is None else min(max(size, 0), file.size - start)
        if count > limit:
            raise LimitExceededError(f"{file.path}: {count} bytes, at most {limit} are read at once; open it instead")
        data = self._ways(file.layer).to(file.layer).read_at(file.offset + start, count) if count else b""
        if count == file.size and file.digest is not None:
            _check(Digest.of(data, Digest.parse(file.digest).algorithm), file)
        return data

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading from any place; what is read ahead grows while it is read on.

        Raises:
            NotFoundError: If there is no such file.
            OrchardError: As the store or the registry raises it; reads of the file as well.
        """
        file = self.file(path)
        return cast("BinaryIO", io.BufferedReader(RangedFile(self.part(file), file.path), FIRST))

    def stream(self, path: str, *, offset: int = 0, size: int | None = None) -> Iterator[bytes]:
        """Give a file, or a part of it, in pieces, whatever its size, with one request.

        A whole file whose digest is known is hashed on the way; where it is not the promised one, that is raised
        in place of the end.

        Raises:
            NotFoundError: If there is no such file.
            IntegrityError: If the content is not the promised one.
            OrchardError: As the store or the registry raises it.
        """
        file = self.file(path)
        start = min(max(offset, 0), file.size)
        count = file.size - start if size is None else min(max(size, 0), file.size - start)
        pieces = self._ways(file.layer).pieces(file.layer, file.offset + start, count)
        if count < file.size or file.digest is None:
            yield from pieces
            return
        hasher = Hasher(Digest.parse(file.digest).algorithm)
        for piece in pieces:
            hasher.update(piece)
            yield piece
        _check(hasher.digest, file)

    def part(self, file: IndexedFile) -> "FilePart":
        """Give a file as bytes that can be read from any place."""
        return FilePart(self._ways(file.layer).to(file.layer), file.offset, file.size)

    def is_far(self, file: IndexedFile) -> bool:
        """Tell whether a file is read from a registry."""
        return self._shelves[file.layer.descriptor.digest].far

    def _look(self, path: str) -> IndexedFile | None:
        """Look for a file in those layers alone whose entry says that it may be there."""
        likely = tuple(number for number, layer in enumerate(self._layers) if _may_hold(layer, path))
        if likely not in self._partial:
            self._partial[likely] = FileIndex((self._layers[number], self._files(number)) for number in likely)
        return self._partial[likely].find(path)

    def _look_ahead(self) -> None:
        """Look into several layers of a registry at once: each costs a request or two."""
        far = [
            number
            for number, layer in enumerate(self._layers)
            if number not in self._found and self._shelves[layer.descriptor.digest].far
        ]
        if len(far) > 1:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 -- the local store needs none

            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="index") as pool:
                for _ in pool.map(self._files, far):
                    continue

    def _files(self, number: int) -> LayerFiles:
        if number not in self._found:
            layer = self._layers[number]
            ways = self._ways(layer)
            # Of a compressed layer the list alone costs no copy, and the copy may never be asked for.
            needless = layer.type.format is LayerFormat.RAW or (ways.copies(layer) and not ways.verify)
            way = None if needless else ways.to(layer)
            self._found[number] = self._shelves[layer.descriptor.digest].indexer.index(layer, way)
        return self._found[number]

    def _ways(self, layer: Layer) -> LayerWays:
        return self._shelves[layer.descriptor.digest].ways

    def _take(self, held: Held) -> None:
        shelf = _Shelf(
            LayerWays(held.source, verify=held.verify),
            Indexer(held.source, cache=held.cache, hashed=held.hashed),
            far=not isinstance(held.source, LocalRepository),
        )
        for layer in held.layers:
            self._layers.append(layer)
            self._shelves.setdefault(layer.descriptor.digest, shelf)

    def _take_parents(self) -> bool:
        """Take in what other versions bring, once; tell whether that was anything."""
        if self._parents is None:
            return False
        before = len(self._layers)
        for held in self._parents():
            self._take(held)
        self._parents = None
        return len(self._layers) > before


@dataclass(frozen=True, slots=True)
class _Shelf:
    """How layers of one source are read, and how it is found out what is in them."""

    ways: LayerWays
    indexer: Indexer
    far: bool


class FilePart:
    """One file within a layer; an ``insight.RandomAccess``."""

    def __init__(self, layer: LayerAccess, offset: int, size: int) -> None:
        self._layer = layer
        self._offset = offset
        self.size = size

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Read exactly these bytes of the file."""
        return self._layer.read_at(self._offset + offset, size)


def _clean(path: str) -> str:
    try:
        clean = clean_path(path)
    except UnsafePathError:
        return path  # which no file has
    return "" if clean == "." else clean


def _may_hold(layer: Layer, path: str) -> bool:
    entry = layer.path
    with suppress(UnsafePathError):
        entry = clean_path(entry)
    return entry in {".", path} or path.startswith(entry + "/")


def _check(actual: Digest, file: IndexedFile) -> None:
    """Compare a whole file with what is known of it.

    Raises:
        IntegrityError: If it is another one.
    """
    if str(actual) != file.digest:
        raise IntegrityError(f"{file.path}: the content does not match {file.digest}; it is {actual}")
