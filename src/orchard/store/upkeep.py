"""Upkeep of a layout: what its entries need, what nobody needs, what is damaged."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import msgspec

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
from orchard.store.meter import Observer


class SweepReport(msgspec.Struct, frozen=True):
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
        fault: Whether it is other bytes than promised, not there, or a document that makes no sense.
    """

    digest: Digest
    message: str
    fault: Literal["damaged", "missing", "invalid"] = field(default="damaged", compare=False)


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


def missing(blobs: Blobs, roots: Iterable[Descriptor], *, sparse: bool = False) -> Iterator[Problem]:
    """Find what documents need and the store lacks; a blob of the wrong size is lacking too.

    Args:
        blobs: Where to look.
        roots: The documents.
        sparse: Whether an index may name manifests that are elsewhere.
    """
    for content, problem in _walk(blobs, roots, sparse=sparse):
        if problem is not None:
            invalid = isinstance(problem, InvalidError)
            yield Problem(content.digest, str(problem), "invalid" if invalid else "missing")
        elif not blobs.has(content):
            text = f"{content.digest} is missing, or not {content.size} bytes long"
            yield Problem(content.digest, text, "missing")


def needed(blobs: Blobs, root: Descriptor) -> set[Digest]:
    """List what a document needs, itself included, as far as that can be read."""
    return {content.digest for content, _ in _walk(blobs, [root])}


def sweep(blobs: Blobs, roots: Iterable[Descriptor], *, partials: bool, rehearse: bool = False) -> SweepReport:
    """Delete the blobs that no root needs, and what interrupted runs left; only while nobody writes.

    Args:
        blobs: Where to sweep.
        roots: The documents that stay.
        partials: Whether to delete also what interrupted transfers would go on with.
        rehearse: Whether to count only.

    Raises:
        IntegrityError: If a document cannot be read, so that it is not known what it needs; nothing is deleted then.
        StorageError: If a file cannot be deleted.
    """
    unneeded = _unneeded(blobs, roots)
    for digest, _ in () if rehearse else unneeded:
        blobs.remove(digest)
    freed = blobs.clear_ingest(partials=partials, rehearse=rehearse)
    return SweepReport(len(unneeded), freed + sum(size for _, size in unneeded))


def _unneeded(blobs: Blobs, roots: Iterable[Descriptor]) -> list[tuple[Digest, int]]:
    needed: set[Digest] = set()
    for content, problem in _walk(blobs, roots, sparse=True):
        if problem is not None:
            raise IntegrityError(f"nothing was deleted: {problem}; pull that version again, or remove it") from problem
        needed.add(content.digest)
    return [(digest, size) for digest, size in blobs.stored() if digest not in needed]


def verify(blobs: Blobs, roots: Iterable[Descriptor], observer: Observer) -> Iterator[Problem]:
    """Hash everything that is stored, some blobs at a time, and look for everything that the roots need.

    Raises:
        StorageError: If a directory cannot be read.
    """
    stored = [
        Descriptor(media_type=mediatype.OCTET_STREAM, digest=digest, size=size) for digest, size in blobs.stored()
    ]
    damaged: set[Digest] = set()
    for problem in _problems(blobs, stored, observer):
        if blobs.path(problem.digest).exists():  # what is swept meanwhile is no problem
            damaged.add(problem.digest)
            yield problem
    yield from (problem for problem in missing(blobs, roots, sparse=True) if problem.digest not in damaged)


def _problems(blobs: Blobs, stored: Iterable[Descriptor], observer: Observer) -> Iterator[Problem]:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 -- 3 ms, and nearly every command comes through here

    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="verify") as pool:
        checks = [pool.submit(_check, blobs, content, observer) for content in stored]
        try:
            yield from filter(None, (check.result() for check in checks))
        except BaseException:  # interrupted, or nobody wants to know more
            pool.shutdown(cancel_futures=True)
            raise


def about(blobs: Blobs, candidates: Iterable[Descriptor], subject: Digest) -> Iterator[Descriptor]:
    """Give the candidates whose subject this is, with the type that a list of referrers has for them."""
    for candidate, document in _referring(blobs, candidates):
        if document.subject is not None and document.subject.digest == subject:
            kind = document.kind or None
            yield Descriptor(
                media_type=candidate.media_type, digest=candidate.digest, size=candidate.size, artifact_type=kind
            )


def referrers(blobs: Blobs, candidates: Iterable[Descriptor], subject: Digest) -> frozenset[Digest]:
    """Find the candidates that are about a subject, or about such a one, and so on; the subject itself included."""
    subjects = {
        candidate.digest: document.subject.digest
        for candidate, document in _referring(blobs, candidates)
        if document.subject is not None
    }
    found = {subject}
    while more := {digest for digest, about in subjects.items() if about in found} - found:
        found |= more
    return frozenset(found)


def _referring(blobs: Blobs, candidates: Iterable[Descriptor]) -> Iterator[tuple[Descriptor, Document]]:
    for candidate in candidates:
        try:
            document = read_document(blobs, candidate)
        except OrchardError:
            continue  # damaged or of another kind: not known to be about anything
        yield candidate, document


def _check(blobs: Blobs, content: Descriptor, observer: Observer) -> Problem | None:
    observer.started(content)
    problem = None
    try:
        with blobs.open(content) as body:
            for chunk in chunks(Verifying(body, content), CHUNK):
                observer.advanced(content, len(chunk))
    except NotFoundError:
        pass  # deleted meanwhile
    except OrchardError as error:
        problem = Problem(content.digest, str(error))
    observer.finished(content, skipped=False)
    return problem


def _walk(
    blobs: Blobs, roots: Iterable[Descriptor], *, sparse: bool = False
) -> Iterator[tuple[Descriptor, OrchardError | None]]:
    """Give every descriptor that is reachable, once, with what prevents reading it if it is a document.

    An index may be ``sparse``: name manifests that nobody has fetched. Those are passed over then.
    """
    roots = list(roots)
    own = {root.digest for root in roots}
    waiting = roots
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
        except NotFoundError as error:
            if not sparse or content.digest in own:
                yield content, error
        except (IntegrityError, InvalidError) as error:
            yield content, error
        else:
            yield content, None
