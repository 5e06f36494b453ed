"""The files of a layout: ``blobs/<algorithm>/<hex>``, and ``ingest/`` where they are made.

A blob appears complete and verified, or not at all; its bytes are on the disk by then. Its name is when the index names
a document that needs it: once for all of them, because each flush of a directory waits for the journal. A path comes
from a ``Digest`` alone, and a symbolic link in the place of a blob is no blob.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import msgspec

from orchard.errors import IntegrityError, InvalidDigestError, NotFoundError, StorageError
from orchard.oci import (
    ALGORITHMS,
    BLOCK,
    STRIDE,
    Descriptor,
    Digest,
    Fillable,
    Hasher,
    Pieces,
    Readable,
    Ring,
    Verifying,
    chunks,
    read_ahead,
)
from orchard.store.base import Source
from orchard.store.disk import guarded, make_directory
from orchard.store.locks import locked, locked_if_free, take
from orchard.store.making import Making, make
from orchard.store.reading import BlobReader
from orchard.store.spool import Spool

# O_NONBLOCK, so that a pipe in the place of a blob does not hang its reader.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PARTIAL: Final = ".partial"

DEPTH: Final = 4  # pieces of ``STRIDE`` that are received and hashed before they are written


class Ingested(msgspec.Struct, frozen=True):
    """What became of a stream.

    Attributes:
        descriptor: The name of the content.
        new: Whether the store did not have it before.
    """

    descriptor: Descriptor
    new: bool


class Blobs:
    """Content by digest, in files."""

    def __init__(self, root: Path) -> None:
        self._blobs = root / "blobs"
        self._ingest = root / "ingest"
        self._lock = root / "writers.lock"

    def writing(self) -> AbstractContextManager[None]:
        """Hold the sweep off while the block runs.

        Raises:
            StorageError: If the store cannot be written.
        """
        return locked(self._lock, shared=True)

    def alone(self) -> AbstractContextManager[bool]:
        """Hold all writers off while the block runs, or tell that there are some.

        Raises:
            StorageError: If the store cannot be written.
        """
        return locked_if_free(self._lock)

    def path(self, digest: Digest) -> Path:
        """Give the place of a blob, whether it is there or not."""
        return self._blobs / digest.algorithm / digest.hex

    def has(self, content: Descriptor) -> bool:
        """Tell whether there is a blob of this name and size."""
        try:
            there = self.path(content.digest).lstat()
        except OSError:
            return False
        return stat.S_ISREG(there.st_mode) and there.st_size == content.size

    @contextmanager
    def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:
        """Open a blob for reading, from ``offset`` bytes on.

        Raises:
            NotFoundError: If it is not there.
            StorageError: If it cannot be read.
        """
        path = self.path(content.digest)
        try:
            file = os.open(path, _READ)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFoundError(f"{content.digest} is not in the local store") from error
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from error
        try:
            there = os.fstat(file)
            if not stat.S_ISREG(there.st_mode):
                raise StorageError(f"{path}: not a regular file; remove it and get the content again")
            os.lseek(file, offset, os.SEEK_SET)
            yield BlobReader(file, path, size=there.st_size - offset)
        finally:
            os.close(file)

    def push(self, content: Descriptor, source: Source) -> None:
        """Take content from a source, going on where an earlier run was cut off.

        Raises:
            IntegrityError: If the source gave other bytes than promised; nothing is kept then.
            StorageError: If the disk is full or fails; nothing is kept then.
        """
        spool = self._spool_for(content)
        try:
            self._refuse_full(content.size - spool.size)
        except StorageError:
            self._interrupt(spool, self._partial_path(content.digest))
            raise
        try:
            _fill_anyhow(spool, content, source)
            spool.place(self.path(content.digest))
        except (IntegrityError, StorageError):
            spool.discard()
            raise
        except BaseException:
            self._interrupt(spool, self._partial_path(content.digest))
            raise

    def ingest(self, body: Iterable[bytes] | Fillable, media_type: str, *, algorithm: str = "sha256") -> Ingested:
        """Take content whose name is not known yet; produce and hash it in one thread while another writes.

        Raises:
            InvalidDigestError: If the algorithm is not supported.
            StorageError: If the disk is full or fails; nothing is kept then.
        """
        hasher = Hasher(algorithm)
        spool = self._temporary()
        try:
            with Ring(body if isinstance(body, Fillable) else Pieces(body), hasher) as ring:
                for block in ring:
                    spool.write_block(block)
                    ring.give_back(block)
            content = Descriptor(media_type=media_type, digest=hasher.digest, size=hasher.size)
            new = not self.has(content)
            if new:
                spool.place(self.path(content.digest))
        except BaseException:
            spool.discard()
            raise
        if not new:
            spool.discard()
        return Ingested(content, new)

    def gather(self, key: str, making: Making, media_type: str) -> Ingested:
        """Take content that is made on the way, going on where an earlier run with the same key was cut off.

        Args:
            key: Letters, digits and dashes; equal for equal content only.
            making: How to make it.
            media_type: Of the content.

        Raises:
            IntegrityError: If the content is not what it should be; nothing is kept then.
            StorageError: If the disk is full or fails; nothing is kept then.
        """
        path = self._ingest / f"{key}{_PARTIAL}"
        spool = self._spool_at(path, making.size)
        try:
            self._refuse_full(making.size - spool.size)
            hasher = make(spool, making)
            content = Descriptor(media_type=media_type, digest=hasher.digest, size=hasher.size)
            new = not self.has(content)
            if new:
                spool.place(self.path(content.digest))
        except (IntegrityError, StorageError):
            spool.discard()
            raise
        except BaseException:
            self._interrupt(spool, path)
            raise
        if not new:
            spool.discard()
        return Ingested(content, new)

    def stored(self) -> Iterator[tuple[Digest, int]]:
        """List every blob with its size; files of other names are not ours and are passed over.

        Raises:
            StorageError: If a directory cannot be read.
        """
        for algorithm in ALGORITHMS:
            for file in _files(self._blobs / algorithm):
                with suppress(InvalidDigestError, FileNotFoundError):
                    yield Digest(algorithm, file.name), file.stat(follow_symlinks=False).st_size

    def remove(self, digest: Digest) -> None:
        """Delete a blob.

        Raises:
            StorageError: If it is there and cannot be deleted.
        """
        path = self.path(digest)
        with guarded(path):
            path.unlink(missing_ok=True)

    def clear_ingest(self, *, partials: bool, rehearse: bool = False) -> int:
        """Delete what interrupted runs left; call it only while nobody writes, or to rehearse.

        Args:
            partials: Whether to delete also what a later run would go on with.
            rehearse: Whether to count only.

        Returns:
            How many bytes that frees.

        Raises:
            StorageError: If a file cannot be deleted.
        """
        left = [file for file in _files(self._ingest) if partials or not file.name.endswith(_PARTIAL)]
        freed = sum(file.stat(follow_symlinks=False).st_size for file in left)
        for path in () if rehearse else [Path(file.path) for file in left]:
            with guarded(path):
                path.unlink()
        return freed

    def _spool_for(self, content: Descriptor) -> Spool:
        return self._spool_at(self._partial_path(content.digest), content.size)

    def _spool_at(self, path: Path, size: int) -> Spool:
        """Open the partial file of large content; where another writer holds it, or for small content, a fresh one."""
        if size <= BLOCK:
            return self._temporary()
        make_directory(self._ingest)
        spool = Spool(path)
        if not take(spool.file) or not spool.is_at(path):
            spool.close()
            return self._temporary()
        # Whole blocks only, so that writing goes on aligned.
        spool.cut(min(spool.size, size) // BLOCK * BLOCK)
        return spool

    def _temporary(self) -> Spool:
        make_directory(self._ingest)
        return Spool(self._ingest / os.urandom(16).hex())

    def _partial_path(self, digest: Digest) -> Path:
        return self._ingest / f"{digest.algorithm}-{digest.hex}{_PARTIAL}"

    def _interrupt(self, spool: Spool, path: Path) -> None:
        """Keep what a later run can go on with."""
        if spool.size >= BLOCK and spool.is_at(path):
            spool.keep()
        else:
            spool.discard()

    def _refuse_full(self, needed: int) -> None:
        """Fail before the transfer, not at its end.

        Raises:
            StorageError: If the file system has less space than is needed.
        """
        with guarded(self._ingest):
            disk = os.statvfs(self._ingest)
        free = disk.f_bavail * disk.f_frsize
        if needed > free:
            raise StorageError(f"disk full: {self._ingest.parent}: {needed} bytes are needed, {free} are free")


class _Continued:
    """The bytes that a spool has, then the rest from the source, which is asked only when it is needed."""

    def __init__(self, spool: Spool, content: Descriptor, source: Source) -> None:
        self._spool = spool
        self._content = content
        self._source = source
        self._have = spool.size
        self._position = 0
        self._rest: Readable | None = None
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def read(self, size: int, /) -> bytes:
        if self._position < self._have:
            chunk = self._spool.read(min(size, self._have - self._position), self._position)
            self._position += len(chunk)
            return chunk
        if self._rest is None and self._have < self._content.size:
            self._rest = self._exits.enter_context(self._source.open(self._content, self._have))
        return b"" if self._rest is None else self._rest.read(size)


def _fill_anyhow(spool: Spool, content: Descriptor, source: Source) -> None:
    """Fill a spool; where an earlier run left bytes that are wrong, start over, so that they cannot spoil every retry.

    Raises:
        IntegrityError: If the source gave other bytes than promised.
    """
    resumed = spool.size > 0
    try:
        _fill(spool, content, source)
    except IntegrityError:
        if not resumed:
            raise
        spool.cut(0)
        _fill(spool, content, source)


def _fill(spool: Spool, content: Descriptor, source: Source) -> None:
    """Bring a spool to its full, verified content."""
    have = spool.size
    with _Continued(spool, content, source) as body:
        verified = Verifying(body, content)
        while have:
            have -= len(verified.read(min(STRIDE, have)))
        if content.size <= BLOCK:
            for chunk in chunks(verified):  # a thread would cost more than it hides
                spool.write(chunk)
            return
        with read_ahead(chunks(verified, STRIDE), depth=DEPTH) as pieces:
            for piece in pieces:
                spool.write(piece)


def _files(directory: Path) -> list[os.DirEntry[str]]:
    with guarded(directory):
        try:
            return sorted(os.scandir(directory), key=lambda entry: entry.name)
        except FileNotFoundError:
            return []
