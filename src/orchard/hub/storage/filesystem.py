"""The embedded driver: blobs and unfinished uploads as files.

    <root>/blobs/<algorithm>/<first two hex digits>/<hex>     complete, verified, never changed
    <root>/uploads/<session id>                               the bytes received so far

A path is made of a ``Digest`` or of a checked session id, never of a name that somebody sent. A blob is published by
flushing the staged file, renaming it, and flushing the directories: then neither kill -9 nor a power cut loses it.
"""

import errno
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Final

from orchard.errors import IntegrityError, InvalidDigestError, NotFoundError, StorageError
from orchard.hub.storage.appending import GrowingFile
from orchard.hub.storage.hashing import Hashers
from orchard.hub.storage.local import LocalContent
from orchard.oci import ALGORITHMS, CHUNK, Digest, Hasher

_SESSION: Final = re.compile(r"[0-9a-f]{32}")
SPARE: Final = 0.05  # share of a disk that is kept free, so that the catalog can go on when uploads cannot
SPARE_MOST: Final = 10 << 30  # bytes that are enough, however large the disk is
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Filesystem:
    """Blobs and uploads below one directory, which no other process writes to.

    Args:
        root: The directory.
        spare: Share of its disk that uploads leave free.
        most: Bytes that are enough to leave free, however large the disk is.
        now: The time, in seconds since 1970.

    Attributes:
        hashers: For ``StagedFile``: the hashes of uploads that no request holds.
    """

    def __init__(
        self, root: Path, *, spare: float = SPARE, most: int = SPARE_MOST, now: Callable[[], float] = time.time
    ) -> None:
        self._root = root
        self._spare = spare
        self._now = now
        self._spare_most = most
        self.hashers = Hashers()
        self._naming = Lock()  # held while a blob gets or loses its name, so that none is erased that just came

    def path(self, digest: Digest) -> Path:
        """Name the file of a blob, be it there or not."""
        return self._root / "blobs" / digest.algorithm / digest.hex[:2] / digest.hex

    def content(self, digest: Digest) -> LocalContent:
        """Give the bytes of a blob, be they there or not."""
        return LocalContent(self.path(digest))

    def digests(self) -> Iterator[Digest]:
        """Name all blobs that have a file here, be they known to the catalog or not; in no order.

        Raises:
            StorageError: If they cannot be listed.
        """
        for algorithm in ALGORITHMS:
            for directory in _inside(self._root / "blobs" / algorithm):
                yield from _digests(algorithm, directory)

    def erase(self, digest: Digest, *, before: int | None = None) -> bool:
        """Forget the file of a blob, if it is there. Whoever calls it knows that nobody links the blob.

        Args:
            digest: The blob.
            before: A time in milliseconds since 1970; a file that was published since then stays.

        Gives whether there was one to forget.

        Raises:
            StorageError: If it cannot be removed.
        """
        path = self.path(digest)
        with _translated(f"blob {digest}"):
            with self._naming:
                if not _older(path, before):
                    return False
                path.unlink()
            _flush_directory(path.parent)
        return True

    def sweep(self, before: int) -> int:  # noqa: ARG002 -- of other drivers there is something left
        """Find nothing: every file here is a blob, or an upload."""
        return 0

    def create(self, session: str, algorithm: str) -> "StagedFile":
        """Begin an upload.

        Raises:
            InvalidDigestError: If the algorithm is not supported.
            StorageError: If the disk is full or fails.
        """
        path, hasher = self._staged(session), Hasher(algorithm)
        with _translated(f"upload {session}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.require_room()
            file = GrowingFile.open(path, new=True)
        self.hashers.put(session, hasher)
        return StagedFile(self, session, file)

    def resume(self, session: str) -> "StagedFile":
        """Go on with an upload, be it after a restart.

        Raises:
            NotFoundError: If there is none of this name.
            StorageError: If the disk fails.
        """
        with _translated(f"upload {session}"):
            try:
                file = GrowingFile.open(self._staged(session), new=False)
            except FileNotFoundError as error:
                raise NotFoundError(f"upload {session} is unknown; it is finished, or has expired") from error
        return StagedFile(self, session, file)

    def discard(self, session: str) -> None:
        """Forget an upload and its bytes, if there is one.

        Raises:
            StorageError: If the disk fails.
        """
        self.hashers.take(session)
        with _translated(f"upload {session}"):
            self._staged(session).unlink(missing_ok=True)

    def sessions(self) -> Iterable[str]:
        """Name all uploads that have bytes here."""
        uploads = self._root / "uploads"
        names = (path.name for path in uploads.iterdir()) if uploads.is_dir() else ()
        return [name for name in names if _SESSION.fullmatch(name)]

    def publish(self, session: str, digest: Digest) -> None:
        """Make a complete, flushed upload the blob of this name. For ``StagedFile``.

        Raises:
            StorageError: If the disk fails.
        """
        target = self.path(digest)
        with _translated(f"blob {digest}"):
            _make_directory(target.parent)
            staged = self._staged(session)
            at = self._now()
            os.utime(staged, (at, at))  # when it was published; else the file says when its last byte came
            with self._naming:
                # Over an older copy too: the bytes are the same, or the old ones have rotted.
                staged.replace(target)
            _flush_directory(target.parent)

    def require_room(self) -> None:
        """Refuse to fill the disk to its last byte. For ``StagedFile``.

        Raises:
            StorageError: If less is free than is to be left.
            OSError: If that cannot be told.
        """
        disk = os.statvfs(self._root)
        free, total = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        if free < min(total * self._spare, self._spare_most):
            raise StorageError(
                f"disk full: {free >> 20} MiB are free where {self._root} is, of {total >> 20}; no upload is taken"
                " before there is more: free some space and try again"
            )

    def _staged(self, session: str) -> Path:
        """Name the file of an upload.

        Raises:
            NotFoundError: If this cannot be a session's id.
        """
        if _SESSION.fullmatch(session) is None:
            raise NotFoundError("there is no such upload")
        return self._root / "uploads" / session


class StagedFile:
    """An upload that one request writes to. Whoever gets it sees to it that nobody else has it."""

    def __init__(self, files: Filesystem, session: str, file: GrowingFile) -> None:
        self._files = files
        self._session = session
        self._file = file
        self._hasher = files.hashers.of(session, file.size)
        self._published = False

    @property
    def size(self) -> int:
        """Bytes received so far."""
        return self._file.size

    def append(self, pieces: Sequence[bytes]) -> None:
        """Add bytes at the end: all of them, or none if that fails. The last of them may wait in memory.

        Raises:
            StorageError: If the disk is full or fails.
        """
        before = self.size
        try:
            with _translated(f"upload {self._session}"):
                self._files.require_room()
                self._take(pieces)
        except StorageError:
            self.rewind(before)
            raise

    def rewind(self, size: int) -> None:
        """Forget all bytes but the first ``size``; none of a blob that was made of them.

        Raises:
            StorageError: If the disk fails.
        """
        if self._published:
            return
        with _translated(f"upload {self._session}"):
            self._file.rewind(size)
        if self._hasher is not None and self._hasher.size != size:
            self._hasher = None

    def publish(self, digest: Digest) -> None:
        """Make the upload a blob, durably, if its bytes are those of the digest.

        Raises:
            IntegrityError: If they are not; the upload is as before.
            StorageError: If the disk is full or fails; likewise.
        """
        with _translated(f"blob {digest}"):
            self._file.flush()
            found = self._digest(digest.algorithm)
            if found != digest:
                raise IntegrityError(f"{digest}: the {self.size} bytes received are {found}")
            self._file.sync()
        self._published = True  # before it is: should that fail half-way, the file may be the blob's already
        self._files.publish(self._session, digest)
        self._hasher = None

    def close(self) -> None:
        """Let go of the file; the bytes stay for the next request.

        Raises:
            StorageError: If the last of them cannot be written.
        """
        try:
            with _translated(f"upload {self._session}"):
                self._file.flush()
        finally:
            self._file.close()
        if self._hasher is not None:
            self._files.hashers.put(self._session, self._hasher)

    def _take(self, pieces: Sequence[bytes]) -> None:
        hashed = None if self._hasher is None else self._files.hashers.feed(self._hasher, pieces)
        try:
            for piece in pieces:
                self._file.append(piece)
        finally:
            if hashed is not None:
                hashed.result()

    def _digest(self, algorithm: str) -> Digest:
        """Hash what is staged: usually done already, else the file is read again."""
        if self._hasher is not None and self._hasher.digest.algorithm == algorithm:
            return self._hasher.digest
        hasher = Hasher(algorithm)
        while chunk := self._file.read(CHUNK, hasher.size):
            hasher.update(chunk)
        return hasher.digest


def _older(path: Path, before: int | None) -> bool:
    """Tell whether there is a file, and it was published before a time."""
    try:
        published = path.stat().st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return False
    return before is None or published <= before


def _digests(algorithm: str, directory: Path) -> Iterator[Digest]:
    """Name the blobs of one directory, some 256th of all; whatever else somebody put there is left alone.

    Raises:
        StorageError: If they cannot be listed.
    """
    for path in _inside(directory):
        with suppress(InvalidDigestError):
            yield Digest.parse(f"{algorithm}:{path.name}")


def _inside(directory: Path) -> list[Path]:
    """List a directory, if there is one.

    Raises:
        StorageError: If it cannot be listed.
    """
    with _translated("the list of blobs"):
        try:
            return list(directory.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []


def _make_directory(path: Path) -> None:
    if not path.is_dir():
        _make_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        _flush_directory(path.parent)


def _flush_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageError(f"disk full: {what}: {error.strerror}; free some space and try again") from error
        raise StorageError(f"{what}: {error.strerror}") from error
