"""The local store: an OCI image layout that many processes share.

    oci-layout             {"imageLayoutVersion":"1.0.0"}
    index.json             the documents of all repositories, and their tags
    blobs/<algorithm>/<hex>
    ingest/                content in the making; ``*.partial`` is what an interrupted transfer goes on with
    index.lock             held alone while index.json changes
    writers.lock           held by everybody who writes, alone by the sweep

Nothing is read, made or locked until it is needed.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from orchard.errors import NotFoundError
from orchard.oci import Descriptor, Digest, Fillable
from orchard.store import upkeep
from orchard.store.blobs import Blobs, Ingested
from orchard.store.index import Entry, IndexFile, Listing, check_name
from orchard.store.keeping import Upkept
from orchard.store.making import Making
from orchard.store.repository import LocalRepository, found


class Layout(Upkept):
    """A directory in the OCI image layout, with the contents of many repositories.

    Attributes:
        path: The directory.

    Args:
        path: The directory; made when something is first stored.
        now: The clock, in seconds since 1970.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._blobs = Blobs(path)
        self._index = IndexFile(path, now)

    def repository(self, name: str) -> LocalRepository:
        """Give one repository, whether it holds anything or not.

        Args:
            name: Registry and repository; ``localhost/_`` is the one of versions without a name, and finds a document
                of any repository by its digest.

        Raises:
            InvalidReferenceError: If it is not a name.
        """
        return LocalRepository(check_name(name), self._blobs, self._index)

    def entries(self) -> list[Entry]:
        """List all tagged and untagged documents of all repositories, oldest first.

        Raises:
            StorageError: If the index is damaged.
        """
        return self._index.read().entries

    def untag(self, repository: str, tag: str) -> Descriptor:
        """Take a tag away and give what it named, which stays.

        Raises:
            NotFoundError: If there is no such tag.
            StorageError: If the index is damaged or cannot be written.
        """
        with self.writing():
            before = self._index.change(lambda listing: listing.untag(repository, tag))
        return found(before.tagged(repository, tag), repository, tag)

    def remove(self, repository: str, digest: Digest) -> list[str]:
        """Remove a document from a repository, with its tags and with the untagged documents that are about it.

        Returns:
            Its tags.

        Raises:
            NotFoundError: If it is not in this repository.
            StorageError: If the index is damaged or cannot be written.
        """

        def edit(listing: Listing) -> Listing:
            untagged = [e.descriptor for e in listing.entries if e.repository == repository and e.tag is None]
            return listing.remove(repository, upkeep.referrers(self._blobs, untagged, digest))

        with self.writing():
            entries = self._index.change(edit).entries
        gone = [entry for entry in entries if entry.repository == repository and entry.digest == digest]
        if not gone:
            raise NotFoundError(f"{repository}@{digest} is not in the local store")
        return [entry.tag for entry in gone if entry.tag is not None]

    def ingest(self, body: Iterable[bytes] | Fillable, media_type: str, *, algorithm: str = "sha256") -> Ingested:
        """Take content whose name is not known yet; produce and hash it in one thread while another writes.

        Raises:
            InvalidDigestError: If the algorithm is not supported.
            StorageError: If the disk is full or fails; nothing is kept then.
        """
        with self.writing():
            self._index.create()
            return self._blobs.ingest(body, media_type, algorithm=algorithm)

    def gather(self, key: str, making: Making, media_type: str) -> Ingested:
        """Take content that is made on the way, going on where an earlier run with the same key was cut off.

        Args:
            key: Letters, digits and dashes; equal for equal content only.
            making: How to make it.
            media_type: Of the content.

        Raises:
            IntegrityError: If the content is not what it should be; nothing is kept then.
            StorageError: If the disk is full or fails; nothing is kept then.
        """
        with self.writing():
            self._index.create()
            return self._blobs.gather(key, making, media_type)

    def path_of(self, content: Descriptor) -> Path | None:
        """Give the file that holds some content, for those who can do better than read it; it must not be changed."""
        return self._blobs.path(content.digest) if self._blobs.has(content) else None
