"""zstd, from the standard library where that has it (Python 3.14), from its backport elsewhere."""

import sys
from typing import Final

from orchard.errors import InvalidError, LimitExceededError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LEVEL: Final = 3
_WINDOW_TOO_LARGE: Final = "too much memory"  # libzstd's text for that error; it has no other sign of it


def zstd_compressor() -> zstd.ZstdCompressor:
    """Begin a frame."""
    return zstd.ZstdCompressor(level=_LEVEL)


class ZstdDecoder:
    """One frame, with a bound on the history that it may ask us to keep."""

    def __init__(self, window: int, *, what: str) -> None:
        bound: dict[int, int] = {zstd.DecompressionParameter.window_log_max: window.bit_length() - 1}
        self._inflate = zstd.ZstdDecompressor(options=bound)
        self._window = window
        self._what = what

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        """What was given after the end of the frame."""
        return self._inflate.unused_data

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        """Unpack the next bytes of the frame.

        Raises:
            InvalidError: If they are broken.
            LimitExceededError: If the frame asks for too much memory.
        """
        try:
            return self._inflate.decompress(data, max_length)
        except zstd.ZstdError as error:
            if _WINDOW_TOO_LARGE in str(error):
                raise LimitExceededError(
                    f"{self._what}: its zstd window is larger than {self._window} bytes"
                ) from error
            raise InvalidError(f"{self._what}: no sound zstd data: {error}") from error
