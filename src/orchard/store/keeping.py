"""Keeping a layout in order: what can go, what is damaged, what is about what."""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from orchard.oci import Descriptor, Digest
from orchard.store import upkeep
from orchard.store.blobs import Blobs
from orchard.store.disk import guarded
from orchard.store.index import Entry, IndexFile
from orchard.store.meter import Observer, Silent


class Upkept:
    """The part of a layout that keeps it in order.

    Attributes:
        path: The directory.
    """

    path: Path
    _blobs: Blobs
    _index: IndexFile

    def writing(self) -> AbstractContextManager[None]:
        """Hold the sweep off while the block runs: hold it from the first blob to the document that needs it.

        Raises:
            StorageError: If the store cannot be written.
        """
        return self._blobs.writing()

    def drop(self, entries: Collection[Entry]) -> list[Entry]:
        """Take these very entries out of the index, at once; one that was changed since it was listed stays.

        Returns:
            Those that are gone.

        Raises:
            StorageError: If the index is damaged or cannot be written.
        """
        wanted = frozenset(entries)
        with self.writing():
            before = self._index.change(lambda listing: listing.drop(wanted))
        return [entry for entry in before.entries if entry in wanted]

    def discard(self, digest: Digest) -> None:
        """Delete a blob that ``verify`` found damaged, so that the next push brings it anew.

        Raises:
            StorageError: If it cannot be deleted.
        """
        with self.writing():
            self._blobs.remove(digest)

    def sweep(self, *, partials: bool = False) -> upkeep.SweepReport:
        """Delete the blobs that nothing needs, unless others are writing.

        Args:
            partials: Whether to delete also what interrupted transfers would go on with.

        Raises:
            IntegrityError: If a document is damaged, so that it is not known what it needs; nothing is deleted then.
            StorageError: If the index is damaged, or a file cannot be deleted.
        """
        with guarded(self.path):
            if not self.path.exists():
                return upkeep.SweepReport()
        with self._blobs.alone() as free:
            if not free:
                return upkeep.SweepReport(busy=True)
            return upkeep.sweep(self._blobs, self._roots(), partials=partials)

    def would_free(self, entries: Collection[Entry] = (), *, partials: bool = False) -> upkeep.SweepReport:
        """Tell what ``drop`` and then ``sweep`` would delete, and delete nothing.

        Raises:
            IntegrityError: If a document is damaged, so that it is not known what it needs.
            StorageError: If the index is damaged, or a directory cannot be read.
        """
        gone = frozenset(entries)
        roots = [entry.descriptor for entry in self._index.read().entries if entry not in gone]
        return upkeep.sweep(self._blobs, roots, partials=partials, rehearse=True)

    def verify(self, observer: Observer | None = None) -> Iterator[upkeep.Problem]:
        """Hash everything that is stored, and look for everything that the entries need.

        Raises:
            StorageError: If the index is damaged.
        """
        return upkeep.verify(self._blobs, self._roots(), Silent() if observer is None else observer)

    def needing(self, digest: Digest) -> list[Entry]:
        """List the entries whose documents need some content, as far as that can be read.

        Raises:
            StorageError: If the index is damaged.
        """
        return [e for e in self._index.read().entries if digest in upkeep.needed(self._blobs, e.descriptor)]

    def _roots(self) -> list[Descriptor]:
        return [entry.descriptor for entry in self._index.read().entries]
