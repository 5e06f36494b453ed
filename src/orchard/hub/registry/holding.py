"""Who is at work on a blob's bytes: many may write them, one may erase them, never both (ADR 59)."""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Condition

from orchard.oci import Digest


class Holds:
    """Blobs whose bytes are being written or erased by this process.

    Bytes are published before their rows and erased after them. In between, a row and its bytes contradict each other;
    whoever is in between holds the blob.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._writing: Counter[Digest] = Counter()
        self._erasing: set[Digest] = set()

    @contextmanager
    def writing(self, digest: Digest) -> Iterator[None]:
        """Hold a blob from before its bytes are published until its rows are committed; wait while it is erased."""
        with self._changed:
            self._changed.wait_for(lambda: digest not in self._erasing)
            self._writing[digest] += 1
        try:
            yield
        finally:
            with self._changed:
                self._writing[digest] -= 1
                if not self._writing[digest]:
                    del self._writing[digest]

    @contextmanager
    def erasing(self, digests: Collection[Digest]) -> Iterator[list[Digest]]:
        """Hold those blobs that nobody holds, from before their rows are deleted until their bytes are gone."""
        with self._changed:
            free = [digest for digest in digests if digest not in self._writing and digest not in self._erasing]
            self._erasing.update(free)
        try:
            yield free
        finally:
            with self._changed:
                self._erasing.difference_update(free)
                self._changed.notify_all()
