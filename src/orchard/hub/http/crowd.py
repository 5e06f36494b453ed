"""When very many get blobs at once: less memory for each of them, at more work (ADR 0072).

A server that sends a file by itself keeps more than 1 MiB of it ready for each client, and one that is given pieces
keeps some of them. That is fast for those who can take it, and too much for a thousand who cannot.
"""

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Final

from orchard.errors import NotFoundError, StorageError
from orchard.hub.http.replies import Reply
from orchard.hub.http.threads import Threads

PARTS: Final = 16  # parts of files that leave in large pieces at once
PIECED: Final = 8  # such answers up to which a whole file leaves likewise: less time than if the server sends it
WHOLE: Final = 24  # further files that the server sends by itself at once
LARGE: Final = 1 << 20  # bytes of a file from which on it leaves in pieces: a small one is sent in one go either way
SIP: Final = 4 << 10  # bytes of one piece in a crowd, of which a client keeps twenty
_READ: Final = 16 << 10  # bytes that are read at once for them
_PAUSE: Final = 1.0  # seconds between two counts: one costs 3 microseconds for each open file
_LENGTH: Final = b"content-length"


class Crowd:
    """How many answers with long bodies are on their way.

    Args:
        count: Tells how many files of blobs are open.
        steady: Seconds, of a clock that never goes back.
    """

    def __init__(self, count: Callable[[], int] | None = None, steady: Callable[[], float] = time.monotonic) -> None:
        self._count = open_blobs if count is None else count
        self._steady = steady
        self._whole = 0  # at most: nobody tells when the server has sent one
        self._counted = -_PAUSE
        self._parts = 0

    def fit(self, answer: Reply) -> Reply:
        """Choose how a long answer leaves: fast, and in small pieces if too many others are on their way.

        One in pieces counts from now on, so that of many who ask at once no more are let through than there is room
        for: until ``sending`` it ends, or ``begin`` fails.
        """
        file = None if answer.content is None else answer.content.file
        if file is None:
            return answer
        part = _all_of(answer) if answer.part is None else answer.part
        most = PARTS if answer.part is not None else PIECED if len(part) >= LARGE else 0
        roomy = self._parts < most
        if not roomy and answer.part is None and self._has_room():
            return answer
        self._parts += 1
        if roomy:
            return replace(answer, part=part)
        return replace(answer, content=SippedFile(file), part=part, sip=SIP)

    async def begin(self, answer: Reply, threads: Threads) -> Reply:
        """Begin an answer that fits.

        Raises:
            NotFoundError: If its bytes are not there.
            StorageError: If they cannot be read.
        """
        try:
            return await answer.begin(threads)
        except BaseException:
            self._parts -= _is_counted(answer)
            raise

    @contextmanager
    def sending(self, answer: Reply) -> Iterator[None]:
        """Count an answer until it is sent."""
        try:
            yield
        finally:
            self._parts -= answer.begun is not None and _is_counted(answer)  # one to HEAD never began

    def _has_room(self) -> bool:
        if self._whole >= WHOLE and self._steady() - self._counted >= _PAUSE:
            self._counted = self._steady()
            self._whole = max(0, self._count() - self._parts)
        if self._whole >= WHOLE:
            return False
        self._whole += 1
        return True


def _is_counted(answer: Reply) -> bool:
    return answer.part is not None and answer.content is not None and answer.content.file is not None


def _all_of(answer: Reply) -> range:
    return range(next(int(value) for name, value in answer.headers if name == _LENGTH))


class SippedFile:
    """A blob that is a file, read a little at a time."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def url(self) -> None:
        """Nobody but this machine can get it."""
        return

    def read(self, start: int, stop: int) -> Generator[bytes]:
        """Give some of the bytes, in pieces of at most 16 KiB.

        Raises:
            NotFoundError: If the file is not there.
            StorageError: If it cannot be read, or ends before ``stop``.
        """
        try:
            with self.file.open("rb", buffering=0) as file:
                yield from self._pieces(file, start, stop)
        except FileNotFoundError as error:
            raise NotFoundError(f"the bytes of {self.file.name} are not there") from error
        except OSError as error:
            raise StorageError(f"blob {self.file.name}: {error.strerror}") from error

    def _pieces(self, file: FileIO, start: int, stop: int) -> Generator[bytes]:
        while start < stop:
            piece = os.pread(file.fileno(), min(_READ, stop - start), start)
            if not piece:
                raise StorageError(f"blob {self.file.name}: the file ends at byte {start}")
            start += len(piece)
            yield piece


def open_blobs() -> int:
    """Count the files of blobs that this process has open; none where the system does not tell."""
    found = 0
    with suppress(OSError):
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 -- a thousand Paths would cost more than the reading
            with suppress(OSError):
                found += "/blobs/" in os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115 -- likewise
    return found
