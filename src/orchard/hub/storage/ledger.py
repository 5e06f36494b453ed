"""What an object store needs to be told by rows: which objects make up a blob, and how far an upload has come.

The bytes are in objects, the truth is in rows: an object that no row names is garbage. Rows change in transactions, so
any number of processes may share one store. The catalog implements this (``hub.catalog.segments``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchard.oci import Digest


@dataclass(frozen=True, slots=True)
class Segment:
    """An object that holds some bytes of one blob or upload, and nothing else.

    Attributes:
        key: Its name in the store; random, never used twice.
        size: Its bytes.
    """

    key: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """How far an upload has come, durably.

    Attributes:
        algorithm: What it is hashed by as it comes.
        objects: How many objects hold its first bytes.
        settled: Bytes in them.
        tail: How many bytes follow them that are kept beside the rows, because they are too few for an object.
        state: A hash of bytes at its beginning, as it saved itself; none if it could not.
    """

    algorithm: str
    objects: int = 0
    settled: int = 0
    tail: int = 0
    state: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.settled + self.tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How an upload changes; ``keep`` first, then the rest is added.

    Attributes:
        keep: How many of its objects stay.
        keep_tail: Whether the bytes beside the rows stay.
        segments: Objects that are added.
        settled: Bytes in all objects then.
        tail: Bytes that are added beside the rows.
        state: The hash of all bytes then.
    """

    keep: int
    keep_tail: bool = False
    segments: Sequence[Segment] = ()
    settled: int
    tail: bytes = b""
    state: bytes | None = None


class Drafts(Protocol):
    """Uploads. Each change says from which size it starts: of two at once, one fails."""

    def begin(self, session: str, algorithm: str, /) -> None:
        """Note a new upload.

        Raises:
            StorageError: If there is one already, or rows cannot be written.
        """
        ...

    def draft(self, session: str, /) -> Draft | None:
        """Tell how far an upload has come.

        Raises:
            StorageError: If rows cannot be read.
        """
        ...

    def tail(self, session: str, /) -> bytes:
        """Give those bytes of an upload that are beside the rows.

        Raises:
            StorageError: If they cannot be read.
        """
        ...

    def advance(self, session: str, size: int, step: Step, /) -> None:
        """Change an upload that has ``size`` bytes; durable when this returns.

        Raises:
            ConflictError: If it has another size, or is over.
            StorageError: If rows cannot be written.
        """
        ...

    def idle(self, before: int, /) -> Iterable[str]:
        """Name the uploads that have not changed since a time.

        Raises:
            StorageError: If rows cannot be read.
        """
        ...


class Ledger(Drafts, Protocol):
    """Uploads, and the blobs that come of them."""

    def publish(self, session: str, size: int, digest: Digest, /) -> None:
        """Make the objects of an upload those of a blob; those that the blob had before belong to nothing then.

        Raises:
            ConflictError: If the upload has another size, or is over.
            StorageError: If rows cannot be written.
        """
        ...

    def segments(self, owner: str | Digest, /) -> tuple[Segment, ...] | None:
        """Tell which objects make up an upload or a blob, in order; none of them if it is empty.

        Raises:
            StorageError: If rows cannot be read.
        """
        ...

    def digests(self) -> Iterable[Digest]:
        """Name all blobs.

        Raises:
            StorageError: If rows cannot be read.
        """
        ...

    def forget(self, owner: str | Digest, /, *, before: int | None = None) -> tuple[Segment, ...] | None:
        """Forget an upload, or a blob that was published before a time; give the objects it had, if it was there.

        Raises:
            StorageError: If rows cannot be written.
        """
        ...

    def known(self, keys: Sequence[str], /) -> set[str]:
        """Tell which of these objects belong to something.

        Raises:
            StorageError: If rows cannot be read.
        """
        ...
