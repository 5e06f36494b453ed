"""Upkeep of a layout: what its entries need, what nobody needs, what is damaged."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchard.errors import IntegrityError, InvalidError, NotFoundError, OrchardError
from orchard.oci import (
    CHUNK,
    MAX_MANIFEST,
    Descriptor,
    Digest,
    Document,
    Verifying,
    chunks,
    mediatype,
    parse_document,
    read_all,
)
from orchard.store.blobs import Blobs


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep did.

    Attributes:
        blobs: How many blobs it deleted.
        bytes: How many bytes that freed, those of interrupted runs included.
        busy: Whether it did nothing, because others are writing.
    """

    blobs: int = 0
    bytes: int = 0
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be.

    Attributes:
        digest: The content.
        message: What is wrong with it.
    """

    digest: Digest
    message: str


def read_document(blobs: Blobs, content: Descriptor) -> Document:
    """Read a manifest or an index of this store, verified.

    Raises:
        NotFoundError: If it is not there.
        IntegrityError: If it is damaged.
        InvalidError: If it is not what its descriptor says.
    """
    with blobs.open(content) as body:
        return parse_document(read_all(body, content, limit=MAX_MANIFEST), content.media_type)


def is_whole(blobs: Blobs, document: Descriptor) -> bool:
    """Tell whether a document and all that it needs are there; of blobs only the size is looked at."""
    return not any(True for _ in missing(blobs, [document]))


def missing(blobs: Blobs, roots: Iterable[Descriptor]) -> Iterator[Problem]:
    """Find what documents need and the store lacks; a blob of the wrong size is lacking too."""
    for content, problem in _walk(blobs, roots):
        if problem is not None:
            yield Problem(content.digest, str(problem))
        elif not blobs.has(content):
            yield Problem(content.digest, f"{content.digest} is missing, or not {content.size} bytes long")


def sweep(blobs: Blobs, roots: Iterable[Descriptor], *, partials: bool) -> SweepReport:
    """Delete the blobs that no root needs, and what interrupted runs left; only while nobody writes.

    Raises:
        IntegrityError: If a document cannot be read, so that it is not known what it needs; nothing is deleted then.
        StorageError: If a file cannot be deleted.
    """
    needed: set[Digest] = set()
    for content, problem in _walk(blobs, roots):
        if problem is not None:
            raise IntegrityError(f"nothing was deleted: {problem}; pull that version again, or remove it") from problem
        needed.add(content.digest)
    unneeded = [(digest, size) for digest, size in blobs.stored() if digest not in needed]
    for digest, _ in unneeded:
        blobs.remove(digest)
    freed = blobs.clear_ingest(partials=partials)
    return SweepReport(len(unneeded), freed + sum(size for _, size in unneeded))


def verify(blobs: Blobs, roots: Iterable[Descriptor]) -> Iterator[Problem]:
    """Hash everything that is stored, and look for everything that the roots need.

    Raises:
        StorageError: If a file cannot be read.
    """
    damaged: set[Digest] = set()
    for digest, size in blobs.stored():
        problem = _check(blobs, Descriptor(media_type=mediatype.OCTET_STREAM, digest=digest, size=size))
        if problem is not None:
            damaged.add(digest)
            yield problem
    yield from (problem for problem in missing(blobs, roots) if problem.digest not in damaged)


def referrers(blobs: Blobs, candidates: Iterable[Descriptor], subject: Digest) -> frozenset[Digest]:
    """Find the candidates that are about a subject, or about such a one, and so on; the subject itself included."""
    subjects: dict[Digest, Digest] = {}
    for candidate in candidates:
        try:
            about = read_document(blobs, candidate).subject
        except OrchardError:
            continue  # damaged or of another kind: not known to be about anything
        if about is not None:
            subjects[candidate.digest] = about.digest
    found = {subject}
    while more := {digest for digest, about in subjects.items() if about in found} - found:
        found |= more
    return frozenset(found)


def _check(blobs: Blobs, content: Descriptor) -> Problem | None:
    try:
        with blobs.open(content) as body:
            for _ in chunks(Verifying(body, content), CHUNK):
                pass
    except NotFoundError:
        return None  # deleted meanwhile
    except OrchardError as error:
        return Problem(content.digest, str(error))
    return None


def _walk(blobs: Blobs, roots: Iterable[Descriptor]) -> Iterator[tuple[Descriptor, OrchardError | None]]:
    """Give every descriptor that is reachable, once, with what prevents reading it if it is a document."""
    waiting = list(roots)
    seen: set[tuple[Digest, bool]] = set()
    while waiting:
        content = waiting.pop()
        is_document = mediatype.is_document(content.media_type)
        if (content.digest, is_document) in seen:
            continue
        seen.add((content.digest, is_document))
        if not is_document:
            yield content, None
            continue
        try:
            waiting.extend(read_document(blobs, content).children)
        except (NotFoundError, IntegrityError, InvalidError) as error:
            yield content, error
        else:
            yield content, None
