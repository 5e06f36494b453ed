"""From one place to another, registries above all, with what belongs to a version; nothing is stored on the way.

referrer_graph ──> roots ──> copy_graph (blobs streamed, or mounted within one registry) ──> tags, last
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol, Self

from orchard.errors import NotFoundError, UsageError
from orchard.oci import Descriptor, Digest, Readable, Reference
from orchard.project.progress import Observer, Silent
from orchard.project.transfer import Labelled
from orchard.store import Referring, Related, Source, Store, copy_graph, referrer_graph

if TYPE_CHECKING:
    from orchard.store import Layout

LOCAL: Final = "local://"
REMOTE: Final = "remote://"

# Tags that say what another document is about: they come along with that one, never for themselves.
_ABOUT: Final = re.compile(r"sha(?:256-[0-9a-f]{64}|512-[0-9a-f]{64,128})(?:\..+)?")


@dataclass(frozen=True, slots=True)
class Place:
    """One side of a copy.

    Attributes:
        reference: The repository, with a tag or a digest if one was given.
        extra: Further tags.
        local: Whether it is in the local store.
    """

    reference: Reference
    extra: tuple[str, ...] = ()
    local: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference; without a registry, or after ``local://``, it is in the local store.

        Raises:
            InvalidReferenceError: If it breaks the grammar.
            UsageError: If ``remote://`` is followed by a reference without a registry.
        """
        bare = text.removeprefix(LOCAL).removeprefix(REMOTE)
        reference, extra = Reference.parse_tags(bare)
        if text.startswith(REMOTE) and reference.is_local:
            raise UsageError(f"{text}: names no registry (example: remote://registry.example.com/team/model:v1)")
        return cls(reference, extra, local=text.startswith(LOCAL) or reference.is_local)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that were given."""
        return ((self.reference.tag,) if self.reference.tag else ()) + self.extra

    def __str__(self) -> str:
        return f"{LOCAL if self.local and not self.reference.is_local else ''}{self.reference}"


class Repository(Store, Referring, Protocol):
    """A store that lists its tags and referrers."""


class Repositories(Protocol):
    """Where repositories are; a workspace."""

    @property
    def layout(self) -> "Layout":
        """The local store."""
        ...

    def remote(self, reference: Reference) -> Repository:
        """Open the repository of a reference in its registry."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyTerms:
    """How to copy.

    Attributes:
        every_tag: Whether all tags of the source are copied.
        referrers: Whether what belongs to a version comes along.
        dry_run: Whether to look only.
        workers: Blobs at a time.
    """

    every_tag: bool = False
    referrers: bool = True
    dry_run: bool = False
    workers: int = 5


@dataclass(frozen=True, slots=True)
class CopiedVersion:
    """One version that was copied.

    Attributes:
        root: Its manifest or index.
        tags: What it is called there.
        related: What belongs to it.
    """

    root: Descriptor
    tags: tuple[str, ...]
    related: tuple[Related, ...]


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied.

    Attributes:
        versions: The versions.
        contents: Blobs and documents that were not there before.
        size: Their bytes.
        skipped: Blobs and documents that were there already.
    """

    versions: tuple[CopiedVersion, ...]
    contents: int
    size: int
    skipped: int


def copy_versions(
    places: Repositories, source: Place, destination: Place, *, terms: CopyTerms, observer: Observer | None = None
) -> Copied:
    """Copy one version, or all that have tags.

    Each version is there, with all that belongs to it, before it gets its tags; so whoever sees a tag can verify what
    it names.

    Raises:
        UsageError: If the two do not say together what goes where.
        NotFoundError: If the source has no such version.
        OrchardError: As the one side or the other raises it.
    """
    here, there = _open(places, source), _open(places, destination)
    count = Count(observer or Silent())
    target: Store = Rehearsal(there) if terms.dry_run else there
    copy = VersionCopy(here, target, terms, count)
    with places.layout.writing() if destination.local and not terms.dry_run else nullcontext():
        wanted = _wanted(here, source, destination, every_tag=terms.every_tag)
        versions = tuple(copy.run(root, tags) for root, tags in wanted)
    return Copied(versions, count.contents, count.size, count.skipped)


@dataclass(frozen=True, slots=True)
class VersionCopy:
    """How versions get from one repository to another.

    Attributes:
        here: The one.
        there: The other.
        terms: How to copy.
        count: What was copied so far.
    """

    here: Repository
    there: Store
    terms: CopyTerms
    count: "Count"

    def run(self, root: Descriptor, tags: tuple[str, ...]) -> CopiedVersion:
        """Copy one version with what belongs to it, then tag it.

        Raises:
            OrchardError: As the one side or the other raises it.
        """
        related = tuple(referrer_graph(self.here, root))[1:] if self.terms.referrers else ()
        for found in (Related(root), *related):
            copy_graph(self.here, self.there, found.descriptor, workers=self.terms.workers, observer=self.count)
            if found.tag is not None:
                self.there.tag(found.descriptor, found.tag)
        for tag in tags:
            self.there.tag(root, tag)
        return CopiedVersion(root, tags, related)


def _open(places: Repositories, place: Place) -> Repository:
    return places.layout.repository(place.reference.name) if place.local else places.remote(place.reference)


def _wanted(
    here: Repository, source: Place, destination: Place, *, every_tag: bool
) -> Iterator[tuple[Descriptor, tuple[str, ...]]]:
    """Give what is to be copied, and the tags that it gets.

    Raises:
        UsageError: If the two do not say together what goes where.
        NotFoundError: If there is nothing.
    """
    if every_tag:
        named = [place for place in (source, destination) if place.tags or place.reference.digest]
        if named:
            raise UsageError(f"{named[0]}: with --all-tags, name repositories without a tag or a digest")
        yield from _tagged(here, source)
        return
    if source.extra:
        raise UsageError(f"{source}: one tag is needed here; copy all with --all-tags")
    try:
        root = here.resolve(source.reference.target)
    except NotFoundError as error:
        if not source.local:
            raise
        text = f"{source.reference.or_latest()}: not in the local store; see: orchard list"
        raise NotFoundError(text) from error
    digest = destination.reference.digest
    if digest is not None and digest != root.digest:
        raise UsageError(f"{destination}: the source is {root.digest}; a copy keeps its digest")
    same = () if digest or source.reference.digest else (source.reference.target,)
    yield root, destination.tags or same


def _tagged(here: Repository, source: Place) -> Iterator[tuple[Descriptor, tuple[str, ...]]]:
    """Give every version that has tags, once, in the order of its first tag.

    Raises:
        NotFoundError: If there is none.
    """
    found: dict[Digest, tuple[Descriptor, list[str]]] = {}
    for tag in sorted(tag for tag in here.tags() if _ABOUT.fullmatch(tag) is None):
        root = here.resolve(tag)
        found.setdefault(root.digest, (root, []))[1].append(tag)
    if not found:
        raise NotFoundError(f"{source} has no tags")
    yield from ((root, tuple(tags)) for root, tags in found.values())


class Rehearsal:
    """A destination where nothing arrives: it only tells what is there already."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        """Open what is there."""
        return self._inner.open(content, offset)

    def exists(self, content: Descriptor) -> bool:
        """Tell whether content is there already."""
        return self._inner.exists(content)

    def push(self, content: Descriptor, source: Source) -> None:
        """Do nothing."""

    def resolve(self, target: str) -> Descriptor:
        """Find a document that is there."""
        return self._inner.resolve(target)

    def tag(self, document: Descriptor, tag: str) -> None:
        """Do nothing."""


class Count:
    """An observer of several copies that counts each content once.

    Attributes:
        contents: Blobs and documents that were not there before.
        size: Their bytes.
        skipped: Blobs and documents that were there already.
    """

    def __init__(self, observer: Observer) -> None:
        self._labelled = Labelled(observer)
        self._lock = Lock()
        self._seen: set[Digest] = set()
        self.contents = self.size = self.skipped = 0

    def started(self, content: Descriptor) -> None:
        """Pass it on."""
        self._labelled.started(content)

    def advanced(self, content: Descriptor, count: int) -> None:
        """Pass it on."""
        self._labelled.advanced(content, count)

    def finished(self, content: Descriptor, *, skipped: bool) -> None:
        """Count it, and pass it on."""
        with self._lock:
            if content.digest not in self._seen:
                self._seen.add(content.digest)
                self.skipped += skipped
                self.contents += not skipped
                self.size += 0 if skipped else content.size
        self._labelled.finished(content, skipped=skipped)
