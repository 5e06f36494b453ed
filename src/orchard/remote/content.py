"""The bytes of one blob on their way out: hashed once, in order, and given again from any earlier offset.

An upload may have to go back (the connection broke, the token ran out, the registry kept less than was sent). Hashing
everything again each time would make a flaky link cost minutes for a large blob, so bytes that were hashed already are
read again but not hashed again; the registry checks the whole anyway. What has never been sent is never sent
unverified: the last piece is held back until the hash of all is known to be right.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

from orchard.errors import IntegrityError, OrchardError, StorageError
from orchard.oci import CHUNK, Descriptor, Readable, Verifying, read_ahead
from orchard.store import Source


class Content:
    """A blob from a source; close it to close the source's stream.

    Attributes:
        wanted: What it is.
        failure: What went wrong while reading it, if anything did.
    """

    def __init__(self, wanted: Descriptor, source: Source) -> None:
        self.wanted = wanted
        self.failure: BaseException | None = None
        self._source = source
        self._stack = ExitStack()
        self._fresh: Readable | None = None
        self._hashed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._stack.close()

    @property
    def hashed(self) -> int:
        """How many bytes have been read and hashed so far; none beyond have ever been sent."""
        return self._hashed

    def catch_up(self, offset: int) -> None:
        """Read and hash the bytes up to an offset without sending them, because the registry has them already.

        Raises:
            IntegrityError: If they are all, and not the promised ones.
            StorageError: If the source cannot be read.
            OrchardError: Whatever else the source raises.
        """
        with read_ahead(self.pieces(self._hashed, offset)) as pieces:
            for _ in pieces:
                continue

    def window(self, start: int, end: int) -> "Window":
        """Give a request body of the bytes from ``start`` up to ``end``."""
        return Window(self, start, end)

    def pieces(self, start: int, end: int) -> Iterator[bytes]:
        """Read the bytes from ``start`` up to ``end``, which may not begin beyond what was read before.

        Raises:
            IntegrityError: If they turn out not to be the promised ones; the last piece is not given then.
            StorageError: If the source cannot be read.
            OrchardError: Whatever else the source raises.
        """
        try:
            yield from self._held_back(start, end)
        except OSError as error:
            self.failure = StorageError(f"{self.wanted.digest}: cannot be read: {error.strerror or error}")
            raise self.failure from error
        except OrchardError as error:
            self.failure = error
            raise

    def _held_back(self, start: int, end: int) -> Iterator[bytes]:
        last = b""
        for piece in self._all(start, end):
            if last:
                yield last
            last = piece
        if end == self.wanted.size:
            self._finish()
        if last:
            yield last

    def _all(self, start: int, end: int) -> Iterator[bytes]:
        if start < self._hashed:
            stop = min(end, self._hashed)
            yield from self._again(start, stop)
            start = stop
        while start < end:
            piece = self._stream().read(min(CHUNK, end - start))
            self._hashed += len(piece)
            start += len(piece)
            yield piece

    def _again(self, start: int, stop: int) -> Iterator[bytes]:
        with self._source.open(self.wanted, start) as body:
            while start < stop:
                piece = body.read(min(CHUNK, stop - start))
                if not piece:
                    raise IntegrityError(f"{self.wanted.digest}: the source has become shorter while it was sent")
                start += len(piece)
                yield piece

    def _finish(self) -> None:
        """Let the stream compare the hash; it does so on the read that meets the end.

        Raises:
            IntegrityError: If it differs, or if there is more.
        """
        self._stream().read(1)

    def _stream(self) -> Readable:
        if self._fresh is None:
            self._fresh = Verifying(self._stack.enter_context(self._source.open(self.wanted)), self.wanted)
        return self._fresh


class Window:
    """Part of a blob as the body of a request."""

    def __init__(self, content: Content, start: int, end: int) -> None:
        self._content = content
        self._start = start
        self._end = end

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self._end - self._start

    @contextmanager
    def open(self) -> Iterator[bytes | Iterator[bytes]]:
        """Give the bytes; large parts are read and hashed in a thread of their own while the last ones are sent."""
        pieces = self._content.pieces(self._start, self._end)
        if self.size <= CHUNK:
            yield b"".join(pieces)
            return
        with read_ahead(pieces) as ahead:
            yield ahead
