"""Content that is made on the way in, from somewhere slow: its digest is known at the end only, and it resumes.

A download that becomes a layer has no digest to be filed under while it runs. It has a key instead, which says what it
is made of; the same key continues it.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from orchard.errors import IntegrityError
from orchard.oci import CHUNK, Hasher, read_ahead
from orchard.store.spool import Spool

Check = Callable[[bytes], None]


class Making(Protocol):
    """How to make some content."""

    @property
    def size(self) -> int:
        """Bytes in all."""
        ...

    def open(self, offset: int) -> Iterable[bytes]:
        """Make the content from ``offset`` bytes on."""
        ...

    def checker(self) -> Check:
        """Give what is shown every byte in order, those of an earlier run too, and raises ``IntegrityError``."""
        ...


def make(spool: Spool, making: Making) -> Hasher:
    """Bring a spool to its full, checked content, and give its hash.

    Where an earlier run left bytes that are wrong, it starts over, so that they cannot spoil every retry.

    Raises:
        IntegrityError: If the content is not what it should be.
    """
    resumed = spool.size > 0
    try:
        return _make(spool, making)
    except IntegrityError:
        if not resumed:
            raise
        spool.cut(0)
        return _make(spool, making)


def _make(spool: Spool, making: Making) -> Hasher:
    """Check and hash what is there, then make the rest.

    Raises:
        IntegrityError: If the content is not what it should be.
    """
    check, hasher, have = making.checker(), Hasher(), spool.size
    for _ in _seen(_kept(spool, have), check, hasher):
        pass
    with read_ahead(_seen(making.open(have), check, hasher)) as pieces:
        for piece in pieces:
            spool.write(piece)
    if hasher.size != making.size:
        raise IntegrityError(f"{hasher.size} bytes came, {making.size} were expected")
    return hasher


def _kept(spool: Spool, have: int) -> Iterator[bytes]:
    offset = 0
    while offset < have and (piece := spool.read(min(CHUNK, have - offset), offset)):
        yield piece
        offset += len(piece)


def _seen(pieces: Iterable[bytes], check: Check, hasher: Hasher) -> Iterator[bytes]:
    for piece in pieces:
        check(piece)
        hasher.update(piece)
        yield piece
