"""What the registry needs from others: a place for bytes, and somebody who says who may do what."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from orchard.hub.access import Principal
from orchard.oci import Digest


class Policy(Protocol):
    """Who may do what."""

    def may_read(self, who: Principal, repository: str, /) -> bool:
        """Tell whether ``who`` may pull from a repository, or see that it exists."""
        ...

    def may_write(self, who: Principal, repository: str, /) -> bool:
        """Tell whether ``who`` may push to a repository, and delete from it."""
        ...


class Staged(Protocol):
    """The bytes of an upload, held by one request at a time."""

    @property
    def size(self) -> int:
        """Bytes received so far."""
        ...

    def append(self, pieces: Sequence[bytes], /) -> None:
        """Add bytes at the end: all of them, or none if that fails.

        Raises:
            StorageError: If the disk is full or fails.
        """
        ...

    def rewind(self, size: int, /) -> None:
        """Forget all bytes but the first ``size``.

        Raises:
            StorageError: If the disk fails.
        """
        ...

    def publish(self, digest: Digest, /) -> None:
        """Make the upload a blob, durably, if its bytes are those of the digest.

        Raises:
            IntegrityError: If they are not.
            StorageError: If the disk is full or fails.
        """
        ...

    def close(self) -> None:
        """Let go of the upload; the bytes stay for the next request.

        Raises:
            StorageError: If the last of them cannot be written.
        """
        ...


class Files(Protocol):
    """Where blobs and uploads are kept."""

    def path(self, digest: Digest, /) -> Path:
        """Name the file of a blob."""
        ...

    def create(self, session: str, algorithm: str, /) -> Staged:
        """Begin an upload, to be hashed by an algorithm as it comes.

        Raises:
            StorageError: If the disk is full or fails.
        """
        ...

    def resume(self, session: str, /) -> Staged:
        """Go on with an upload, be it after a restart.

        Raises:
            NotFoundError: If there is none of this name.
        """
        ...

    def discard(self, session: str, /) -> None:
        """Forget an upload and its bytes, if there is one.

        Raises:
            StorageError: If the disk fails.
        """
        ...

    def sessions(self) -> Iterable[str]:
        """Name all uploads that have bytes here."""
        ...
