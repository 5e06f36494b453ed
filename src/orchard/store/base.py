"""What a store is: content by descriptor, and names for it.

The local layout, the memory store and a remote repository all satisfy these protocols, so push, pull, mirror and copy
are one function: ``copy_graph``. A sink takes a *source*, not a stream, so it can ask again from any offset when a
connection breaks, and can see that the source is its own sibling and copy nothing at all.
"""

from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from orchard.errors import UsageError
from orchard.oci import Descriptor, Readable


class Source(Protocol):
    """Content by descriptor."""

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        """Open content for reading, from ``offset`` bytes on.

        The bytes are *not* verified by the source: whoever keeps or uses them wraps them in ``Verifying``.

        Raises:
            NotFoundError: If it is not there.
        """
        ...


@runtime_checkable
class Ranged(Protocol):
    """Content that can be read in parts."""

    def read_range(self, content: Descriptor, offset: int, size: int) -> bytes:
        """Read exactly ``size`` bytes from ``offset`` on; of a registry with one request.

        They are *not* verified: a digest names the whole. The caller bounds ``size``, which is held in memory.

        Raises:
            NotFoundError: If the content is not there.
            UsageError: If the content has no such bytes.
            IntegrityError: If it is shorter than the descriptor promises.
        """
        ...


def check_range(content: Descriptor, offset: int, size: int) -> None:
    """Refuse a range that the content does not have.

    Raises:
        UsageError: Naming both.
    """
    if offset < 0 or size < 0 or offset + size > content.size:
        raise UsageError(f"{content.digest}: has {content.size} bytes, not {size} at offset {offset}")


class Sink(Protocol):
    """A place for content."""

    def exists(self, content: Descriptor) -> bool:
        """Tell whether the content is there already."""
        ...

    def push(self, content: Descriptor, source: Source) -> None:
        """Take content from a source; it is visible only when it is complete and verified. Safe to repeat.

        Raises:
            IntegrityError: If the source gave other bytes than the descriptor promises; nothing is kept then.
        """
        ...


class Names(Protocol):
    """Tags: movable names for documents."""

    def resolve(self, target: str) -> Descriptor:
        """Find the document that a tag or a digest names.

        Raises:
            NotFoundError: If there is none.
        """
        ...

    def tag(self, document: Descriptor, tag: str) -> None:
        """Let a tag name a document that is already there.

        Raises:
            NotFoundError: If it is not there.
        """
        ...


class Store(Source, Sink, Names, Protocol):
    """One repository: content and names."""


@runtime_checkable
class Guarded(Protocol):
    """A sink that tidies itself, and has to be told while content is on its way whose document is still to come."""

    def writing(self) -> AbstractContextManager[None]:
        """Hold the tidying off while the block runs."""
        ...
