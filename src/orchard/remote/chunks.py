"""Parts of content that is still being made, as bodies of requests.

What a registry lost has to be sent again: content of a known size is made once more from there; of any other, a part
stays in memory until the registry has it.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, Self

from orchard.errors import ConflictError
from orchard.oci import Hasher, Repeatable, Ring

AHEAD: Final = 8  # blocks that are read and hashed before they are sent
LONGER: Final = "the content became longer while it was sent"
SHORTER: Final = "the content became shorter while it was sent"


class Supply:
    """Content of a known size: made as it is sent, hashed once, and made again from any earlier byte.

    Bytes that were hashed already are not hashed again: the registry checks the whole anyway.

    Attributes:
        hasher: What was hashed so far.
        made: Bytes that were given at least once.
    """

    def __init__(self, content: Repeatable) -> None:
        self.hasher = Hasher()
        self.made = 0
        self._content = content
        self._stack = ExitStack()
        self._ring: Ring | None = None
        self._blocks: Iterator[memoryview] = iter(())
        self._block = memoryview(b"")
        self._used = 0  # bytes of the block that were given
        self._position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._stack.close()

    def part(self, start: int, size: int) -> "Part":
        """Give a request body of so many bytes from ``start`` on."""
        return Part(self, start, size)

    def pieces(self, start: int, length: int) -> Iterator[memoryview]:
        """Make so many bytes from ``start`` on.

        Raises:
            ConflictError: If the content ends before.
            OrchardError: As making it raises it.
        """
        end = start + length
        ring = self._at(start)
        while self._position < end:
            if self._used == len(self._block):
                self._next(ring)
            piece = self._block[self._used : self._used + end - self._position]
            self._used += len(piece)
            self._position += len(piece)
            self.made = max(self.made, self._position)
            yield piece

    def check_end(self) -> None:
        """Make sure that nothing follows.

        Raises:
            ConflictError: If something does.
            OrchardError: As making the content raises it.
        """
        if self._ring is None:
            return
        self._ring.give_back(self._block)
        if self._used < len(self._block) or next(self._blocks, None) is not None:
            raise ConflictError(LONGER)

    def _at(self, position: int) -> Ring:
        if self._ring is None or position != self._position:
            self._ring = None
            self._stack.close()
            body = self._stack.enter_context(self._content.open(position))
            self._ring = self._stack.enter_context(Ring(body, _Unhashed(self.hasher, position), blocks=AHEAD))
            self._blocks = iter(self._ring)
            self._block, self._used, self._position = memoryview(b""), 0, position
        return self._ring

    def _next(self, ring: Ring) -> None:
        ring.give_back(self._block)
        self._ring = None  # one that failed goes no further
        block = next(self._blocks, None)
        if block is None:
            raise ConflictError(SHORTER)
        self._ring, self._block, self._used = ring, block, 0


class Part:
    """A part of a supply as the body of a request.

    Attributes:
        start: Where in the content it begins.
        size: Bytes of it.
    """

    def __init__(self, supply: Supply, start: int, size: int) -> None:
        self._supply = supply
        self.start = start
        self.size = size

    @property
    def reach(self) -> range:
        """How many bytes a registry may say that it has; it can be sent what comes after them."""
        return range(self._supply.made + 1)

    @contextmanager
    def open(self) -> Iterator[Iterator[bytes]]:
        """Make the bytes."""
        yield self._supply.pieces(self.start, self.size)  # type: ignore[misc]  # sockets take any buffer


class Kept:
    """A part of the content, made and kept in memory, as the body of a request.

    Attributes:
        start: Where in the content that begins which the registry does not have yet.
        blocks: All bytes.
    """

    def __init__(self, source: Iterator[memoryview], start: int, length: int) -> None:
        self.start = start
        self.blocks: list[memoryview] = []
        self._first = self._end = start
        while self._end < start + length and (block := next(source, None)) is not None:
            self.blocks.append(block)
            self._end += len(block)

    @property
    def size(self) -> int:
        """Bytes that are to be sent."""
        return self._end - self.start

    @property
    def reach(self) -> range:
        """How many bytes a registry may say that it has; it can be sent what comes after them."""
        return range(self._first, self._end + 1)

    @contextmanager
    def open(self) -> Iterator[Iterator[bytes]]:
        """Give the bytes that are to be sent."""
        yield self._pieces()

    def _pieces(self) -> Iterator[bytes]:
        skip = self.start - self._first
        for block in self.blocks:
            if skip < len(block):
                yield block[skip:]  # type: ignore[misc]  # sockets take any buffer, and a copy would cost
            skip = max(0, skip - len(block))


class _Unhashed:
    """Passes on to a hasher what it has not seen."""

    def __init__(self, hasher: Hasher, position: int) -> None:
        self._hasher = hasher
        self._known = hasher.size - position

    def update(self, piece: memoryview, /) -> None:
        """Hash a piece, but for the bytes that were hashed before."""
        if self._known < len(piece):
            self._hasher.update(piece[self._known :] if self._known > 0 else piece)
        self._known = max(0, self._known - len(piece))
