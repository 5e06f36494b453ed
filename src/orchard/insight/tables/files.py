"""Files that libraries can read, made of what can be read from any place."""

import gzip
import io
import sys
import zlib
from typing import Any, BinaryIO, Final, cast

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.access import RandomAccess
from orchard.insight.datasets import Packing

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

AHEAD: Final = 64 << 10  # bytes of a buffer: readers of Parquet go forward in small steps
_MOST: Final = 4 << 20  # bytes of one read; whatever is asked for, nobody holds more in memory
_WINDOW: Final = 27  # 128 MiB: what zstd itself takes without being asked for more


class SourceFile(io.RawIOBase):
    """A file over a source, with an end to what may be read of it altogether.

    Args:
        source: The bytes.
        budget: How many of them are given in all.
    """

    def __init__(self, source: RandomAccess, *, budget: int) -> None:
        super().__init__()
        self._source = source
        self._position = 0
        self._budget = budget

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read from any place."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def tell(self) -> int:
        """Tell the place."""
        return self._position

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 -- the type of buffers is Python 3.12's
        """Read on, a piece at a time.

        Raises:
            LimitExceededError: If more is read than the budget.
            OrchardError: As the source raises it.
        """
        view = memoryview(buffer).cast("B")
        size = min(len(view), self._source.size - self._position, _MOST)
        if size <= 0:
            return 0
        self._budget -= size
        if self._budget < 0:
            raise LimitExceededError("more of the file would have to be read than a preview is worth")
        view[:size] = self._source.read_at(self._position, size)
        self._position += size
        return size


def buffered(source: RandomAccess, *, budget: int) -> BinaryIO:
    """Open a source for reading in small steps."""
    return cast("BinaryIO", io.BufferedReader(SourceFile(source, budget=budget), AHEAD))


class Unpacked:
    """The content of a file, in order, without the compression around it.

    Args:
        source: The file.
        packing: The compression.

    Attributes:
        packing: The same.
        size: Bytes of the file as it is stored.
    """

    def __init__(self, source: RandomAccess, packing: Packing) -> None:
        self.packing = packing
        self.size = source.size
        self._stored = buffered(source, budget=source.size + _MOST)
        self._file = _opened(self._stored, packing)

    @property
    def passed(self) -> int:
        """Bytes of the stored file that have been used so far."""
        return self._stored.tell()

    def read(self, size: int) -> bytes:
        """Read up to ``size`` bytes; none at the end.

        Raises:
            InvalidDocumentError: If the compression is broken.
            LimitExceededError: If it asks for too much memory.
            OrchardError: As the source raises it.
        """
        try:
            return self._file.read(size)
        except (OSError, EOFError, zlib.error, zstd.ZstdError, ValueError) as error:
            raise InvalidDocumentError(f"its compression is broken: {error}") from error
        except MemoryError as error:
            raise LimitExceededError("its compression asks for more memory than a preview is given") from error


def _opened(stored: BinaryIO, packing: Packing) -> BinaryIO:
    if packing == "gzip":
        return cast("BinaryIO", gzip.GzipFile(fileobj=stored, mode="rb"))
    if packing == "zstd":
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW}
        return cast("BinaryIO", zstd.ZstdFile(cast("Any", stored), "rb", options=options))
    return stored
