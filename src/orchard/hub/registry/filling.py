"""Blobs on their way from another registry: fetched once, given at once to all who wait, kept when they are sound.

The bytes go into an upload of ours, which alone decides whether they are what their digest says, and into a file that
those who wait read from behind. The last byte is given only after the upload has become a blob: whoever got all has got
what was promised, and finds it here the next time.
"""

import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from functools import partial
from io import FileIO
from pathlib import Path
from threading import Condition, Lock, Semaphore, Thread
from typing import Final

from orchard.errors import IntegrityError, OrchardError, StorageError
from orchard.hub.catalog import Blob
from orchard.hub.registry.uploading import OpenUpload
from orchard.oci import Digest, Readable

AT_ONCE: Final = 16  # blobs that are fetched at the same time; others wait for their turn
PIECE: Final = 1 << 20

Open = Callable[[], AbstractContextManager[Readable]]
Begin = Callable[[], OpenUpload]


class Fill:
    """One blob on its way.

    Attributes:
        blob: Which.
    """

    def __init__(self, blob: Blob, spool: FileIO) -> None:
        self.blob = blob
        self._spool = spool
        self._changed = Condition()
        self._there = 0
        self._failure: OrchardError | None = None
        self._over = False

    @property
    def there(self) -> int:
        """Bytes that can be read without waiting."""
        with self._changed:
            return self._there

    def run(self, source: Open, begin: Begin) -> None:
        """Fetch it. Never raises: who waits is told."""
        failure: OrchardError | None = None
        try:
            self._copy(source, begin)
        except OrchardError as error:
            failure = error
        except OSError as error:
            failure = StorageError(f"{self.blob.digest}: it cannot be kept: {error.strerror}")
        with self._changed:
            self._failure, self._over = failure, True
            if failure is None:
                self._there = self.blob.size
            self._changed.notify_all()

    def follow(self) -> int:
        """Give a handle to read from; to be closed by ``read``."""
        return os.dup(self._spool.fileno())

    def read(self, handle: int, start: int, stop: int) -> Generator[bytes]:
        """Give some of the bytes as they come.

        Raises:
            OrchardError: Why they do not come.
        """
        try:
            while start < stop:
                until = min(self._wait(start), stop, start + PIECE)
                piece = os.pread(handle, until - start, start)
                start += len(piece)
                yield piece
        finally:
            os.close(handle)

    def close(self) -> None:
        """Let go of the file; those who follow have handles of their own."""
        self._spool.close()

    def _copy(self, source: Open, begin: Begin) -> None:
        """Move the bytes.

        Raises:
            IntegrityError: If there are too few or too many, or they are others.
            OrchardError: As the other registry and our storage raise it.
            OSError: If the file cannot be written.
        """
        upload = begin()
        try:
            with source() as body:
                self._receive(body, upload)
            upload.commit(self.blob.digest)
        finally:
            upload.close()

    def _receive(self, body: Readable, upload: OpenUpload) -> None:
        left = self.blob.size
        while chunk := body.read(min(PIECE, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise IntegrityError(f"{self.blob.digest}: more than the {self.blob.size} bytes promised")
            upload.append([chunk])
            self._spool.write(chunk)
            with self._changed:
                self._there = min(self.blob.size - left, self.blob.size - 1)
                self._changed.notify_all()
        if left:
            raise IntegrityError(f"{self.blob.digest}: {left} of {self.blob.size} bytes are missing")

    def _wait(self, start: int) -> int:
        """Wait until there are bytes behind ``start``; give how many there are in all.

        Raises:
            OrchardError: Why there will be none.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._there > start or self._over)
            if self._there > start:
                return self._there
            assert self._failure is not None
            raise self._failure


class Fills:
    """All blobs that are on their way into this process, each fetched once.

    Args:
        directory: Where files stand meanwhile; they have no name there, and end with the process.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = Lock()
        self._running: dict[tuple[str, Digest], Fill] = {}
        self._turns = Semaphore(AT_ONCE)

    def there(self, repository: str, digest: Digest) -> int:
        """Tell how much of a blob has come so far; nothing if it is not on its way."""
        with self._lock:
            fill = self._running.get((repository, digest))
        return 0 if fill is None else fill.there

    def read(
        self, repository: str, blob: Blob, *, source: Open, begin: Begin, start: int, stop: int
    ) -> Generator[bytes]:
        """Give some bytes of a blob while it is fetched, be it begun by this call or not.

        Raises:
            StorageError: If it cannot be kept.
            OrchardError: As the other registry raises it.
        """
        with self._lock:
            fill = self._running.get((repository, blob.digest))
            new = fill is None
            if fill is None:
                fill = self._running[repository, blob.digest] = Fill(blob, self._spool())
            handle = fill.follow()
        if new:
            # Goes on when nobody waits any more: whoever lost his connection comes back for the rest
            work = partial(self._run, repository, fill, source=source, begin=begin)
            Thread(target=work, name="hub-fill", daemon=True).start()
        return fill.read(handle, start, stop)

    def _run(self, repository: str, fill: Fill, *, source: Open, begin: Begin) -> None:
        try:
            with self._turns:
                fill.run(source, begin)
        finally:
            with self._lock:
                del self._running[repository, fill.blob.digest]
                fill.close()

    def _spool(self) -> FileIO:
        """Open a file without a name.

        Raises:
            StorageError: If that fails.
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            return tempfile.TemporaryFile(dir=self._directory, buffering=0)
        except OSError as error:
            raise StorageError(f"{self._directory}: {error.strerror}") from error
