"""Load: the versions of an archive into the local store, or straight into a registry.

The archive is a source like any other, so the copy that pulls and pushes loads too: what is there is skipped, every
byte is hashed on the way, and names come last.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchard.archive import DEFAULTS, ChunkReader, Content, Limits, Member, members
from orchard.errors import IntegrityError, InvalidDocumentError, UnsupportedError, UsageError
from orchard.oci import MAX_MANIFEST, UNNAMED, Descriptor, Digest, Readable, Reference, chunks, mediatype
from orchard.project.ociarchive import ArchiveFile, Contents, Named, refuse_compressed
from orchard.project.progress import Observer, Silent
from orchard.project.transfer import transfer
from orchard.project.versions import Places
from orchard.store import Bytes, Layout, Source, Store

MAX_HELD: Final = 64 << 20  # bytes of a stream's small blobs, any of which may be a document

_UNNAMED: Final = f"localhost/{UNNAMED}"
_PEEK: Final = 8
_ABOUT: Final = re.compile(r"sha256-[0-9a-f]{64}(?:\..+)?", re.ASCII)  # tags of signatures and the like


@dataclass(frozen=True, slots=True)
class Loaded:
    """One document of the archive that has been loaded.

    Attributes:
        reference: What it is called now.
        descriptor: The document.
        named: Whether it is a version, and not one that refers to another.
    """

    reference: Reference
    descriptor: Descriptor
    named: bool


def destinations(held: Sequence[Named], *, name: Reference | None = None, prefix: str | None = None) -> list[Loaded]:
    """Decide what the documents of an archive will be called.

    Args:
        held: The index of the archive.
        name: What to call its version; only where it holds one.
        prefix: The registry, and the beginning of the names there, for those that are to be pushed.

    Raises:
        UsageError: If it holds several versions and one name is given.
        InvalidReferenceError: If a name is none.
        InvalidDocumentError: If it lists something that is no manifest and no index.
    """
    for one in held:
        if not mediatype.is_document(one.descriptor.media_type):
            kind = one.descriptor.media_type[:128]
            raise InvalidDocumentError(f"index.json: {one.descriptor.digest} is of type {kind!r}, which is no manifest")
    tagged = {one.descriptor.digest for one in held if one.tag is not None and not _ABOUT.fullmatch(one.tag)}
    roots = tagged or {one.descriptor.digest for one in held}
    if name is not None and len(roots) > 1:
        raise UsageError(f"this file holds {len(roots)} versions; --as names one: load without it, then: orchard tag")
    found = dict.fromkeys(_placed(one, name, prefix, named=one.descriptor.digest in roots) for one in held)
    return list(found)


def copy_all(
    source: Source,
    wanted: Sequence[Loaded],
    open_store: Callable[[Reference], Store],
    *,
    workers: int = 5,
    observer: Observer | None = None,
) -> None:
    """Copy documents and all that they need, then name them.

    Raises:
        IntegrityError: If the archive holds other bytes than it promises; no name points to them then.
        NotFoundError: If it lacks something that it needs.
        OrchardError: As the store raises it.
    """
    for one in wanted:
        store = open_store(one.reference)
        transfer(source, store, one.descriptor, tags=(), workers=workers, observer=observer)
    for one in wanted:
        if one.reference.tag is not None:
            open_store(one.reference).tag(one.descriptor, one.reference.tag)


def load_file(
    places: Places,
    path: Path,
    *,
    name: Reference | None = None,
    prefix: str | None = None,
    workers: int = 5,
    observer: Observer | None = None,
) -> list[Loaded]:
    """Load all that a file holds into the local store, or push it to a registry.

    Args:
        places: The local store, and registries.
        path: The file.
        name: What to call its version; only where it holds one.
        prefix: ``REGISTRY[/PREFIX]``, to push to; None for the local store.
        workers: Blobs that are copied at a time.
        observer: Told of each of them.

    Raises:
        NotFoundError: If there is no such file.
        OrchardError: As ``ArchiveFile``, ``destinations`` and ``copy_all``.
    """
    prefix = None if prefix is None else _checked(prefix)
    with ArchiveFile(path) as archive, nullcontext() if prefix else places.layout.writing():
        wanted = destinations(archive.held, name=name, prefix=prefix)

        def open_store(reference: Reference) -> Store:
            return places.remote(reference) if prefix else places.layout.repository(reference.name)

        copy_all(archive, wanted, open_store, workers=workers, observer=observer)
    return wanted


def _checked(prefix: str) -> str:
    prefix = prefix.removesuffix("/")
    if not any(mark in prefix.partition("/")[0] for mark in ".:"):
        raise UsageError(f"--to {prefix}: a registry is needed here, as in registry.example.com/team")
    Reference.parse(f"{prefix}/x")
    return prefix


class ArchiveStream:
    """An archive that comes as a stream: large blobs go into the local store as they come, small ones are held.

    Attributes:
        held: What is in it, by name.
    """

    def __init__(
        self, stream: Readable, layout: Layout, *, limits: Limits = DEFAULTS, observer: Observer | None = None
    ) -> None:
        """Read the stream to its end. The sweep must be held off until the documents are there.

        Raises:
            InvalidError: If it is no archive of an OCI layout.
            IntegrityError: If a blob is not what its name says.
            StorageError: If the store cannot be written.
        """
        self._layout = layout.repository(_UNNAMED)
        self._small: dict[Digest, bytes] = {}
        self._size = 0
        self._observer = observer or Silent()
        self.held = self._read(stream, limits)

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        """Open content for reading, from ``offset`` bytes on.

        Raises:
            NotFoundError: If it is not there.
        """
        small = self._small.get(content.digest)
        return self._layout.open(content, offset) if small is None else Bytes(small).open(content, offset)

    def _read(self, stream: Readable, limits: Limits) -> list[Named]:
        what = "standard input"
        first = stream.read(_PEEK)
        refuse_compressed(first, what)
        contents = Contents(what)
        for member in members(ChunkReader(_after(first, stream)), limits, what=what):
            digest = contents.meet(member)
            if digest is not None:
                self._take(digest, member)
        return contents.require()

    def _take(self, digest: Digest, member: Member) -> None:
        if member.size <= MAX_MANIFEST and self._size + member.size <= MAX_HELD:
            self._small[digest] = member.content.read_whole()
            self._size += member.size
            return
        content = Descriptor(media_type=mediatype.OCTET_STREAM, digest=digest, size=member.size)
        if not self._layout.exists(content):
            label = f"blob {digest.short}"
            self._observer.started(label, content.size)
            self._layout.push(content, _Once(member.content, self._observer, label))
            self._observer.finished(label)


def _after(first: bytes, stream: Readable) -> Iterator[bytes]:
    if first:
        yield first
        yield from chunks(stream)


class _Once:
    """A source of one content that can be read once, from its beginning."""

    def __init__(self, content: Content, observer: Observer, label: str) -> None:
        self._content = content
        self._observer = observer
        self._label = label
        self._at = 0

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        """Give the content.

        Raises:
            UnsupportedError: If it has been read beyond the offset.
            IntegrityError: If it ends before the offset.
        """
        if offset < self._at:
            raise UnsupportedError(f"{content.digest}: standard input cannot be read again; load from a file")
        while self._at < offset:  # what an earlier run has stored is passed over
            if not self.read(offset - self._at):
                raise IntegrityError(f"{content.digest}: ends after {self._at} of {content.size} bytes")
        return nullcontext(self)

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes."""
        chunk = self._content.read(size)
        self._at += len(chunk)
        self._observer.advanced(self._label, len(chunk))
        return chunk


def _placed(one: Named, name: Reference | None, prefix: str | None, *, named: bool) -> Loaded:
    known = name.name if name is not None else one.repository
    tag = one.tag if name is None or name.tag is None or not named else name.tag
    if known is None:
        if prefix is not None:
            raise UsageError(f"the file does not say what {one.descriptor.digest} is called; name it with --as")
        known, tag = _UNNAMED, None
    registry, _, repository = known.partition("/")
    if prefix is not None:
        registry, _, before = prefix.partition("/")
        repository = f"{before}/{repository}" if before else repository
    reference = Reference(registry, repository, tag)
    return Loaded(reference if tag else reference.at(one.descriptor.digest), one.descriptor, named)
