"""A repository of the hub as a store, for copies between registries: no HTTP to ourselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final

from orchard.errors import IntegrityError, NotFoundError
from orchard.hub.access import Principal
from orchard.hub.registry.browsing import descriptor
from orchard.hub.registry.entry import Registry
from orchard.hub.registry.reading import Page
from orchard.hub.registry.stored import Poured
from orchard.oci import CHUNK, Descriptor, Digest, Readable, mediatype
from orchard.store import Source

_PAGE: Final = 1000


class Shelf:
    """One repository, opened for somebody each time that something is done with it; satisfies ``Store``.

    Every method may raise ``DeniedError``, if that somebody may not (any more), and ``StorageError``.
    """

    def __init__(self, registry: Registry, who: Principal, name: str) -> None:
        self._registry = registry
        self._who = who
        self._name = name

    @contextmanager
    def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:
        """Open content for reading, from ``offset`` bytes on.

        Raises:
            NotFoundError: If it is not there.
        """
        repository = self._registry.readable(self._who, self._name)
        if mediatype.is_document(content.media_type):
            body = BytesIO(repository.manifest(content.digest).raw)
            body.seek(offset)
            yield body
            return
        blob, stored = repository.held(content.digest)
        pieces = stored.read(offset, blob.size)
        try:
            yield Poured(pieces)
        finally:
            pieces.close()

    def exists(self, content: Descriptor) -> bool:
        """Tell whether the content is there already."""
        repository = self._registry.readable(self._who, self._name)
        try:
            if mediatype.is_document(content.media_type):
                repository.manifest(content.digest)
            else:
                repository.blob(content.digest)
        except NotFoundError:
            return False
        return True

    def push(self, content: Descriptor, source: Source) -> None:
        """Take content from a source.

        Raises:
            IntegrityError: If the source gave other bytes than promised; nothing is kept then.
            OrchardError: As the repository refuses it.
        """
        repository = self._registry.writable(self._who, self._name)
        if mediatype.is_document(content.media_type):
            with source.open(content) as body:
                raw = b"".join(_all(body, content.size))
            repository.put_manifest(raw, content.media_type, digest=content.digest)
            return
        upload = repository.start_upload(content.digest.algorithm, lasting=False)
        try:
            with source.open(content) as body:
                for piece in _all(body, content.size):
                    upload.append([piece])
            if upload.size != content.size:
                raise IntegrityError(f"{content.digest}: {upload.size} bytes of the {content.size} promised")
            upload.commit(content.digest)
        finally:
            upload.close()

    def resolve(self, target: str) -> Descriptor:
        """Find the document that a tag or a digest names.

        Raises:
            NotFoundError: If there is none.
        """
        repository = self._registry.readable(self._who, self._name)
        found = repository.manifest(Digest.parse(target) if ":" in target else target)
        return Descriptor(media_type=found.media_type, digest=found.digest, size=len(found.raw))

    def tag(self, document: Descriptor, tag: str) -> None:
        """Let a tag name a document that is already there.

        Raises:
            NotFoundError: If it is not there.
            OrchardError: As the rules of the repository refuse it.
        """
        found = self._registry.readable(self._who, self._name).manifest(document.digest)
        repository = self._registry.writable(self._who, self._name)
        repository.put_manifest(found.raw, found.media_type, digest=document.digest, tags=[tag])

    def tags(self) -> Iterator[str]:
        """Give all tags; none if there is no such repository."""
        repository = self._registry.readable(self._who, self._name)
        after = ""
        while True:
            try:
                found = repository.tags(Page(after, _PAGE))
            except NotFoundError:
                return
            yield from found
            if len(found) < _PAGE:
                return
            after = found[-1]

    def referrers(self, subject: Digest) -> Iterator[Descriptor]:
        """Give the documents whose subject this is."""
        repository = self._registry.readable(self._who, self._name)
        after, more = "", True
        while more:
            rows, more = repository.referrers(subject, Page(after, _PAGE))
            found = [descriptor(row) for row in rows]
            yield from found
            if found:
                after = str(found[-1].digest)

    def delete(self, tag: str) -> None:
        """Forget a tag.

        Raises:
            NotFoundError: If there is none.
            OrchardError: As the rules of the repository refuse it.
        """
        self._registry.deletable(self._who, self._name).delete_tag(tag)


def _all(body: Readable, size: int) -> Iterator[bytes]:
    """Read what was promised.

    Raises:
        IntegrityError: If there is more.
    """
    left = size
    while piece := body.read(min(CHUNK, left + 1)):
        left -= len(piece)
        if left < 0:
            raise IntegrityError(f"more than the {size} bytes promised")
        yield piece
