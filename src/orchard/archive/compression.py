"""Compressed layers: written with Go's frame, read with a bound on what may come out.

The bytes of a compressed layer depend on the version of the compressor; between tools only the digest of what is
inside, the diff ID, can be compared.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final, Literal, Protocol

from orchard.archive.limits import DEFAULTS, Limits
from orchard.archive.stream import gathered
from orchard.errors import InvalidError, LimitExceededError
from orchard.oci import CHUNK, Readable

Compression = Literal["gzip", "gzip-fastest", "zstd"]

# Go's compress/gzip writes no name, no time and the system 255, "unknown"; before that, 4 for the fastest level.
_GZIP_FRAME: Final = b"\x1f\x8b\x08\0\0\0\0\0"
_GZIP: Final = (zlib.Z_DEFAULT_COMPRESSION, b"\0\xff")
_GZIP_FASTEST: Final = (zlib.Z_BEST_SPEED, b"\x04\xff")

# Compressed bytes asked for at once. Few, because what is left of them is copied for every piece that comes out.
_PIECE: Final = 64 << 10


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /, max_length: int) -> bytes: ...


def compress(pieces: Iterable[bytes], kind: Compression) -> Iterator[bytes]:
    """Compress a stream into one gzip member or one zstd frame; equal input gives equal bytes on one machine."""
    return gathered(_compressed(pieces, _compressor(kind)))


def decompress(body: Readable, kind: Compression, limits: Limits = DEFAULTS, *, what: str = "the layer") -> Readable:
    """Open a compressed stream, which must be one gzip member or one zstd frame and nothing else.

    Reading it to the end reads the body to its end, so a body that verifies itself has done so then. Reads raise
    ``InvalidError`` for data that is broken, cut off or followed by anything, another member included, and
    ``LimitExceededError`` for data that unpacks to too much, altogether or for its size, or that asks for too much
    memory.
    """
    return _Decompressed(body, _decompressor(kind, limits, what=what), limits, what=what)


class _Decompressed:
    """A ``Readable`` of what a compressed body holds."""

    def __init__(self, body: Readable, decompressor: _Decompressor, limits: Limits, *, what: str) -> None:
        self._body = body
        self._decompressor = decompressor
        self._limits = limits
        self._what = what
        self._consumed = 0
        self._produced = 0
        self._full = False

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes.

        Raises:
            InvalidError: If the data is broken, cut off or followed by something.
            LimitExceededError: If it unpacks to more than we accept.
        """
        while size and not self._decompressor.eof:
            data = self._step(min(size, CHUNK))
            if data:
                self._account(len(data))
                return data
        if size and (self._decompressor.unused_data or self._body.read(1)):
            raise InvalidError(f"{self._what}: bytes follow the compressed data")
        return b""

    def _step(self, size: int) -> bytes:
        """Unpack what is waiting inside or the next piece of the body.

        Raises:
            InvalidError: If it is broken, or there is none.
        """
        data = b""
        if not self._full:
            data = self._body.read(_PIECE)
            self._consumed += len(data)
            if not data:
                raise InvalidError(f"{self._what}: ends within the compressed data")
        result = self._decompressor.decompress(data, size)
        self._full = len(result) == size
        return result

    def _account(self, size: int) -> None:
        """Count what has come out.

        Raises:
            LimitExceededError: If it is too much, altogether or for what went in.
        """
        limits = self._limits
        self._produced += size
        if self._produced > limits.total:
            raise LimitExceededError(f"{self._what}: unpacks to more than {limits.total} bytes")
        if self._produced > max(limits.ratio_after, limits.ratio * self._consumed):
            raise LimitExceededError(
                f"{self._what}: unpacks to more than {limits.ratio} times its size, as a decompression bomb does"
            )


# zstd is imported when it is used: few layers need it, and every command would pay for it.
def _compressor(kind: Compression) -> _Compressor:
    if kind == "zstd":
        from orchard.archive.zstandard import zstd_compressor  # noqa: PLC0415 -- see above

        return zstd_compressor()
    return _GzipCompressor(kind)


def _decompressor(kind: Compression, limits: Limits, *, what: str) -> _Decompressor:
    if kind == "zstd":
        from orchard.archive.zstandard import ZstdDecoder  # noqa: PLC0415 -- see above

        return ZstdDecoder(limits.window, what=what)
    return _GzipDecompressor(what=what)


def _compressed(pieces: Iterable[bytes], compressor: _Compressor) -> Iterator[bytes]:
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()


class _GzipCompressor:
    def __init__(self, kind: Compression) -> None:
        level, frame_end = _GZIP_FASTEST if kind == "gzip-fastest" else _GZIP
        self._frame = _GZIP_FRAME + frame_end
        self._deflate = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._crc = 0
        self._size = 0

    def compress(self, data: bytes, /) -> bytes:
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        return self._framed(self._deflate.compress(data))

    def flush(self) -> bytes:
        trailer = struct.pack("<II", self._crc, self._size & 0xFFFFFFFF)
        return self._framed(self._deflate.flush() + trailer)

    def _framed(self, data: bytes) -> bytes:
        data = self._frame + data
        self._frame = b""
        return data


class _GzipDecompressor:
    """zlib's object, made to keep its unused input itself as the one for zstd does."""

    def __init__(self, *, what: str) -> None:
        self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)  # checks header, CRC-32 and length
        self._what = what

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        waiting = self._inflate.unconsumed_tail
        try:
            return self._inflate.decompress(waiting + data if waiting else data, max_length)
        except zlib.error as error:
            raise InvalidError(f"{self._what}: no sound gzip data: {error}") from error
