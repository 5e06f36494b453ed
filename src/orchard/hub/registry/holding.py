"""Who is at work on a blob's bytes: many may write them, one may erase them, never both (ADR 59)."""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Condition

from orchard.hub.db import Database
from orchard.oci import Digest


class Holds:
    """Blobs whose bytes are being written or erased, by whichever process of the hub.

    Bytes are published before their rows and erased after them. In between, a row and its bytes contradict each other;
    whoever is in between holds the blob.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed = Condition()
        self._writing: Counter[Digest] = Counter()
        self._erasing: set[Digest] = set()

    @contextmanager
    def writing(self, digest: Digest) -> Iterator[None]:
        """Hold a blob from before its bytes are published until its rows are committed; wait while it is erased.

        Raises:
            StorageError: If other processes cannot be told.
        """
        with self._changed:
            self._changed.wait_for(lambda: digest not in self._erasing)
            self._writing[digest] += 1
        try:
            with self._database.sharing(str(digest)):
                yield
        finally:
            with self._changed:
                self._writing[digest] -= 1
                if not self._writing[digest]:
                    del self._writing[digest]

    @contextmanager
    def erasing(self, digests: Collection[Digest]) -> Iterator[list[Digest]]:
        """Hold those blobs that nobody holds, from before their rows are deleted until their bytes are gone.

        Raises:
            StorageError: If other processes cannot be asked.
        """
        with self._changed:
            free = [digest for digest in digests if digest not in self._writing and digest not in self._erasing]
            self._erasing.update(free)
        try:
            with self._database.alone([str(digest) for digest in free]) as names:
                yield [digest for digest in free if str(digest) in names]
        finally:
            with self._changed:
                self._erasing.difference_update(free)
                self._changed.notify_all()
