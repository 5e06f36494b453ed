"""What the process that reads tables and the one that gives it bytes say to each other over a pair of sockets.

The worker leads: it asks for bytes, then says what it found. Each message is a letter, a length and that many bytes.

    R  worker   offset (8 bytes), size (4 bytes): read these bytes of the file
    D  worker   what was found, as JSON
    J  giver    the next file, as JSON
    B  giver    bytes that were asked for
    F  giver    the bytes cannot be had
"""

import socket
import struct
import time
from collections.abc import Callable
from typing import Final

READ: Final = b"R"
DONE: Final = b"D"
JOB: Final = b"J"
BYTES: Final = b"B"
FAILED: Final = b"F"

MOST: Final = 4 << 20  # bytes that one read asks for
_HEAD: Final = struct.Struct(">cI")
_PLACE: Final = struct.Struct(">QI")


class Line:
    """One end of the pair.

    Args:
        end: The socket.
        limit: Bytes that a message may have.
        left: Gives the seconds that everything may still take; forever where it is not given.
    """

    def __init__(self, end: socket.socket, *, limit: int, left: Callable[[], float] | None = None) -> None:
        self._end = end
        self._limit = limit
        self.left = left

    def send(self, kind: bytes, body: bytes = b"") -> None:
        """Say something.

        Raises:
            OSError: If the other side is gone, or does not listen in time.
        """
        self._hurry()
        self._end.sendall(_HEAD.pack(kind, len(body)))
        self._end.sendall(body)

    def receive(self) -> tuple[bytes, bytes]:
        """Wait for a message: its letter and its content; an empty letter where the other side has ended.

        Raises:
            OSError: If none comes in time, or one that is too long.
        """
        head = self._exactly(_HEAD.size)
        if not head:
            return b"", b""
        kind, size = _HEAD.unpack(head)
        if size > self._limit:
            raise OSError(f"a message of {size} bytes")
        body = self._exactly(size)
        return (kind, body) if len(body) == size else (b"", b"")

    def _exactly(self, size: int) -> bytes:
        """Read so many bytes, or none where the other side ends before."""
        got = bytearray(size)
        view = memoryview(got)
        at = 0
        while at < size:
            self._hurry()
            count = self._end.recv_into(view[at:])
            if not count:
                return b""
            at += count
        return bytes(got)

    def _hurry(self) -> None:
        if self.left is not None:
            left = self.left()
            if left <= 0:
                raise TimeoutError
            self._end.settimeout(left)


def pack_place(offset: int, size: int) -> bytes:
    """Write which bytes are wanted."""
    return _PLACE.pack(offset, size)


def unpack_place(body: bytes) -> tuple[int, int]:
    """Read which bytes are wanted.

    Raises:
        OSError: If that is no such message.
    """
    try:
        offset, size = _PLACE.unpack(body)
    except struct.error as error:
        raise OSError("not a place in a file") from error
    return offset, size


def until(seconds: float, now: Callable[[], float] = time.monotonic) -> Callable[[], float]:
    """Start a clock that says how many of these seconds are left."""
    end = now() + seconds
    return lambda: end - now()
