"""Several processes of a hub on one PostgreSQL: one collects garbage while another takes pushes (ADR 40, 59)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest

from orchard.errors import NotFoundError, StorageError
from orchard.hub.access import EverybodyInside, Principal
from orchard.hub.db.postgresql import open_postgresql
from orchard.hub.registry import Collected, Collector, Premises, Recall, Registry
from orchard.hub.storage.filesystem import Filesystem
from orchard.oci import Digest
from support.hubinside import Clock, quick_directory
from support.hubs import kind_of, manifest
from support.postgres import Postgres, fresh_url

DATA = b"0123456789"
DIGEST = Digest.of(DATA)
NAME = "team/model"
ANA = Principal("ana")


class Replica:
    """The registry as one process has it. The directory that they share stands in for an object store."""

    def __init__(self, url: str, data: Path, clock: Clock) -> None:
        self.database = open_postgresql(url)
        self.files = Filesystem(data)
        self.premises = Premises(self.database, self.files, EverybodyInside(), recall=Recall(0), now=clock)
        self.registry = Registry(self.premises)

    def push_blob(self, data: bytes, name: str = NAME) -> Digest:
        upload = self.registry.writable(ANA, name).start_upload("sha256", lasting=False)
        try:
            upload.append([data])
            return upload.commit(Digest.of(data)).digest
        finally:
            upload.close()

    def collect(self) -> Collected:
        return Collector(self.premises, lambda *_: None, keep=0.0).collect()

    def read(self, digest: Digest, name: str = NAME) -> bytes:
        blob, content = self.registry.readable(ANA, name).held(digest)
        return b"".join(content.read(0, blob.size))


@pytest.fixture
def replicas(postgres: Postgres) -> Iterator[tuple[Replica, Replica]]:
    url, clock = fresh_url(postgres), Clock()
    with quick_directory() as data:
        pair = Replica(url, data, clock), Replica(url, data, clock)
        yield pair
        for replica in pair:
            replica.database.close()


def test_bytes_that_another_process_is_publishing_are_no_garbage(replicas: tuple[Replica, Replica]) -> None:
    here, there = replicas
    here.push_blob(DATA)
    here.registry.deletable(ANA, NAME).delete_blob(DIGEST)
    with here.premises.holds.writing(DIGEST):
        assert there.collect() == Collected()
    assert there.collect() == Collected(blobs=1, blob_bytes=len(DATA))


def test_who_publishes_waits_while_another_process_erases(replicas: tuple[Replica, Replica]) -> None:
    here, there = replicas
    with ThreadPoolExecutor(1) as pool:
        with there.premises.holds.erasing([DIGEST]) as free:
            assert free == [DIGEST]
            pushing = pool.submit(here.push_blob, DATA)
            Event().wait(0.2)
            assert not pushing.done()
        pushing.result(60)
    assert there.read(DIGEST) == DATA


def test_two_processes_share_what_they_write_and_only_one_erases(replicas: tuple[Replica, Replica]) -> None:
    here, there = replicas
    with here.premises.holds.writing(DIGEST), there.premises.holds.writing(DIGEST):
        pass
    with here.premises.holds.erasing([DIGEST]) as mine, there.premises.holds.erasing([DIGEST]) as theirs:
        assert (mine, theirs) == ([DIGEST], [])


def test_hold_of_a_process_that_dies_ends(postgres: Postgres, replicas: tuple[Replica, Replica]) -> None:
    here, there = replicas
    with suppress(StorageError), here.premises.holds.writing(DIGEST):
        postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'orchard'")
    with there.premises.holds.erasing([DIGEST]) as free:
        assert free == [DIGEST]


def push_and_delete(here: Replica, number: int) -> int:
    """Push versions that share blobs with others', look at each, delete it; tell how many were taken."""
    name, taken = f"team/n{number}", 0
    for turn in range(40):
        layers = (b"{}", b"shared %d" % (turn % 3))
        raw = manifest(*layers, annotations={"n": f"{number} {turn}"})
        for layer in layers:
            here.push_blob(layer, name)
        with suppress(NotFoundError):  # a blob was collected on the way: a client pushes it again
            here.registry.writable(ANA, name).put_manifest(raw, kind_of(raw))
            taken += 1
            assert [here.read(Digest.of(layer), name) for layer in layers] == [*layers]
            here.registry.deletable(ANA, name).delete_manifest(Digest.of(raw))
            here.registry.upkeep().purge(0.0)
    return taken


def test_pushes_here_beside_collections_there_are_whole(replicas: tuple[Replica, Replica]) -> None:
    here, there = replicas
    done = Event()

    def collect() -> None:
        while not done.wait(0):
            there.collect()

    with ThreadPoolExecutor(3) as pool:
        collecting = pool.submit(collect)
        pushing = [pool.submit(push_and_delete, here, number) for number in range(2)]
        try:
            assert sum(one.result() for one in pushing) > 0
        finally:
            done.set()
        collecting.result()
    here.registry.upkeep().purge(0.0)
    there.collect()
    assert list(here.files.digests()) == []
