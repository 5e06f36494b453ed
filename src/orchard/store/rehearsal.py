"""A layout where everything is read and nothing is written: what would happen, by the very code that makes it happen.

Changes of the index are kept in memory, so that what follows sees them; content that is pushed goes nowhere.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from orchard.oci import Descriptor
from orchard.store.base import Source
from orchard.store.blobs import Blobs
from orchard.store.index import IndexFile, Listing
from orchard.store.layout import Layout
from orchard.store.upkeep import SweepReport


class Rehearsal(Layout):
    """A layout that looks like another one, and leaves it as it is.

    What has been pushed is *not* there afterwards: a rehearsal tells what is to be done, and does not do it.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout.path)
        self._blobs = _Unwritten(layout.path)
        self._index = _Imagined(layout.path)

    def sweep(self, *, partials: bool = False) -> SweepReport:
        """Tell what a sweep would delete.

        Raises:
            IntegrityError: If a document is damaged, so that it is not known what it needs.
            StorageError: If the index is damaged, or a directory cannot be read.
        """
        return self.would_free(partials=partials)


class _Unwritten(Blobs):
    """The blobs of a layout, which stay as they are."""

    def writing(self) -> AbstractContextManager[None]:
        """Lock nothing."""
        return nullcontext()

    def push(self, content: Descriptor, source: Source) -> None:
        """Take nothing, and ask the source for nothing."""


class _Imagined(IndexFile):
    """The index of a layout, with changes that nobody else sees."""

    _imagined: Listing | None = None

    def read(self) -> Listing:
        """Give the entries as they would be.

        Raises:
            StorageError: If the file is damaged.
        """
        return super().read() if self._imagined is None else self._imagined

    def create(self) -> None:
        """Make nothing."""

    def change(self, edit: Callable[[Listing], Listing]) -> Listing:
        """Imagine other entries; give those before."""
        before = self.read()
        self._imagined = edit(before)
        return before
