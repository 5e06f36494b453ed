"""Content in memory: for tests, and for the small documents that are made on the way."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from io import BytesIO
from threading import Lock

from orchard.errors import NotFoundError
from orchard.oci import Descriptor, Digest, Readable, Verifying, check_tag, chunks, mediatype, parse_document
from orchard.store.base import Source, check_range


class Bytes:
    """A source of one content that is in memory; it gives it whatever it is asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def open(self, _content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        """Open the bytes for reading, from ``offset`` on."""
        body = BytesIO(self._data)
        body.seek(offset)
        return body


class MemoryStore:
    """A store that ends with the process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._content: dict[Digest, bytes] = {}
        self._documents: dict[str, Descriptor] = {}
        self._tags: dict[str, Descriptor] = {}

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        """Open content for reading, from ``offset`` bytes on.

        Raises:
            NotFoundError: If it is not there.
        """
        return Bytes(self._data(content)).open(content, offset)

    def read_range(self, content: Descriptor, offset: int, size: int) -> bytes:
        """Read exactly ``size`` bytes from ``offset`` on, as ``Ranged``.

        Raises:
            NotFoundError: If the content is not there.
            UsageError: If it has no such bytes.
        """
        check_range(content, offset, size)
        return self._data(content)[offset : offset + size]

    def exists(self, content: Descriptor) -> bool:
        """Tell whether the content is there already."""
        with self._lock:
            data = self._content.get(content.digest)
        return data is not None and len(data) == content.size

    def push(self, content: Descriptor, source: Source) -> None:
        """Take content from a source.

        Raises:
            IntegrityError: If the source gave other bytes than promised; nothing is kept then.
        """
        with source.open(content) as body:
            data = b"".join(chunks(Verifying(body, content)))
        with self._lock:
            self._content[content.digest] = data
            if mediatype.is_document(content.media_type):
                self._documents[str(content.digest)] = content

    def resolve(self, target: str) -> Descriptor:
        """Find the document that a tag or a digest names.

        Raises:
            NotFoundError: If there is none.
        """
        with self._lock:
            found = self._tags.get(target) or self._documents.get(target)
        if found is None:
            raise NotFoundError(f"{target} is not in the memory store")
        return found

    def tag(self, document: Descriptor, tag: str) -> None:
        """Let a tag name a document that is already there.

        Raises:
            NotFoundError: If it is not there.
            InvalidReferenceError: If the tag breaks the grammar.
        """
        check_tag(tag)
        with self._lock:
            known = self._documents.get(str(document.digest))
            if known is None:
                raise NotFoundError(f"{document.digest} is not in the memory store, so it cannot be tagged {tag}")
            self._tags[tag] = known

    def tags(self) -> Iterator[str]:
        """Give all tags."""
        with self._lock:
            return iter(list(self._tags))

    def referrers(self, subject: Digest) -> Iterator[Descriptor]:
        """Give the documents whose subject this is."""
        with self._lock:
            documents = [(content, self._content[content.digest]) for content in self._documents.values()]
        for content, raw in documents:
            about = parse_document(raw, content.media_type).subject
            if about is not None and about.digest == subject:
                yield content

    def _data(self, content: Descriptor) -> bytes:
        with self._lock:
            data = self._content.get(content.digest)
        if data is None:
            raise NotFoundError(f"{content.digest} is not in the memory store")
        return data
