"""Export: versions, with what refers to them, into one file; from the local store or straight from a registry.

The bytes of the file are known before the first is written: headers, documents and sizes are. So an export that was
interrupted goes on in the partial file: what is there is compared or hashed, and only what is missing is read again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, Self

from orchard.archive import Entry, header
from orchard.errors import (
    ConflictError,
    IntegrityError,
    LimitExceededError,
)
from orchard.oci import (
    CHUNK,
    MAX_CHILDREN,
    MAX_MANIFEST,
    Descriptor,
    Digest,
    Document,
    Readable,
    Reference,
    Verifying,
    chunks,
    mediatype,
    parse_document,
    read_ahead,
    read_all,
)
from orchard.project.ociarchive import BLOBS, INDEX, LAYOUT, MARKER, Named, blob_name, write_index
from orchard.project.progress import Observer, Silent
from orchard.project.versions import Places, locate
from orchard.store import Referring, Source, Spool, referrer_graph, take

MAX_DOCUMENTS: Final = 256 << 20  # bytes of all documents, which are held in memory
PARTIAL: Final = ".partial"

_BLOCK: Final = 512
_END: Final = bytes(2 * _BLOCK)
_MODE: Final = 0o644
_DIRECTORY_MODE: Final = 0o755


@dataclass(frozen=True, slots=True)
class Item:
    """Something to export.

    Attributes:
        reference: What it is called.
        root: Its manifest or index.
        source: Where it is.
    """

    reference: Reference
    root: Descriptor
    source: Referring


@dataclass(frozen=True, slots=True)
class Exported:
    """What is in the file.

    Attributes:
        items: What was asked for.
        referrers: How many documents refer to it.
        blobs: How many blobs and documents the file holds.
        size: Bytes of the file.
        reused: Bytes of it that an earlier run had written.
    """

    items: tuple[Item, ...]
    referrers: int
    blobs: int
    size: int
    reused: int


@dataclass(slots=True)
class _Plan:
    """What goes into the file."""

    held: list[Named] = field(default_factory=list)
    documents: dict[Digest, bytes] = field(default_factory=dict)
    blobs: dict[Digest, tuple[Descriptor, Source]] = field(default_factory=dict)
    referrers: set[Digest] = field(default_factory=set)

    def add(self, item: Item) -> None:
        """Take in a version, and what refers to it.

        Raises:
            LimitExceededError: If its documents are too large to be held.
        """
        tag = None if item.reference.digest else item.reference.target
        for related in referrer_graph(item.source, item.root):
            self._take(related.descriptor, item.source)
            name = related.tag if related.subject is not None else tag
            self._hold(related.descriptor, Named(related.descriptor, item.reference.name, name))
            if related.subject is not None:
                self.referrers.add(related.descriptor.digest)

    def _take(self, root: Descriptor, source: Source) -> None:
        """Take in a document with all that it needs."""
        waiting = [root]
        while waiting:
            content = waiting.pop()
            if content.digest not in self.documents:
                waiting += self._below(self._read(content, source), source)

    def _hold(self, content: Descriptor, held: Named) -> None:
        """List a document, described by what it says itself: stores and registries tell more of it or less."""
        document = parse_document(self.documents[content.digest], content.media_type)
        plain = Descriptor(
            media_type=content.media_type,
            digest=content.digest,
            size=content.size,
            artifact_type=document.kind or None,
        )
        held = replace(held, descriptor=plain)
        if held not in self.held:
            self.held.append(held)

    def _read(self, content: Descriptor, source: Source) -> Document:
        with source.open(content) as body:
            raw = read_all(body, content, limit=MAX_MANIFEST)
        self.documents[content.digest] = raw
        if sum(map(len, self.documents.values())) > MAX_DOCUMENTS:
            raise LimitExceededError(f"the documents are over {MAX_DOCUMENTS} bytes; export fewer versions at a time")
        return parse_document(raw, content.media_type)

    def _below(self, document: Document, source: Source) -> list[Descriptor]:
        nested = []
        for child in document.children:
            if mediatype.is_document(child.media_type):
                nested.append(child)
            else:
                self.blobs.setdefault(child.digest, (child, source))
        return nested

    def segments(self) -> "Iterator[_Segment]":
        """Give the bytes of the file in order; contents by name."""
        yield from _file(LAYOUT, MARKER)
        yield from _file(INDEX, write_index(self.held))
        algorithms = sorted({digest.algorithm for digest in (*self.documents, *self.blobs)})
        for name in (BLOBS, *(f"{BLOBS}/{algorithm}" for algorithm in algorithms)):
            yield header(Entry(name=name, mode=_DIRECTORY_MODE, is_directory=True))
        for digest in sorted(self.documents):
            yield from _file(blob_name(digest), self.documents[digest])
        for digest in sorted(self.blobs.keys() - self.documents.keys()):
            content, _ = self.blobs[digest]
            yield header(Entry(name=blob_name(digest), mode=_MODE, size=content.size))
            yield content
            yield bytes(-content.size % _BLOCK)
        yield _END


_Segment = bytes | Descriptor


def find_items(places: Places, references: Iterable[str], *, remote: bool | None = None) -> list[Item]:
    """Find what references name, several tags each perhaps, as ``locate`` does.

    Raises:
        NotFoundError: If something is nowhere.
        OrchardError: As the registry client raises it.
    """
    items = []
    for text in references:
        first, extra = Reference.parse_tags(text)
        for reference in (first.or_latest(), *(first.tagged(tag) for tag in extra)):
            root, store = locate(places, reference, remote=remote)
            items.append(Item(reference, root, store))
    return items


def export_file(
    items: Sequence[Item], target: Path, *, overwrite: bool = False, observer: Observer | None = None
) -> Exported:
    """Write versions into a file; it appears under its name when it is complete.

    What an interrupted run left in ``<target>.partial`` is verified and kept.

    Raises:
        ConflictError: If the file exists and may not be replaced, or somebody else is writing it.
        IntegrityError: If a source gave other bytes than promised.
        StorageError: If the disk is full or fails.
        OrchardError: As the sources raise it.
    """
    if target.exists() and not overwrite:
        raise ConflictError(f"{target} is already there; use --overwrite to replace it, or -o for another file")
    plan = _planned(items)
    unfinished = target.with_name(target.name + PARTIAL)
    with _alone(unfinished) as spool:
        tape = _Tape(spool, plan=plan, observer=observer or Silent())
        tape.run()
        spool.publish(target)
    return _exported(items, plan, size=tape.position, reused=tape.reused)


def export_stream(items: Sequence[Item], stream: BinaryIO, *, observer: Observer | None = None) -> Exported:
    """Write versions into a stream.

    Raises:
        IntegrityError: If a source gave other bytes than promised; the stream ends in the middle then.
        OrchardError: As the sources raise it.
    """
    plan = _planned(items)
    watch = observer or Silent()
    position = 0
    for segment in plan.segments():
        if isinstance(segment, bytes):
            stream.write(segment)
            position += len(segment)
            continue
        content, source = plan.blobs[segment.digest]
        with source.open(content) as body, read_ahead(chunks(Verifying(body, content))) as pieces:
            stream.writelines(_watched(pieces, content, watch))
        position += content.size
    stream.flush()
    return _exported(items, plan, size=position)


def _planned(items: Sequence[Item]) -> _Plan:
    """Find out what goes into the file.

    Raises:
        LimitExceededError: If it is more than one index may list.
    """
    plan = _Plan()
    for item in items:
        plan.add(item)
        if len(plan.held) > MAX_CHILDREN:
            raise LimitExceededError(
                f"more than {MAX_CHILDREN} versions and referrers; export fewer of them into one file"
            )
    return plan


def _exported(items: Sequence[Item], plan: _Plan, *, size: int, reused: int = 0) -> Exported:
    count = len(plan.blobs.keys() | plan.documents.keys())
    return Exported(tuple(items), len(plan.referrers), count, size, reused)


def _file(name: str, data: bytes) -> Iterator[bytes]:
    yield header(Entry(name=name, mode=_MODE, size=len(data))) + data + bytes(-len(data) % _BLOCK)


class _Tape:
    """The file in the making: what is there already is kept as far as it is right, the rest is written."""

    def __init__(self, spool: Spool, *, plan: _Plan, observer: Observer) -> None:
        self.position = 0
        self.reused = 0
        self._spool = spool
        self._plan = plan
        self._observer = observer

    def run(self) -> None:
        """Bring the file to its full content, and nothing after it."""
        for segment in self._plan.segments():
            if isinstance(segment, bytes):
                self._put_bytes(segment)
            else:
                content, source = self._plan.blobs[segment.digest]
                self._put_blob(content, source)
        self._cut(self.position)

    def _put_bytes(self, data: bytes) -> None:
        end = self.position + len(data)
        if end <= self._spool.size and self._read(self.position, 0, len(data)) == data:
            self.reused += len(data)
            self.position = end
            return
        self._cut(self.position)
        self._write(data)

    def _put_blob(self, content: Descriptor, source: Source) -> None:
        start, have = self.position, min(self._spool.size - self.position, content.size)
        try:
            self._continue(content, source, have)
        except IntegrityError:
            if not have:
                raise
            self._cut(start)  # what was there may be what is wrong
            self._continue(content, source, 0)
        else:
            self.reused += have

    def _continue(self, content: Descriptor, source: Source, have: int) -> None:
        """Bring a blob into the file, of which so many bytes may be there."""
        label = f"blob {content.digest.short}"
        start = self.position
        self._observer.started(label, content.size)
        with _Continued(partial(self._read, start), have, content=content, source=source) as body:
            verified = Verifying(body, content)
            left = have
            while left:
                left -= len(verified.read(min(CHUNK, left)))
            self._observer.advanced(label, have)
            self._append(start, have, content=content, pieces=chunks(verified))
        self._observer.finished(label)

    def _append(self, start: int, have: int, *, content: Descriptor, pieces: Iterator[bytes]) -> None:
        self.position = start + have
        if have < content.size:
            self._cut(self.position)
        try:
            with read_ahead(pieces) as ready:
                for piece in ready:
                    self._write(piece)
                    self._observer.advanced(f"blob {content.digest.short}", len(piece))
        except IntegrityError:
            self._cut(start)
            raise

    def _read(self, start: int, offset: int, size: int) -> bytes:
        return self._spool.read(size, start + offset)

    def _write(self, data: bytes) -> None:
        self._spool.write(data)
        self.position += len(data)

    def _cut(self, size: int) -> None:
        """Forget what is there from a place on."""
        if self._spool.size > size:
            self._spool.cut(size)
        self.position = size


class _Continued:
    """The bytes that are there, then the rest from the source, which is asked only if something is missing."""

    def __init__(self, there: Callable[[int, int], bytes], have: int, *, content: Descriptor, source: Source) -> None:
        self._there = there
        self._have = have
        self._content = content
        self._source = source
        self._at = 0
        self._rest: Readable | None = None
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._exits.close()

    def read(self, size: int, /) -> bytes:
        if self._at < self._have:
            piece = self._there(self._at, min(size, self._have - self._at))
            self._at += len(piece)
            return piece
        if self._rest is None and self._have < self._content.size:
            self._rest = self._exits.enter_context(self._source.open(self._content, self._have))
        return b"" if self._rest is None else self._rest.read(size)


def _watched(pieces: Iterable[bytes], content: Descriptor, observer: Observer) -> Iterator[bytes]:
    label = f"blob {content.digest.short}"
    observer.started(label, content.size)
    for piece in pieces:
        yield piece
        observer.advanced(label, len(piece))
    observer.finished(label)


@contextmanager
def _alone(path: Path) -> Iterator[Spool]:
    """Open the partial file, alone; what is in it stays if the block fails.

    Raises:
        ConflictError: If somebody else is writing it.
        StorageError: If it cannot be opened.
    """
    spool = Spool(path)
    if not take(spool.file) or not spool.is_at(path):
        spool.close()
        raise ConflictError(f"{path}: another export is writing it; wait for it, or use another file")
    try:
        yield spool
    except BaseException:
        if spool.size:
            spool.keep()
        else:
            spool.discard()
        raise
