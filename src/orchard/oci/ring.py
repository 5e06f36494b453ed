"""A ring of blocks: one thread fills and hashes them while another uses them, and nothing is copied in between.

The blocks are memory of whole pages, so a file can be read straight into them and written straight from them, past the
page cache too. Measured on 2 cores, 4 GiB packed: 0.84 CPU-s/GiB with pieces of their own in a queue, 0.74 with a ring;
reading, hashing and writing alone take 0.67.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from mmap import mmap
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Final, Protocol, Self, runtime_checkable

from orchard.oci.verify import CHUNK

BLOCK: Final = 1 << 20
BLOCKS: Final = 8


@runtime_checkable
class Fillable(Protocol):
    """Content that can be read straight into memory."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill a buffer, and tell how many bytes that were: fewer than it takes at the end of the content only."""
        ...


class Repeatable(Protocol):
    """Content that can be made again."""

    @property
    def size(self) -> int | None:
        """Bytes in all, if that is known before it is made."""
        ...

    def open(self, offset: int = 0) -> AbstractContextManager[Fillable]:
        """Make it, from ``offset`` bytes on; the same bytes each time, or an error."""
        ...


class Hashing(Protocol):
    """What sees bytes as they pass."""

    def update(self, data: memoryview, /) -> None:
        """Take in the next bytes."""
        ...


class Pieces:
    """The bytes of an iterable, to be read into memory."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill a buffer as far as the iterable goes."""
        filled = 0
        while filled < len(buffer):
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
                continue
            count = min(len(self._rest), len(buffer) - filled)
            buffer[filled : filled + count] = self._rest[:count]
            self._rest = self._rest[count:]
            filled += count
        return filled


class Ring:
    """The content of a body in blocks of ``BLOCK`` bytes, the last one shorter, hashed on the way.

    Iterate over it inside its block; give back every block that is not needed any more, else the ring stands still. An
    error of the body is raised in the place of the block that it prevented. Content of less than one block needs no
    thread and gets none.

    Args:
        body: The content.
        hasher: Sees every byte, before the block of it is given.
        blocks: How many blocks there are: those that wait and those that are in use.
    """

    def __init__(self, body: Fillable, hasher: Hashing, *, blocks: int = BLOCKS) -> None:
        self._body = body
        self._hasher = hasher
        self._blocks = blocks
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        self._full: SimpleQueue[memoryview | BaseException | None] = SimpleQueue()
        self._stopped = False
        self._thread: Thread | None = None

    def __enter__(self) -> Self:
        first = memoryview(mmap(-1, BLOCK))
        if self._fill(first):
            for _ in range(self._blocks - 1):
                self._free.put(memoryview(mmap(-1, BLOCK)))
            self._thread = Thread(target=self._produce, name="ring", daemon=True)
            self._thread.start()
        else:
            self._full.put(None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        if self._thread is not None:
            self._free.put(memoryview(b""))  # wakes it
            self._thread.join()

    def __iter__(self) -> Iterator[memoryview]:
        while (item := self._full.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def give_back(self, block: memoryview) -> None:
        """Let a block be filled again."""
        if len(block) == BLOCK:
            self._free.put(block)

    def _produce(self) -> None:
        try:
            while True:
                block = self._free.get()
                if self._stopped or not self._fill(block):
                    break
        except BaseException as error:  # noqa: BLE001 -- carried over to the thread that waits for the block
            self._full.put(error)
        finally:
            self._full.put(None)

    def _fill(self, block: memoryview) -> bool:
        """Fill a block and pass it on; tell whether there may be more.

        A piece is hashed while it is still in the processor's cache.
        """
        size = 0
        while size < BLOCK:
            piece = block[size : size + CHUNK]
            count = self._body.readinto(piece)
            self._hasher.update(piece[:count])
            size += count
            if count < len(piece):
                break
        if size:
            self._full.put(block[:size] if size < BLOCK else block)
        return size == BLOCK
