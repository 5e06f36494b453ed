"""One repository of the local store."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from orchard.errors import IntegrityError, NotFoundError
from orchard.oci import (
    MAX_MANIFEST,
    Descriptor,
    Digest,
    Readable,
    check_tag,
    mediatype,
    parse_document,
    read_all,
    read_up_to,
)
from orchard.store import upkeep
from orchard.store.base import Source, check_range
from orchard.store.blobs import Blobs
from orchard.store.disk import sync_directory
from orchard.store.index import NAMELESS, IndexFile, Listing
from orchard.store.memory import Bytes


class LocalRepository:
    """One repository of a layout: a store. Blobs are shared by all repositories, documents belong to each.

    Attributes:
        name: Registry and repository.
    """

    def __init__(self, name: str, blobs: Blobs, index: IndexFile) -> None:
        self.name = name
        self._blobs = blobs
        self._index = index

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        """Open content for reading, from ``offset`` bytes on.

        Raises:
            NotFoundError: If it is not there.
            StorageError: If it cannot be read.
        """
        return self._blobs.open(content, offset)

    def read_range(self, content: Descriptor, offset: int, size: int) -> bytes:
        """Read exactly ``size`` bytes from ``offset`` on, as ``Ranged``.

        Raises:
            NotFoundError: If the content is not there.
            UsageError: If it has no such bytes.
            IntegrityError: If the file is shorter than the descriptor promises.
            StorageError: If it cannot be read.
        """
        check_range(content, offset, size)
        with self._blobs.open(content, offset) as body:
            data = read_up_to(body, size)
        if len(data) != size:
            raise IntegrityError(f"{content.digest}: the local copy is shorter than {content.size} bytes")
        return data

    def exists(self, content: Descriptor) -> bool:
        """Tell whether the content is there; a document only if it belongs here and all that it needs is there too.

        Raises:
            StorageError: If the index is damaged.
        """
        if not mediatype.is_document(content.media_type):
            return self._blobs.has(content)
        if self._index.read().listed(self.name, content.digest) is None:
            return False
        return upkeep.is_whole(self._blobs, content)

    def push(self, content: Descriptor, source: Source) -> None:
        """Take content from a source; a document belongs to this repository then.

        Raises:
            IntegrityError: If the source gave other bytes than promised; nothing is kept then.
            InvalidDocumentError: If a document is not what its media type says; nothing is kept then.
            LimitExceededError: If a document is too large; nothing is kept then.
            StorageError: If the disk is full or fails; nothing is kept then.
        """
        with self.writing():
            self._index.create()
            if mediatype.is_document(content.media_type):
                self._push_document(content, source)
            elif not self._blobs.has(content):
                self._blobs.push(content, source)

    def adopt(self, content: Descriptor, source: Path) -> bool:
        """Take over a blob that is a file elsewhere, without copying it, and tell whether that could be done.

        Raises:
            IntegrityError: If the file holds something else; nothing is kept then.
            StorageError: If it cannot be read, or the store cannot be written.
        """
        from orchard.store.adopting import adopt  # noqa: PLC0415 -- only who moves in needs it

        with self.writing():
            self._index.create()
            return adopt(content, source, self._blobs.path(content.digest))

    def resolve(self, target: str) -> Descriptor:
        """Find the document of this repository that a tag or a digest names.

        Raises:
            NotFoundError: If there is none.
            InvalidDigestError: If the target has a colon and is no digest.
            StorageError: If the index is damaged.
        """
        listing = self._index.read()
        if ":" not in target:
            return found(listing.tagged(self.name, target), self.name, target)
        digest = Digest.parse(target)
        known = listing.listed(self.name, digest)
        if known is None and self.name == NAMELESS:
            known = listing.known(digest)
        return found(known, self.name, target)

    def tag(self, document: Descriptor, tag: str) -> None:
        """Let a tag name a document of this repository; the one that it named before stays, without the tag.

        Raises:
            NotFoundError: If the document is not in this repository.
            InvalidReferenceError: If the tag breaks the grammar.
            StorageError: If the index is damaged or cannot be written.
        """
        check_tag(tag)

        def edit(listing: Listing) -> Listing:
            known = found(listing.listed(self.name, document.digest), self.name, str(document.digest))
            return listing.tag(self.name, known, tag)

        with self.writing():
            self._index.change(edit)

    def tags(self) -> Iterator[str]:
        """Give all tags.

        Raises:
            StorageError: If the index is damaged.
        """
        return (e.tag for e in self._index.read().entries if e.repository == self.name and e.tag is not None)

    def referrers(self, subject: Digest, artifact_type: str | None = None) -> Iterator[Descriptor]:
        """Give the documents of this repository whose subject this is; only of one artifact type if one is given.

        Raises:
            StorageError: If the index is damaged.
        """
        own = {e.digest: e.descriptor for e in self._index.read().entries if e.repository == self.name}
        for found in upkeep.about(self._blobs, own.values(), subject):
            if artifact_type is None or found.artifact_type == artifact_type:
                yield found

    def writing(self) -> AbstractContextManager[None]:
        """Hold the sweep off, as ``Layout.writing``."""
        return self._blobs.writing()

    def path_of(self, content: Descriptor) -> Path | None:
        """Give the file that holds some content, as ``Layout.path_of``."""
        return self._blobs.path(content.digest) if self._blobs.has(content) else None

    def _push_document(self, content: Descriptor, source: Source) -> None:
        with source.open(content) as body:
            raw = read_all(body, content, limit=MAX_MANIFEST)
        document = parse_document(raw, content.media_type)
        if not self._holds(content, raw):
            self._blobs.push(content, Bytes(raw))
        self._settle(content, *document.children)
        self._index.change(lambda listing: listing.link(self.name, content))

    def _settle(self, *contents: Descriptor) -> None:
        """Make the names of blobs survive a power cut, whoever wrote them."""
        for directory in {self._blobs.path(content.digest).parent for content in contents}:
            if directory.is_dir():
                sync_directory(directory)

    def _holds(self, content: Descriptor, raw: bytes) -> bool:
        """Look at the bytes, not only at the size: a push mends a damaged document."""
        if not self._blobs.has(content):
            return False
        with self._blobs.open(content) as body:
            return body.read(len(raw) + 1) == raw


def found(document: Descriptor | None, repository: str, target: str) -> Descriptor:
    """Give a document if there is one.

    Raises:
        NotFoundError: If there is none, naming the repository and the tag or digest that was asked for.
    """
    if document is None:
        at = "@" if ":" in target else ":"
        raise NotFoundError(f"{repository}{at}{target} is not in the local store")
    return document
