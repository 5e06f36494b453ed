"""A file object over a part of a layer: seekable, read-only, with a window that grows while it is read on."""

import io
import os
from typing import Any, Final, Protocol

FIRST: Final = 128 << 10  # bytes of the first read, and of the first one after a jump
LARGEST: Final = 8 << 20  # bytes of one read of a file that is read through


class _Part(Protocol):
    @property
    def size(self) -> int: ...

    def read_at(self, offset: int, size: int, /) -> bytes: ...


class RangedFile(io.RawIOBase):
    """One file of a version.

    Each read that its window does not hold is one read of the layer, of a registry one request. What goes wrong there
    is an ``OrchardError``.

    Args:
        part: The bytes.
        name: What the file is called.

    Attributes:
        name: What the file is called.
    """

    def __init__(self, part: _Part, name: str) -> None:
        super().__init__()
        self.name = name
        self._part = part
        self._position = 0
        self._start = 0
        self._window = b""
        self._next = FIRST

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._part.size

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read from any place."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place, which may lie beyond the end; nothing is read.

        Raises:
            ValueError: If the place lies before the start, or the file is closed.
        """
        self._require_open()
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}.get(whence)
        if base is None or base + offset < 0:
            raise ValueError(f"{self.name}: cannot seek to {offset} ({whence})")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Give the place in bytes from the start."""
        self._require_open()
        return self._position

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 -- the type of buffers is Python 3.12's
        """Read what one window holds, at most as much as the buffer takes.

        Raises:
            OrchardError: As the layer raises it.
        """
        self._require_open()
        view = memoryview(buffer).cast("B")
        at = self._position - self._start
        if not 0 <= at < len(self._window):
            self._fill(len(view))
            at = 0
        piece = memoryview(self._window)[at : at + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def readall(self) -> bytes:
        """Read up to the end."""
        self._require_open()
        parts: list[bytes] = []  # and not one buffer at once: the size is what the manifest claims
        while True:
            at = self._position - self._start
            if not 0 <= at < len(self._window):
                self._fill(LARGEST)
                at = 0
            if not self._window:
                return b"".join(parts)
            parts.append(self._window[at:])
            self._position += len(parts[-1])

    def _fill(self, wanted: int) -> None:
        left = max(self.size - self._position, 0)
        follows = self._position == self._start + len(self._window)
        self._next = min(2 * self._next, LARGEST) if follows and self._window else FIRST
        size = min(max(wanted, self._next), left)
        self._window = self._part.read_at(self._position, size) if size else b""
        self._start = self._position

    def _require_open(self) -> None:
        if self.closed:
            raise ValueError(f"{self.name}: the file is closed")
