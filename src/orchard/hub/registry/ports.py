"""What the registry needs from others: a place for bytes, and somebody who says who may do what."""

from collections.abc import Collection, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orchard.hub.access import Action, Principal, Sight
from orchard.oci import Digest


@dataclass(frozen=True, slots=True)
class Reach:
    """What somebody is in one repository, for rules that name roles and teams.

    Attributes:
        site_admin: Whether it may break rules, and set what holds for the whole hub.
        role: ``reader``, ``writer``, ``maintainer`` or ``owner``; none if it has none.
        teams: Names of teams that it is in.
    """

    site_admin: bool
    role: str | None
    teams: frozenset[str] = frozenset()


def boundless(who: Principal, repository: str) -> Reach:  # noqa: ARG001 -- of a hub without accounts
    """Say that somebody is everything everywhere."""
    return Reach(site_admin=True, role="owner")


class Policy(Protocol):
    """Who may do what."""

    def knows(self, who: Principal, action: Action, repository: str, /) -> bool | None:
        """Tell whether ``who`` may, if that takes no waiting; none if it does."""
        ...

    def allows(self, who: Principal, action: Action, repository: str, /) -> bool:
        """Tell whether ``who`` may, be the repository there or not.

        Raises:
            StorageError: If that cannot be read.
        """
        ...

    def prepare(self, who: Principal, repositories: Collection[str], /) -> None:
        """Get ready to be asked whether ``who`` may read these, in one go.

        Raises:
            StorageError: If that cannot be read.
        """
        ...

    def sight(self, who: Principal, /) -> Sight | None:
        """Tell what ``who`` may read; none if that must be asked of each repository.

        Raises:
            StorageError: If that cannot be read.
        """
        ...


class Content(Protocol):
    """The bytes of one blob, wherever they are kept. Reading fails if they are not there."""

    @property
    def file(self) -> Path | None:
        """The file of this machine that holds exactly these bytes, if there is one: a server sends it by itself."""
        ...

    def url(self) -> str | None:
        """Give an address from which anybody can get these bytes for a short while, if clients are to be sent there.

        Raises:
            NotFoundError: If they are not there.
            StorageError: If it cannot be told where they are.
        """
        ...

    def read(self, start: int, stop: int, /) -> Generator[bytes]:
        """Give some of the bytes, in pieces of at most 1 MiB; it waits, and may be left before its end.

        Raises:
            NotFoundError: If they are not there.
            StorageError: If they cannot be read, or end before ``stop``.
        """
        ...


class Staged(Protocol):
    """The bytes of an upload, held by one request at a time."""

    @property
    def size(self) -> int:
        """Bytes received so far."""
        ...

    def append(self, pieces: Sequence[bytes], /) -> None:
        """Add bytes at the end; if that fails, what is left of all is told by ``size``.

        Raises:
            ConflictError: If another process has written to the upload meanwhile.
            StorageError: If the place is full or fails.
        """
        ...

    def rewind(self, size: int, /) -> None:
        """Forget all bytes but the first ``size``; none of a blob that was made of them.

        Raises:
            StorageError: If the disk fails.
        """
        ...

    def publish(self, digest: Digest, /) -> None:
        """Make the upload a blob, durably, if its bytes are those of the digest.

        Raises:
            IntegrityError: If they are not.
            ConflictError: If another process has written to the upload meanwhile.
            StorageError: If the place is full or fails.
        """
        ...

    def close(self) -> None:
        """Let go of the upload; the bytes stay for the next request, which another process may get.

        Raises:
            ConflictError: If another process has written to the upload meanwhile.
            StorageError: If the last of them cannot be written.
        """
        ...


class Files(Protocol):
    """Where blobs and uploads are kept."""

    def content(self, digest: Digest, /) -> Content:
        """Give the bytes of a blob, be they there or not.

        Raises:
            StorageError: If it cannot be told where they are.
        """
        ...

    def digests(self) -> Iterable[Digest]:
        """Name all blobs that have bytes here, be they known to the catalog or not; in no order.

        Raises:
            StorageError: If they cannot be listed.
        """
        ...

    def erase(self, digest: Digest, /, *, before: int | None = None) -> bool:
        """Forget the bytes of a blob, if they are there. Whoever calls it knows that nobody links them.

        Args:
            digest: The blob.
            before: A time in milliseconds since 1970: bytes that were published since then stay, for whoever published
                them is about to link them. Looking and erasing are one step, which no upload can get between.

        Gives whether there was something to forget.

        Raises:
            StorageError: If they cannot be removed.
        """
        ...

    def sweep(self, before: int, /) -> int:
        """Erase what belongs to no blob and to no upload, and was written before a time; tell how many objects.

        Such things are left where a process dies between two steps, and by an upload of what was there already. A
        directory has none of them: there a file is its own row. Uploads that nobody goes on with are ``sessions``.

        Args:
            before: Milliseconds since 1970, at least an hour ago: a part of an upload is written before it is noted.

        Raises:
            StorageError: If it cannot be told what is there.
        """
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
        """Name the uploads that have bytes here, without those that another process may be writing to.

        Raises:
            StorageError: If they cannot be listed.
        """
        ...
