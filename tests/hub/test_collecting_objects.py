"""Garbage and damage in an object store: what rows and objects are left, and what an outage does not do."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from threading import Event
from time import time

import pytest

from orchard.errors import StorageError, UnavailableError
from orchard.formats import LayerKind
from orchard.hub.access import EverybodyInside, Principal
from orchard.hub.catalog import soundness
from orchard.hub.db import Database
from orchard.hub.jobs.studying import Understander
from orchard.hub.registry import Collected, Collector, Premises, Recall, Registry, Scrubbed, Scrubber, Shelf
from orchard.oci import Digest
from orchard.store import copy_graph
from support.archive_tars import member, tar
from support.drivers import Objects, objects
from support.faultyline import Line, faulty_line
from support.hubclient import kind_of, manifest
from support.swift import Swift
from support.versions import kit

NAME = "team/model"
LARGE = bytes(range(256)) * 4000  # several objects
ANA = Principal("ana")


@dataclass
class Site:
    """A registry over an object store whose line can be broken."""

    objects: Objects
    line: Line

    def __post_init__(self) -> None:
        self.objects.clock.time = time()  # objects have the store's times
        files = self.objects.store()
        self.premises = Premises(
            self.objects.database, files, EverybodyInside(), recall=Recall(0), now=self.objects.clock
        )
        self.registry = Registry(self.premises)

    def push_blob(self, data: bytes) -> Digest:
        upload = self.registry.writable(ANA, NAME).start_upload("sha256", lasting=False)
        try:
            upload.append([data])
            return upload.commit(Digest.of(data)).digest
        finally:
            upload.close()

    def push(self, *layers: bytes) -> bytes:
        for data in layers:
            self.push_blob(data)
        raw = manifest(*layers)
        self.registry.writable(ANA, NAME).put_manifest(raw, kind_of(raw))
        return raw

    def collect(self) -> Collected:
        return Collector(self.premises, lambda *_: None, keep=0.0).collect()

    def scrub(self) -> Scrubbed:
        self.objects.clock.time += 1
        steady = count().__next__
        return Scrubber(self.premises, lambda *_: None, rate=1 << 40, pause=lambda _: None, steady=steady).scrub(0.0)

    def keys_become(self, number: int) -> bool:
        """Wait until so many objects are left: they are erased in the background."""
        return any(len(self.objects.keys()) == number or Event().wait(0.05) for _ in range(1200))


@pytest.fixture
def site(swift: Swift, database: Database) -> Iterator[Site]:
    port = int(swift.endpoint.rpartition(":")[2])
    with faulty_line(("127.0.0.1", port)) as line:
        yield Site(objects(swift, database, endpoint=line.endpoint), line)


def test_without_grace_the_store_holds_what_manifests_name(site: Site) -> None:
    site.push(b"{}", LARGE)
    kept = len(site.objects.keys())
    gone = site.push(b"{}", LARGE[1:])
    site.push_blob(b"alone")
    site.registry.deletable(ANA, NAME).delete_manifest(Digest.of(gone))
    site.registry.upkeep().purge(0.0)
    assert site.collect() == Collected(links=2, blobs=2, blob_bytes=len(LARGE) - 1 + 5)
    assert set(site.premises.files.digests()) == {Digest.of(b"{}"), Digest.of(LARGE)}
    assert site.keys_become(kept + 1)
    site.objects.clock.time += 2 * 3600  # what was pushed twice has an object too many, until nobody can be reading it
    assert site.collect() == Collected(objects=1)
    assert site.keys_become(kept)


def test_lost_object_is_damage_and_a_push_heals_it(site: Site) -> None:
    site.push(b"{}", LARGE)
    segments = site.objects.ledger.segments(Digest.of(LARGE))
    assert segments is not None
    site.objects.bucket.erase([segments[-1].key])
    assert site.scrub() == Scrubbed(blobs=2, read_bytes=2 + sum(one.size for one in segments[:-1]), damaged=1)
    with site.premises.database.read() as connection:
        assert [one.digest for one in soundness.damages(connection, limit=9)] == [Digest.of(LARGE)]
    site.push_blob(LARGE)
    assert site.scrub().damaged == 0


def test_store_that_is_away_is_no_damage(site: Site) -> None:
    site.push(b"{}", LARGE)
    site.line.cut()
    with pytest.raises(UnavailableError, match="the object store does not do its part"):
        site.scrub()
    site.line.mend()
    assert site.scrub().damaged == 0


def test_versions_in_an_object_store_are_understood_once_it_answers(site: Site) -> None:
    archive = tar(member("d/large.bin", LARGE), member("d/README.md", b"# Card")).read()
    store, found = kit("datasets: [{path: d}]\n", (LayerKind.DATASET, "d", archive, "tar"))
    shelf = Shelf(site.registry, ANA, NAME)
    copy_graph(store, shelf, found.describe())
    digest = found.describe().digest
    understander = Understander(site.premises, lambda *_: None)
    site.line.cut()
    with pytest.raises(StorageError, match="object store"):
        understander.understand(NAME, digest)
    site.line.mend()
    assert understander.understand(NAME, digest) == "ready"
    contents = site.registry.readable(ANA, NAME).contents(digest)
    assert contents.understanding().card == "# Card"
    large = contents.file("d/large.bin")
    assert large.tag == str(Digest.of(LARGE))
    assert b"".join(large.content.read(500_000, 700_000)) == LARGE[500_000:700_000]
