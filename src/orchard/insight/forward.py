"""Bytes that are read forward only: those of a part of a file, plain or compressed, within bounds."""

from typing import Final, Protocol

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.access import RandomAccess

MAX_INFLATED: Final = 32 << 20  # bytes that come out of anything compressed, whatever it claims
_LZMA_MEMORY: Final = 80 << 20  # bytes; the largest preset of xz wants 65 MiB
_PIECE: Final = 64 << 10


class Forward(Protocol):
    """What a walk through a stream needs; ``Cursor`` is one."""

    position: int
    what: str

    def take(self, size: int, /) -> bytes:
        """Read exactly so many bytes.

        Raises:
            InvalidDocumentError: If there are fewer.
        """
        ...

    def skip(self, size: int, /) -> None:
        """Pass over so many bytes.

        Raises:
            InvalidDocumentError: If there are fewer.
        """
        ...

    def ahead(self) -> memoryview:
        """Look at what has been read already, from the position on; maybe nothing."""
        ...


class Section:
    """A part of a file, as a file of its own.

    Args:
        source: The whole file.
        offset: Where the part begins in it.
        size: Bytes of it, all within the file.
    """

    def __init__(self, source: RandomAccess, offset: int, size: int) -> None:
        self._source = source
        self._offset = offset
        self.size = size

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Read exactly these bytes.

        Raises:
            OrchardError: If they cannot be had.
        """
        return self._source.read_at(self._offset + offset, size)


class _Squeezed(Protocol):
    """What the standard library's decompressors have in common, but for where they keep what is left."""

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class Inflated:
    """What a compressed file holds, read forward; a bomb ends at ``MAX_INFLATED``.

    Args:
        source: The compressed bytes.
        method: ``zlib``, ``gzip``, ``deflate``, ``bz2``, ``xz`` or ``lzma``.
        what: How errors call it.

    Attributes:
        position: Bytes of the content before what is read next.
        what: How errors call it.
    """

    def __init__(self, source: RandomAccess, method: str, *, what: str) -> None:
        self._source = source
        self._engine = _engine(method)
        self._read = 0  # compressed bytes
        self._rest = b""  # of them those that did not fit into the last piece
        self._buffer = b""
        self._at = 0
        self.position = 0
        self.what = what

    def take(self, size: int) -> bytes:
        """Read exactly so many bytes.

        Raises:
            InvalidDocumentError: If there are fewer, or they are damaged.
            LimitExceededError: If all before and these are too many.
        """
        if self.position + size > MAX_INFLATED:
            raise LimitExceededError(f"{self.what}: only the first {MAX_INFLATED} bytes that it expands to are read")
        parts = [self._buffer[self._at : self._at + size]]
        self._at += len(parts[0])
        missing = size - len(parts[0])
        while missing:
            self._buffer = self._more()
            parts.append(self._buffer[:missing])
            self._at = len(parts[-1])
            missing -= self._at
        self.position += size
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def skip(self, size: int) -> None:
        """Pass over so many bytes, which have to be decompressed all the same.

        Raises:
            InvalidDocumentError: If there are fewer, or they are damaged.
            LimitExceededError: If all before and these are too many.
        """
        while size:
            size -= len(self.take(min(size, _PIECE)))

    def ahead(self) -> memoryview:
        """Look at what has been decompressed already."""
        return memoryview(self._buffer)[self._at :]

    def _more(self) -> bytes:
        """Decompress a piece.

        Raises:
            InvalidDocumentError: If there is none, or it is damaged.
        """
        from lzma import LZMAError  # noqa: PLC0415 -- few files are compressed
        from zlib import error as zlib_error  # noqa: PLC0415 -- likewise

        piece = b""
        while not piece:
            if self._engine.eof:
                raise InvalidDocumentError(f"{self.what}: ends at byte {self.position} of what it expands to")
            try:
                piece = self._engine.decompress(self._fed(), _PIECE)
            except (zlib_error, LZMAError, OSError, EOFError, ValueError) as error:
                raise InvalidDocumentError(f"{self.what}: its compression is damaged: {error}") from error
            self._rest = getattr(self._engine, "unconsumed_tail", b"")
        return piece

    def _fed(self) -> bytes:
        """Give compressed bytes, none while the engine has enough of them.

        Raises:
            InvalidDocumentError: If there are no more.
        """
        if self._rest or not getattr(self._engine, "needs_input", True):
            return self._rest
        size = min(_PIECE, self._source.size - self._read)
        if not size:
            raise InvalidDocumentError(f"{self.what}: ends within its compressed bytes")
        self._read += size
        return self._source.read_at(self._read - size, size)


def _engine(method: str) -> _Squeezed:
    # Few files are compressed, and each in one way.
    if method == "bz2":
        from bz2 import BZ2Decompressor  # noqa: PLC0415

        return BZ2Decompressor()
    if method in {"xz", "lzma"}:
        from lzma import FORMAT_ALONE, FORMAT_XZ, LZMADecompressor  # noqa: PLC0415

        return LZMADecompressor(FORMAT_XZ if method == "xz" else FORMAT_ALONE, memlimit=_LZMA_MEMORY)
    from zlib import MAX_WBITS, decompressobj  # noqa: PLC0415

    return decompressobj({"zlib": MAX_WBITS, "gzip": 16 + MAX_WBITS, "deflate": -MAX_WBITS}[method])
