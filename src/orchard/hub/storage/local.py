"""The bytes of a blob that are a file of this machine."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Final

from orchard.errors import NotFoundError, StorageError

_PIECE: Final = 512 << 10  # bytes read at once: of 256 KiB to 2 MiB this was the fastest, and a slow client keeps some


class LocalContent:
    """A file that holds exactly the bytes of one blob."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def file(self) -> Path | None:
        """The file."""
        return self._path

    def url(self) -> None:
        """Nobody but this machine can get it."""
        return

    def read(self, start: int, stop: int) -> Generator[bytes]:
        """Give some of the bytes, in pieces of at most 512 KiB.

        Raises:
            NotFoundError: If the file is not there.
            StorageError: If it cannot be read, or ends before ``stop``.
        """
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotFoundError(f"the bytes of {self._path.name} are not there") from error
        except OSError as error:
            raise StorageError(f"blob {self._path.name}: {error.strerror}") from error
        try:
            yield from self._pieces(handle, start, stop)
        finally:
            os.close(handle)

    def _pieces(self, handle: int, start: int, stop: int) -> Generator[bytes]:
        while start < stop:
            try:
                piece = os.pread(handle, min(_PIECE, stop - start), start)
            except OSError as error:
                raise StorageError(f"blob {self._path.name}: {error.strerror}") from error
            if not piece:
                raise StorageError(f"blob {self._path.name}: the file ends at byte {start}")
            start += len(piece)
            yield piece
