"""Collecting garbage beside pushes, without getting in their way (ADR 59).

Rounds, each in pages, and each deletion looks again at what it deletes, in the transaction that does it:

1. referrers whose subject has been missing for longer than the grace,
2. links of repositories to blobs that no manifest there names and that nobody asked for within the grace,
3. blobs that no repository links: first their rows, then their bytes,
4. bytes that no row knows: what a crash between the two left behind,
5. objects of a store that make up nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Final, TypeVar

from orchard.hub import catalog
from orchard.hub.catalog import Deletion, Journal
from orchard.hub.catalog.garbage import Referrer
from orchard.hub.db import Transaction
from orchard.hub.registry.reading import Premises
from orchard.oci import Digest

T = TypeVar("T")
K = TypeVar("K")

ACCOUNT: Final = "hub"  # who does it, in the journal
_PAGE: Final = 1000  # rows read at once
_BATCH: Final = 50  # blobs deleted in one transaction, which no other may run beside; 50 take some 5 ms

_SETTLED: Final = 3_600_000  # milliseconds after which no process is about to note an object that it wrote

Tell = Callable[[int, int | None, str], None]


@dataclass(slots=True)
class Collected:
    """What a collection deleted, or would delete.

    Attributes:
        referrers: Manifests about something that is not there.
        links: Blobs that a repository had and did not need.
        blobs: Blobs that no repository has.
        blob_bytes: Their bytes.
        strays: Blobs that the catalog did not know.
        stray_bytes: Their bytes.
        objects: Objects of an object store that belong to nothing; a rehearsal does not look for them.
    """

    referrers: int = 0
    links: int = 0
    blobs: int = 0
    blob_bytes: int = 0
    strays: int = 0
    stray_bytes: int = 0
    objects: int = 0


class Collector:
    """Collects garbage once.

    Args:
        premises: Where.
        tell: Is told, between two steps, how many things were looked at, how many there are if that is known, and what
            is being done. Whatever it raises ends the collection there, harmlessly.
        keep: Seconds for which what nobody needs is kept.
        rehearse: Whether only to tell what would be deleted.
    """

    def __init__(self, premises: Premises, tell: Tell, *, keep: float, rehearse: bool = False) -> None:
        self._premises = premises
        self._tell = tell
        self._rehearse = rehearse
        self._at = premises.at
        self._before = self._at - round(keep * 1000)
        self._seen = 0
        self._found = Collected()

    def collect(self) -> Collected:
        """Delete what nobody needs.

        Raises:
            StorageError: If the disk or the catalog fails.
        """
        while self._collect_referrers():
            pass  # what referred to one of these is without a subject now
        self._collect_links()
        self._collect_blobs()
        self._collect_strays()
        if not self._rehearse:
            self._step(0, "looking for objects that belong to nothing")
            self._found.objects = self._premises.files.sweep(min(self._before, self._at - _SETTLED))
        return self._found

    # Referrers ------------------------------------------------------------------------------------------------------

    def _collect_referrers(self) -> int:
        """Delete referrers of nothing; tell how many."""
        done = 0
        for referrer in self._referrers():
            if referrer.wanted == (referrer.orphaned_at is not None) and not self._rehearse:
                with self._premises.database.write(referrer.name) as connection:
                    catalog.garbage.mark(connection, referrer.manifest, self._at)
            if not referrer.wanted:
                done += self._collect_referrer(referrer)
        self._found.referrers += done
        return 0 if self._rehearse else done

    def _collect_referrer(self, referrer: Referrer) -> bool:
        since = self._at if referrer.orphaned_at is None else referrer.orphaned_at
        if self._rehearse or since > self._before:
            return since <= self._before
        try:
            with self._premises.database.write(referrer.name) as connection:
                if not catalog.garbage.orphaned(connection, referrer.manifest, self._before):
                    return False
                why = "what it is about is gone"
                deletion = Deletion(referrer.name, "referrer", str(referrer.digest), why, ACCOUNT, self._at)
                catalog.trash.keep_manifest(connection, catalog.trash.begin(connection, deletion), referrer.manifest)
                catalog.manifests.remove(connection, referrer.manifest, at=self._at)
                journal = Journal(connection, referrer.name, account=ACCOUNT, at=self._at)
                journal.record("manifest.delete", referrer.digest)
        finally:
            self._premises.recall.forget(referrer.name)
        return True

    def _referrers(self) -> Iterator[Referrer]:
        for page in self._pages(
            "looking for referrers of nothing",
            first=0,
            read=lambda connection, after: catalog.garbage.referrers(connection, after, limit=_PAGE),
            mark=lambda referrer: referrer.manifest,
        ):
            yield from (one for one in page if not one.wanted or one.orphaned_at is not None)

    # Links ----------------------------------------------------------------------------------------------------------

    def _collect_links(self) -> None:
        for page in self._pages(
            "looking for blobs that no manifest names",
            first=(0, ""),
            read=lambda connection, after: catalog.garbage.links(connection, after, before=self._before, limit=_PAGE),
            mark=lambda link: (link.repository, link.digest),
        ):
            for (repository, name), group in groupby(page, lambda link: (link.repository, link.name)):
                idle = [link.digest for link in group if link.idle]
                self._found.links += self._unlink(repository, name, idle) if idle else 0

    def _unlink(self, repository: int, name: str, digests: list[str]) -> int:
        if self._rehearse:
            return len(digests)
        with self._premises.database.write(name) as connection:
            return catalog.garbage.unlink(connection, repository, digests, before=self._before)

    # Blobs ----------------------------------------------------------------------------------------------------------

    def _collect_blobs(self) -> None:
        pages = self._pages(
            "looking for blobs that no repository has",
            first="",
            read=lambda connection, after: catalog.garbage.candidates(
                connection, after, before=self._before, limit=_PAGE
            ),
            mark=lambda candidate: candidate.digest,
        )
        idle = (candidate for page in pages for candidate in page if not candidate.needed)
        for batch in _batches(idle, _BATCH):
            gone = {Digest.parse(one.digest): one.size for one in batch}
            if not self._rehearse:
                gone = self._erase(list(gone))
            self._found.blobs += len(gone)
            self._found.blob_bytes += sum(gone.values())
            self._step(0, "erasing blobs that no repository has")

    def _erase(self, digests: list[Digest]) -> dict[Digest, int]:
        """Rows before bytes: then no row is ever without them, whenever this ends."""
        with self._premises.holds.erasing(digests) as free:
            with self._premises.database.write() as connection:
                gone = catalog.garbage.forget(connection, free)
            for digest in gone:
                self._premises.files.erase(digest)
        return gone

    # Strays ---------------------------------------------------------------------------------------------------------

    def _collect_strays(self) -> None:
        for batch in _batches(self._premises.files.digests(), _PAGE):
            with self._premises.database.read() as connection:
                unknown = catalog.garbage.unknown(connection, batch)
            self._step(len(batch), "looking for bytes that nobody knows")
            for part in _batches(unknown, _BATCH):
                self._erase_strays(part)

    def _erase_strays(self, digests: list[Digest]) -> None:
        with self._premises.holds.erasing(digests) as free:
            with self._premises.database.read() as connection:
                strays = catalog.garbage.unknown(connection, free)  # again: who wrote them may have committed meanwhile
            for digest in strays:
                size = self._size(digest)
                if not self._rehearse:
                    self._premises.files.erase(digest)
                self._found.strays += 1
                self._found.stray_bytes += size

    def _size(self, digest: Digest) -> int:
        file = self._premises.files.content(digest).file
        return 0 if file is None else file.stat().st_size

    def _pages(
        self, note: str, *, first: K, read: Callable[[Transaction, K], list[T]], mark: Callable[[T], K]
    ) -> Iterator[list[T]]:
        """Give pages of a list: each is read in a transaction of its own, behind the mark of the one before."""
        after = first
        while True:
            with self._premises.database.read() as connection:
                page = read(connection, after)
            if not page:
                return
            after = mark(page[-1])
            self._step(len(page), note)
            yield page

    def _step(self, seen: int, note: str) -> None:
        self._seen += seen
        self._tell(self._seen, None, note)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while piece := list(islice(rest, size)):
        yield piece
