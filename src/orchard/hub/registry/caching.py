"""Repositories that stand for those of another registry: what is not here is fetched from there, once.

What a digest names never changes, so it is kept for ever. A tag is believed for a while, then compared; if the other
registry cannot be asked, the old one is given with a warning. Manifests are kept as received, whole or not: their blobs
come when somebody asks for them.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from orchard.errors import DeniedError, LimitExceededError, NotFoundError, OrchardError, RateLimitedError, UpstreamError
from orchard.hub import catalog
from orchard.hub.access import Principal
from orchard.hub.catalog import Blob, Journal, NewManifest, StoredManifest, TagBook, proxies
from orchard.hub.registry import asking, documents
from orchard.hub.registry.outlining import is_told_by_config
from orchard.hub.registry.ports import Content
from orchard.hub.registry.quotas import within_quota
from orchard.hub.registry.reading import Page, Premises, ReadableRepository
from orchard.hub.registry.uploading import OpenUpload
from orchard.hub.registry.upstreams import Upstream
from orchard.hub.registry.writing import WritableRepository
from orchard.oci import Descriptor, Digest, Index, Manifest, dumps, mediatype

WHO: Final = Principal("proxy")  # the account that what was fetched belongs to
NEAR: Final = 4 << 20  # bytes that somebody who wants the middle of a blob waits for, if it is on its way
_MAX_TAGS: Final = 100_000
_MAX_REFERRERS: Final = 4096
_MAX_CONFIG: Final = 1 << 20

T = TypeVar("T")


class CachedRepository(ReadableRepository):
    """A repository that stands for one of another registry, open for reading. Having it is the permission.

    Attributes:
        distant: Whether it may wait for another machine.
        warnings: What whoever asked should know.
    """

    distant = True

    def __init__(self, premises: Premises, upstream: Upstream, keeping: WritableRepository) -> None:
        super().__init__(premises, upstream.name)
        self._upstream = upstream
        self._keeping = keeping
        self.warnings: list[str] = []

    def manifest(self, reference: str | Digest) -> StoredManifest:
        """Find a manifest by its tag or its digest, here or there.

        Raises:
            NotFoundError: If there is none.
            DeniedError: If the other registry does not let the hub in.
            RateLimitedError: If it asks the hub to come back later.
            UpstreamError: If it cannot be asked, or gives what cannot be right.
            StorageError: If the disk or the catalog fails.
        """
        known = self._believed(reference)
        if known is not None:
            return known
        with self._upstream.turns.of(f"{self.name} {reference}"):
            if isinstance(reference, Digest):
                return self._by_digest(reference)
            return self._by_tag(reference)

    def blob(self, digest: Digest) -> Blob:
        """Find a blob, here or there.

        Raises:
            NotFoundError: If there is none.
            OrchardError: As ``manifest``.
        """
        try:
            return super().blob(digest)
        except NotFoundError:
            return self._elsewhere(digest)

    def held(self, digest: Digest) -> tuple[Blob, Content]:
        """Find a blob, here or there, with its bytes.

        Raises:
            NotFoundError: If there is none.
            OrchardError: As ``manifest``.
        """
        try:
            return super().blob(digest), self._premises.files.content(digest)
        except NotFoundError:
            blob = self._elsewhere(digest)
            return blob, _Distant(self._upstream, blob, partial(self._keeping.start_upload, digest.algorithm))

    def tags(self, page: Page) -> list[str]:
        """List the tags of the other registry; those known here, with a warning, if it cannot be asked.

        Raises:
            NotFoundError: If there is no such repository.
            OrchardError: As ``manifest``.
        """
        try:
            with self._upstream.asking("tags"):
                found = set(_bounded(self._upstream.remote.tags(), _MAX_TAGS, "tags"))
        except (UpstreamError, RateLimitedError) as error:
            self._warn(error)
            return super().tags(page)
        return sorted(tag for tag in found if tag > page.after)[: page.limit]

    def referrers(self, subject: Digest, page: Page, artifact_type: str | None = None) -> tuple[list[str], bool]:
        """List what the other registry knows to be about a manifest; what is known here if it cannot be asked.

        Raises:
            OrchardError: As ``manifest``.
        """
        try:
            with self._upstream.asking(f"referrers of {subject}"):
                listed = _bounded(self._upstream.remote.referrers(subject, artifact_type), _MAX_REFERRERS, "referrers")
                found = {str(one.digest): one for one in listed}
        except NotFoundError:
            return [], False
        except (UpstreamError, RateLimitedError) as error:
            self._warn(error)
            return super().referrers(subject, page, artifact_type)
        names = sorted(name for name in found if name > page.after)
        shown = [dumps(found[name].to_json()).decode() for name in names[: page.limit]]
        return shown, len(names) > page.limit

    def _by_digest(self, digest: Digest) -> StoredManifest:
        try:
            return super().manifest(digest)
        except NotFoundError:
            return self._fetch(str(digest), None)

    def _believed(self, reference: str | Digest) -> StoredManifest | None:
        """Find a manifest about which nobody needs to be asked."""
        if isinstance(reference, Digest):
            try:
                return super().manifest(reference)
            except NotFoundError:
                return None
        known, checked_at = self._known(reference)
        if known is None or checked_at is None:
            return None
        age = (self._premises.at - checked_at) / 1000
        return known if 0 <= age < self._upstream.proxy.ttl else None

    def _by_tag(self, tag: str) -> StoredManifest:
        known = self._believed(tag)
        if known is not None:
            return known
        known, _ = self._known(tag)
        try:
            return self._compared(tag, known)
        except (UpstreamError, RateLimitedError) as error:
            if known is None:
                raise
            self._warn(error)
            return known
        except NotFoundError:
            self._forget(tag)
            raise

    def _known(self, tag: str) -> tuple[StoredManifest | None, int | None]:
        with self._premises.database.read() as connection:
            repository = catalog.repositories.find(connection, self.name)
            if repository is None:
                return None, None
            checked_at = proxies.checked_at(connection, repository, tag)
            return catalog.manifests.by_tag(connection, self.name, tag), checked_at

    def _compared(self, tag: str, known: StoredManifest | None) -> StoredManifest:
        """Find out where a tag points there, and let it point there here."""
        if known is None:
            return self._fetch(tag, tag)
        with self._upstream.asking(tag):
            current = self._upstream.remote.resolve(tag).digest
        if current != known.digest:
            try:
                known = super().manifest(current)
            except NotFoundError:
                return self._fetch(str(current), tag)
        self._point(tag, known)
        return known

    def _fetch(self, target: str, tag: str | None) -> StoredManifest:
        """Get a manifest from there and keep it."""
        with self._upstream.asking(target):
            described, raw = self._upstream.remote.documents.get(target)
            document = documents.parse(raw, described.media_type)
        stored = StoredManifest(described.digest, document.media_type, raw)
        self._prefetch(document)
        outline = documents.outline(document, self.name, self._premises)
        at = self._premises.at
        with self._premises.database.write(self.name) as connection, within_quota(connection, self.name):
            repository = catalog.repositories.make(connection, self.name, at)
            journal = Journal(connection, self.name, account=WHO.name, at=at)
            if catalog.manifests.find(connection, repository, stored.digest) is None:
                found = outline or documents.index_outline(document, _sizes(document))
                new = NewManifest(document, stored.digest, found, account=WHO.name, at=at)
                catalog.manifests.add(connection, repository, new)
                journal.record("manifest.push", stored.digest)
                asking.ask(
                    self._premises, connection, self.name, digest=stored.digest, kind=found.kind, subject=new.subject
                )
        if tag is not None:
            self._point(tag, stored)
        return stored

    def _prefetch(self, document: Manifest | Index) -> None:
        """Fetch the config of a model, which says what people see of it in lists; if that fails they see less."""
        if not isinstance(document, Manifest) or not 0 < document.config.size <= _MAX_CONFIG:
            return
        if not is_told_by_config(document):
            return
        config = Blob(document.config.digest, document.config.size)
        try:
            super().blob(config.digest)
        except NotFoundError:
            content = _Distant(self._upstream, config, partial(self._keeping.start_upload, config.digest.algorithm))
            try:
                for _ in content.read(0, config.size):
                    continue
            except OrchardError:
                return

    def _point(self, tag: str, manifest: StoredManifest) -> None:
        at = self._premises.at
        try:
            with self._premises.database.write(self.name) as connection:
                repository = catalog.repositories.make(connection, self.name, at)
                number = catalog.manifests.find(connection, repository, manifest.digest)
                if number is None:  # deleted a moment ago; the next one who asks fetches it again
                    return
                if TagBook(connection, repository, account=WHO.name, at=at).point(tag, number, manifest.digest):
                    journal = Journal(connection, self.name, account=WHO.name, at=at)
                    journal.record("tag.set", manifest.digest, tag)
                proxies.check(connection, repository, tag, at=at)
        finally:
            self._premises.recall.forget(self.name)

    def _forget(self, tag: str) -> None:
        """Let a tag go that the other registry has no more."""
        at = self._premises.at
        with self._premises.database.write(self.name) as connection:
            repository = catalog.repositories.find(connection, self.name)
            if repository is not None and TagBook(connection, repository, account=WHO.name, at=at).remove(tag):
                Journal(connection, self.name, account=WHO.name, at=at).record("tag.delete", tag=tag)
        self._premises.recall.forget(self.name)

    def _elsewhere(self, digest: Digest) -> Blob:
        """Find out how large a blob is that is not here.

        Raises:
            DeniedError: If it is too large.
            OrchardError: As ``manifest``.
        """
        size = self._named(digest)
        if size is None:
            with self._upstream.asking(str(digest)):
                size = self._upstream.remote.measure(digest).size
        largest = self._upstream.proxy.largest
        if largest is not None and size > largest:
            raise DeniedError(f"{digest} has {size} bytes; {self._upstream.proxy.namespace} fetches {largest} at most")
        return Blob(digest, size)

    def _named(self, digest: Digest) -> int | None:
        with self._premises.database.read() as connection:
            repository = catalog.repositories.find(connection, self.name)
            if repository is None:
                return None
            return proxies.named_size(connection, repository, str(digest))

    def _warn(self, error: OrchardError) -> None:
        self.warnings.append(f"{self.name} may be out of date: {error}")


class _Distant:
    """The bytes of a blob that is not here yet."""

    file: Path | None = None

    def __init__(self, upstream: Upstream, blob: Blob, begin: Callable[[], OpenUpload]) -> None:
        self._upstream = upstream
        self._blob = blob
        self._begin = begin

    def url(self) -> str | None:
        """Nobody is sent to the other registry, whose credential is the hub's."""
        return None

    def read(self, start: int, stop: int) -> Generator[bytes]:
        """Give some of the bytes as they come; who wants all of them, or what is about to come, lets them be kept.

        A part from the middle is fetched for itself and not kept: nobody can tell whether it is sound.

        Raises:
            NotFoundError: If the other registry does not have it.
            UpstreamError: If it fails, or gives other bytes.
            OrchardError: As ``CachedRepository.manifest``.
        """
        upstream, blob = self._upstream, self._blob
        wanted = Descriptor(media_type=mediatype.OCTET_STREAM, digest=blob.digest, size=blob.size)
        with upstream.asking(str(blob.digest)):
            there = upstream.fills.there(upstream.name, blob.digest)
            if start == 0 or 0 < start <= there + NEAR * (there > 0):
                yield from upstream.fills.read(
                    upstream.name,
                    blob,
                    source=partial(upstream.remote.open, wanted),
                    begin=self._begin,
                    start=start,
                    stop=stop,
                )
                return
            with upstream.remote.open(wanted, start) as body:
                while start < stop and (piece := body.read(min(1 << 20, stop - start))):
                    start += len(piece)
                    yield piece
            if start < stop:
                raise UpstreamError(f"{blob.digest}: the other registry gave too little")


def _bounded(items: Iterable[T], limit: int, what: str) -> Iterator[T]:
    """Give a stranger's list on, which may have no end.

    Raises:
        LimitExceededError: If it is too long.
    """
    for number, item in enumerate(items):
        if number == limit:
            raise LimitExceededError(f"more than {limit} {what}")
        yield item


def _sizes(document: Manifest | Index) -> dict[str, int]:
    return {str(child.digest): child.size for child in document.children}
