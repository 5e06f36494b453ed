"""What belongs to a version beside itself: its signatures, attestations, bills of materials, found by its name.

Two ways are in use. A **referrer** names its subject (OCI distribution spec 1.1, "Listing Referrers"). A **digest tag**
is the older convention of cosign and others: the tag ``sha256-<hex>.sig`` names what is about ``sha256:<hex>``.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from orchard.errors import DeniedError, LimitExceededError, NotFoundError, UnauthenticatedError, UnsupportedError
from orchard.oci import MAX_MANIFEST, Descriptor, Digest, mediatype, parse_document, read_all
from orchard.store.base import Source

MAX_RELATED: Final = 4096  # documents that may belong to one version
MAX_CHAIN: Final = 16  # documents each about the next; a signature of an attestation of a version is a chain of 2

_DIGEST_TAG: Final = re.compile(r"(sha256-[0-9a-f]{64})\.[A-Za-z0-9._-]+")
_USUAL: Final = (".sig", ".att", ".sbom")


def is_digest_tag(tag: str) -> bool:
    """Tell whether a tag says that what it names is about another document, as ``sha256-<hex>.sig`` does."""
    return _DIGEST_TAG.fullmatch(tag) is not None


class Referring(Source, Protocol):
    """A repository that knows what its documents are about."""

    def resolve(self, target: str) -> Descriptor:
        """Find the document that a tag or a digest names."""
        ...

    def tags(self) -> Iterable[str]:
        """Give all tags."""
        ...

    def referrers(self, subject: Digest) -> Iterable[Descriptor]:
        """Give the documents whose subject this is."""
        ...


@dataclass(frozen=True, slots=True)
class Related:
    """A document that belongs to a version.

    Attributes:
        descriptor: Its name.
        subject: What it is about; nothing for the version itself.
        tag: The digest tag that names it, if it was found by one; a copy needs the same tag.
    """

    descriptor: Descriptor
    subject: Digest | None = None
    tag: str | None = None


def referrer_graph(store: Referring, root: Descriptor) -> Iterator[Related]:
    """Give a document, then all that is about it, or about a part of it, or about such a thing, and so on.

    Each is given once, after its subject: a root for ``copy_graph``, in the order of copying. What an index lists is
    not given, because it is copied with the index; but what is about it is. A circle ends where it began
    (GHSA-298f-872v-2rcx).

    Raises:
        LimitExceededError: If more than 4096 documents belong to it, or more than 16 each refer to the next.
        OrchardError: As the store raises it.
    """
    walk = _Walk(store, root)
    yield Related(root)
    yield from walk.run()


class _Walk:
    def __init__(self, store: Referring, root: Descriptor) -> None:
        self._store = store
        self._root = root
        self._waiting = deque([(root, 0)])
        self._seen = {root.digest}
        self._tags = _DigestTags(store)

    def run(self) -> Iterator[Related]:
        while self._waiting:
            content, depth = self._waiting.popleft()
            if not mediatype.is_document(content.media_type):
                continue
            self._waiting.extend((child, depth) for child in self._listed(content) if self._is_new(child))
            for found in (*self._referrers(content), *self._tagged(content)):
                if self._is_new(found.descriptor):
                    self._waiting.append((found.descriptor, self._deeper(depth)))
                    yield found

    def _deeper(self, depth: int) -> int:
        """Count one step further away from the root.

        Raises:
            LimitExceededError: If that is too far: a server that makes up a referrer of each referrer never ends.
        """
        if depth >= MAX_CHAIN:
            raise LimitExceededError(f"{self._root.digest}: more than {MAX_CHAIN} documents each refer to the next")
        return depth + 1

    def _is_new(self, content: Descriptor) -> bool:
        """Tell whether this was not met before.

        Raises:
            LimitExceededError: If too many were met.
        """
        if content.digest in self._seen:
            return False
        if len(self._seen) >= MAX_RELATED:
            raise LimitExceededError(f"{self._root.digest}: more than {MAX_RELATED} documents refer to it")
        self._seen.add(content.digest)
        return True

    def _listed(self, content: Descriptor) -> list[Descriptor]:
        """Give the documents that an index lists."""
        if content.media_type not in mediatype.INDEXES:
            return []
        with self._store.open(content) as body:
            document = parse_document(read_all(body, content, limit=MAX_MANIFEST), content.media_type)
        return [child for child in document.children if mediatype.is_document(child.media_type)]

    def _referrers(self, content: Descriptor) -> Iterator[Related]:
        for found in self._store.referrers(content.digest):
            yield Related(found, content.digest)

    def _tagged(self, content: Descriptor) -> Iterator[Related]:
        for tag in self._tags.of(content.digest):
            with suppress(NotFoundError):  # taken away meanwhile, or guessed
                yield Related(self._store.resolve(tag), content.digest, tag)


class _DigestTags:
    """The digest tags of a repository, listed once; where a registry lists no tags, the usual ones are tried."""

    def __init__(self, store: Referring) -> None:
        self._store = store
        self._listed: dict[str, list[str]] | None = None
        self._blind = False

    def of(self, subject: Digest) -> list[str]:
        """Give the tags that are about a document, or may be."""
        if self._listed is None:
            self._listed = self._list()
        stem = f"{subject.algorithm}-{subject.hex}"
        return [f"{stem}{end}" for end in _USUAL] if self._blind else self._listed.get(stem, [])

    def _list(self) -> dict[str, list[str]]:
        listed: dict[str, list[str]] = {}
        try:
            for tag in self._store.tags():
                if found := _DIGEST_TAG.fullmatch(tag):
                    listed.setdefault(found[1], []).append(tag)
        except (DeniedError, NotFoundError, UnauthenticatedError, UnsupportedError):
            self._blind = True
        return listed
