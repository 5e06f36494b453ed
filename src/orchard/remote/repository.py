"""One repository of a registry, as a store."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

from orchard.errors import NotFoundError, RemoteError, UsageError
from orchard.oci import (
    MAX_MANIFEST,
    Descriptor,
    Digest,
    Readable,
    Repeatable,
    check_tag,
    mediatype,
    parse_document,
    read_all,
    wire,
)
from orchard.remote.client import Client, Request
from orchard.remote.content import Content
from orchard.remote.documents import Documents
from orchard.remote.fetching import Fetch, Span, Storages, read_part
from orchard.remote.pages import PAGE, names
from orchard.remote.place import Place, segments
from orchard.remote.reading import open_spans
from orchard.remote.referrers import Referrers
from orchard.remote.streaming import Made, hashed, stream_made
from orchard.remote.upload import Upload
from orchard.store import Ingested, Source, check_range, origin


class RemoteRepository:  # noqa: PLR0904 -- a store, and what else registries offer
    """A repository of a registry; satisfies ``Store``. Safe to use from many threads. Made by ``Registry.repository``.

    Every method may raise what ``Client.send`` raises: ``UnauthenticatedError``, ``DeniedError``,
    ``NotFoundError``, ``UnsupportedError``, ``RateLimitedError`` and ``RemoteError``.

    Attributes:
        documents: Its manifests and indexes, each in one request.
    """

    def __init__(self, client: Client, name: str) -> None:
        self._place = Place(client, name)
        self.documents = self._documents = Documents(self._place)
        self._referrers = Referrers(self._place, self._documents)
        self._storages = Storages()
        self._missing: set[Digest] = set()  # blobs that ``exists`` has just denied, so that ``push`` need not ask again
        self._last: tuple[Digest, bytes] | None = None  # the document pushed last, so that ``tag`` need not fetch it

    @property
    def host(self) -> str:
        """The registry, as the user named it."""
        return self._place.host

    @property
    def name(self) -> str:
        """Name of the repository within the registry."""
        return self._place.repository

    def exists(self, content: Descriptor) -> bool:
        """Tell whether the content is there already."""
        try:
            self._place.client.ask(self._place.reading("HEAD", *segments(content)))
        except NotFoundError:
            self._missing.add(content.digest)
            return False
        self._missing.discard(content.digest)
        return True

    def measure(self, digest: Digest) -> Descriptor:
        """Describe a blob of which only the digest is known.

        Raises:
            NotFoundError: If it is not there.
            RemoteError: If the registry does not say how large it is.
        """
        answer = self._place.client.ask(self._place.reading("HEAD", "blobs", str(digest)))
        size = answer.headers.get("Content-Length", "")
        if not (size.isascii() and size.isdigit()):
            raise RemoteError(f"{self.host}: does not say how large {digest} is")
        return Descriptor(media_type=mediatype.OCTET_STREAM, digest=digest, size=int(size[:19]))

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        """Open content for reading, from ``offset`` bytes on; reading goes on where it was if the connection breaks.

        Raises:
            NotFoundError: If it is not there.
            IntegrityError: If the registry announces another size than the descriptor.
            UsageError: If the offset lies beyond the end.
        """
        if not 0 <= offset <= content.size:
            raise UsageError(f"{content.digest}: has {content.size} bytes, none at offset {offset}")
        return open_spans(self._fetch(content), offset, self._place.client.means)

    def read_range(self, content: Descriptor, offset: int, size: int) -> bytes:
        """Read exactly ``size`` bytes from ``offset`` on, as ``Ranged``.

        Raises:
            NotFoundError: If the content is not there.
            UsageError: If it has no such bytes.
            UnsupportedError: If the registry gives no parts, and these bytes are far away from the start.
            IntegrityError: If the registry announces another size than the descriptor.
        """
        check_range(content, offset, size)
        return read_part(self._fetch(content), Span(offset, offset + size), backoff=self._place.client.backoff())

    def push(self, content: Descriptor, source: Source) -> None:
        """Take content from a source; it is visible only when it is complete and verified. Safe to repeat.

        A blob that is there is not sent; one that another repository of this registry has is mounted where the
        registry allows it.

        Raises:
            IntegrityError: If the source gave other bytes than the descriptor promises; nothing is kept then.
            LimitExceededError: If a document is over 4 MiB.
        """
        if mediatype.is_document(content.media_type):
            self._push_document(content, source)
        elif content.digest in self._missing or not self.exists(content):
            with Content(content, source) as body:
                Upload(self._place, body, self._sibling(source)).run()
        self._missing.discard(content.digest)

    def resolve(self, target: str) -> Descriptor:
        """Find the document that a tag or a digest names.

        Raises:
            NotFoundError: If there is none.
            IntegrityError: If the registry names another digest than the one asked for.
            InvalidDigestError: If the target is like a digest but is none.
            InvalidReferenceError: If it is neither a tag nor a digest.
        """
        return self._documents.find(_checked(target))

    def tag(self, document: Descriptor, tag: str) -> None:
        """Let a tag name a document that is already there.

        Raises:
            NotFoundError: If it is not there.
            InvalidReferenceError: If the tag is not one.
        """
        check_tag(tag)
        last = self._last
        known = last is not None and last[0] == document.digest
        raw = last[1] if last is not None and known else self._documents.get(str(document.digest))[1]
        self._documents.put(raw, document.media_type, tag)

    def tags(self) -> Iterator[str]:
        """Give all tags, page by page.

        Raises:
            NotFoundError: If the registry has no such repository.
            InvalidReferenceError: If the registry gives something that is not a tag.
        """
        request = self._place.reading("GET", "tags", "list")
        paged = Request(method="GET", url=request.url.asking({"n": str(PAGE)}), scope=request.scope)
        yield from map(check_tag, names(self._place.client, paged, "tags"))

    def delete(self, target: str) -> None:
        """Delete a tag; or, by digest, a document with all its tags.

        Raises:
            NotFoundError: If there is none.
            UnsupportedError: If the registry deletes nothing, or not by tag.
        """
        self._documents.delete(_checked(target))

    def referrers(self, subject: Digest, artifact_type: str | None = None) -> Iterator[Descriptor]:
        """Give what refers to a document, such as its signatures; only of one artifact type if one is given."""
        return self._referrers.of(subject, artifact_type)

    def _fetch(self, content: Descriptor) -> Fetch:
        return Fetch(self._place, content, self._storages)

    def _push_document(self, content: Descriptor, source: Source) -> None:
        with source.open(content) as body:
            raw = read_all(body, content, limit=MAX_MANIFEST)
        document = parse_document(raw, content.media_type) if b'"subject"' in raw else None
        answer = self._documents.put(raw, content.media_type, str(content.digest))
        if document is not None and document.subject is not None and wire.SUBJECT_HEADER not in answer.headers:
            self._referrers.add(document, document.subject.digest)
        self._last = content.digest, raw

    def _sibling(self, source: Source) -> str | None:
        """Name the source's repository if blobs may be mounted from it: same registry, same account, another name."""
        source = origin(source)
        if not isinstance(source, RemoteRepository):
            return None
        mine, theirs = self._place, source._place  # noqa: SLF001 -- of the same class
        same = mine.client.origin == theirs.client.origin and mine.repository != theirs.repository
        who = mine.client.credential(mine.repository), theirs.client.credential(theirs.repository)
        return theirs.repository if same and who[0] == who[1] else None


def stream(repository: RemoteRepository, content: Repeatable, media_type: str) -> Ingested:
    """Push a blob whose digest is not known yet: it is hashed while it is sent, and not stored on this side.

    Small content, and that for registries that want the digest first, is made twice: hashed, then sent, if the registry
    does not have it.

    Raises:
        ConflictError: If the content changes meanwhile.
        OrchardError: As ``RemoteRepository.push``, or as making the content raises it.
    """
    sent = stream_made(repository._place, content, media_type)  # noqa: SLF001 -- a method, but for the size of the class
    if sent is not None:
        return Ingested(sent, new=True)
    found = hashed(content, media_type)
    new = not repository.exists(found)
    if new:
        repository.push(found, Made(content))
    return Ingested(found, new)


def _checked(target: str) -> str:
    return str(Digest.parse(target)) if ":" in target else check_tag(target)
