"""Reading many versions of a registry: some at a time, each document once, and no more than asked for.

A tag costs one request, a version one more for its config. The time goes to the registry and back, so as
many requests are on their way as the caller allows; results keep the order of what was asked.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from orchard.errors import (
    DeniedError,
    InvalidDocumentError,
    NotAModelKitError,
    NotFoundError,
    UnsupportedError,
    UsageError,
)
from orchard.oci import Descriptor, Digest, Readable, check_repository, mediatype
from orchard.project.versions import Version, read_version
from orchard.store import Bytes

if TYPE_CHECKING:
    from orchard.remote import Registry, RemoteRepository

# Tags that say what they are about are of signatures and the like.
_ABOUT: Final = re.compile(r"sha(?:256|512)-[0-9a-f]{64,128}(?:\..+)?", re.ASCII)

T = TypeVar("T")
R = TypeVar("R")


class RegistryPart(NamedTuple):
    """A part of a registry.

    Attributes:
        host: The registry.
        prefix: What names of repositories begin with; empty for all of them.
    """

    host: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> "RegistryPart":
        """Read ``HOST[/PREFIX]``.

        Raises:
            UsageError: If the first part is no host.
            InvalidReferenceError: If the rest is no beginning of a name.
        """
        host, _, prefix = text.removesuffix("/").partition("/")
        if not any(mark in host for mark in ".:"):
            raise UsageError(f"{text[:128]}: a registry is needed here, as in registry.example.com or localhost:8080")
        return cls(host, check_repository(prefix) if prefix else "")

    def holds(self, repository: str) -> bool:
        """Tell whether a repository is in this part."""
        return not self.prefix or repository == self.prefix or repository.startswith(f"{self.prefix}/")


class Tagged(NamedTuple):
    """A tag of a repository in a registry.

    Attributes:
        tag: The tag.
        descriptor: What it names.
        version: That, read; None if it breaks its rules.
    """

    tag: str
    descriptor: Descriptor
    version: Version | None


def repositories(registry: "Registry", place: RegistryPart) -> Iterator[str]:
    """Give the names of the repositories in a part of a registry.

    Raises:
        UnsupportedError: If the registry lists none to us.
        OrchardError: As the registry client raises it.
    """
    try:
        yield from filter(place.holds, registry.catalog())
    except (DeniedError, NotFoundError, UnsupportedError) as error:
        raise UnsupportedError(
            f"{place.host} does not list its repositories ({error}); name one: orchard list {place.host}/REPOSITORY"
        ) from error


def read_tags(repository: "RemoteRepository", tags: Iterable[str], *, workers: int) -> Iterator[Tagged]:
    """Read what tags name, in their order; artifacts of other kinds, and tags that go meanwhile, are left out.

    Raises:
        OrchardError: As the registry client raises it.
    """
    reader = _Reader(repository)
    named = (tag for tag in tags if _ABOUT.fullmatch(tag) is None)
    return (found for found in concurrently(reader.read, named, workers=workers) if found is not None)


def read_registry(registry: "Registry", part: RegistryPart, *, workers: int) -> Iterator[tuple[str, Tagged]]:
    """Read what the tags of all repositories in a part of a registry name, repository by repository.

    What others may see and we may not is left out, and so is what goes meanwhile.

    Raises:
        UnsupportedError: If the registry lists no repositories to us.
        OrchardError: As the registry client raises it.
    """

    def tags_of(name: str) -> tuple[str, list[str]]:
        try:
            return name, [tag for tag in registry.repository(name).tags() if _ABOUT.fullmatch(tag) is None]
        except (DeniedError, NotFoundError):
            return name, []

    def read(item: tuple[str, _Reader, str]) -> tuple[str, Tagged | None]:
        name, reader, tag = item
        try:
            return name, reader.read(tag)
        except DeniedError:
            return name, None

    listed = concurrently(tags_of, repositories(registry, part), workers=workers)
    wanted = (
        (name, reader, tag) for name, tags in listed for reader in [_Reader(registry.repository(name))] for tag in tags
    )
    return ((name, found) for name, found in concurrently(read, wanted, workers=workers) if found is not None)


def concurrently(work: Callable[[T], R], items: Iterable[T], *, workers: int) -> Iterator[R]:
    """Do the work for all items, some at a time, and give the results in the order of the items.

    Items are taken only as fast as results are: an endless list costs nothing.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="read") as pool:
        try:
            yield from _in_order(pool, work, items, ahead=2 * workers)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _in_order(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T], *, ahead: int) -> Iterator[R]:
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


class _Reader:
    """Reads the versions of one repository, each once however many tags it has."""

    def __init__(self, repository: "RemoteRepository") -> None:
        self._repository = repository
        self._known: dict[Digest, Future[Version | None]] = {}
        self._others: set[Digest] = set()
        self._lock = Lock()

    def read(self, tag: str) -> Tagged | None:
        """Read what a tag names; nothing if that is no project, or has gone meanwhile."""
        try:
            descriptor, raw = self._repository.documents.get(tag)
        except (NotFoundError, InvalidDocumentError):
            return None
        if descriptor.media_type in mediatype.INDEXES or descriptor.digest in self._others:
            return None
        try:
            return Tagged(tag, descriptor, self._once(descriptor, raw))
        except NotAModelKitError:
            self._others.add(descriptor.digest)
            return None

    def _once(self, descriptor: Descriptor, raw: bytes) -> Version | None:
        """Read a version, or wait for whoever reads it already."""
        with self._lock:
            known = self._known.get(descriptor.digest)
            mine = Future[Version | None]() if known is None else None
            if mine is not None:
                self._known[descriptor.digest] = mine
        if known is not None:
            return known.result()
        assert mine is not None
        try:
            mine.set_result(self._version(descriptor, raw))
        except BaseException as error:
            mine.set_exception(error)
            raise
        return mine.result()

    def _version(self, descriptor: Descriptor, raw: bytes) -> Version | None:
        try:
            return read_version(_Known(self._repository, descriptor.digest, raw), descriptor)
        except NotAModelKitError:
            raise
        except (InvalidDocumentError, NotFoundError):
            return None


class _Known:
    """A source of which one document is at hand."""

    def __init__(self, source: "RemoteRepository", digest: Digest, raw: bytes) -> None:
        self._source = source
        self._digest = digest
        self._raw = raw

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        """Open content for reading, from ``offset`` bytes on."""
        if content.digest == self._digest:
            return Bytes(self._raw).open(content, offset)
        return self._source.open(content, offset)
