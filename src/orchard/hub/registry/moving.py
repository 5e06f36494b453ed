"""Moving all blobs from one place to another: copied while they are verified, as often as it takes."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from orchard.errors import IntegrityError, NotFoundError
from orchard.hub import catalog
from orchard.hub.catalog import Blob
from orchard.hub.db import Database
from orchard.hub.registry.ports import Content, Files, Staged
from orchard.oci import Digest
from orchard.project import Observer

_AT_ONCE: Final = 4  # blobs; small ones wait for the disk or the store far longer than they take
_PAGE: Final = 500
_LABEL: Final = "blobs"
_ALL: Final = 1 << 43  # milliseconds since 1970, in the year 2248


class Held(Protocol):
    """Where blobs may be."""

    def content(self, digest: Digest, /) -> Content:
        """Give the bytes of a blob, be they there or not."""
        ...


class Sink(Held, Protocol):
    """Where blobs are moved to."""

    def create(self, session: str, algorithm: str, /) -> Staged:
        """Begin an upload."""
        ...

    def discard(self, session: str, /) -> None:
        """Forget an upload."""
        ...


class Nowhere:
    """A place that does not exist yet, for rehearsals."""

    def content(self, digest: Digest) -> Content:
        """Say that it is not there.

        Raises:
            NotFoundError: Always.
        """
        raise NotFoundError(f"{digest} is not there")

    def create(self, session: str, algorithm: str) -> Staged:  # noqa: ARG002 -- a place
        """Refuse.

        Raises:
            NotFoundError: Always.
        """
        raise NotFoundError(f"upload {session} is unknown")

    def discard(self, session: str) -> None:
        """Do nothing."""


class Fate(Enum):
    """What came of a blob."""

    MOVED = "moved"
    PRESENT = "present"
    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass(slots=True)
class Passed:
    """What came of all blobs.

    Attributes:
        moved: How many were copied, or would be.
        moved_bytes: Their bytes.
        present: How many were there already.
        missing: Those whose bytes the old place does not have.
        damaged: Those whose bytes in the old place are others than their digest says.
    """

    moved: int = 0
    moved_bytes: int = 0
    present: int = 0
    missing: list[Digest] = field(default_factory=list)
    damaged: list[Digest] = field(default_factory=list)

    @property
    def unsound(self) -> list[Digest]:
        """Those that cannot be moved."""
        return [*self.missing, *self.damaged]


class Moving:
    """Two places, and the catalog that says what is in them."""

    def __init__(self, database: Database, source: Files, sink: Sink, *, observer: Observer) -> None:
        self._database = database
        self._source = source
        self._sink = sink
        self._observer = observer

    def copy(self, *, rehearse: bool = False) -> Passed:
        """Copy what the new place does not have; what interrupted runs have copied is there.

        Raises:
            StorageError: If a place or the catalog fails.
        """
        found = Passed()
        with self._database.read() as connection:
            total = catalog.places.extent(connection).size
        self._observer.started(_LABEL, total)
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="hub-move") as pool:
            for page in self._pages():
                fates = pool.map(lambda blob: self._move(blob, rehearse=rehearse), page)
                for blob, fate in zip(page, fates, strict=True):
                    _count(found, blob, fate)
                    self._observer.advanced(_LABEL, blob.size)
        self._observer.finished(_LABEL)
        return found

    def empty(self) -> int:
        """Erase everything from the old place; tell how many blobs that were.

        Raises:
            StorageError: If it fails.
        """
        gone = sum(self._source.erase(digest) for digest in list(self._source.digests()))
        for session in self._source.sessions():
            self._source.discard(session)
        self._source.sweep(_ALL)
        return gone

    def _pages(self) -> Iterator[list[Blob]]:
        after = ""
        while True:
            with self._database.read() as connection:
                page = catalog.places.blobs(connection, after=after, limit=_PAGE)
            yield page
            if len(page) < _PAGE:
                return
            after = str(page[-1].digest)

    def _move(self, blob: Blob, *, rehearse: bool) -> Fate:
        if _has(self._sink, blob.digest):
            return Fate.PRESENT
        if rehearse:
            return Fate.MOVED if _has(self._source, blob.digest) else Fate.MISSING
        session = secrets.token_hex(16)
        staged = self._sink.create(session, blob.digest.algorithm)
        try:
            for piece in self._source.content(blob.digest).read(0, blob.size):
                staged.append([piece])
            staged.publish(blob.digest)
        except NotFoundError:
            return Fate.MISSING
        except IntegrityError:
            return Fate.DAMAGED
        finally:
            staged.close()
            self._sink.discard(session)
        return Fate.MOVED


def _has(files: Held, digest: Digest) -> bool:
    """Tell whether a place has a blob: what is there is complete and was verified."""
    with suppress(NotFoundError):
        any(files.content(digest).read(0, 0))
        return True
    return False


def _count(found: Passed, blob: Blob, fate: Fate) -> None:
    if fate is Fate.MOVED:
        found.moved += 1
        found.moved_bytes += blob.size
    elif fate is Fate.PRESENT:
        found.present += 1
    elif fate is Fate.MISSING:
        found.missing.append(blob.digest)
    else:
        found.damaged.append(blob.digest)
