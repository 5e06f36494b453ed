"""Upkeep as tasks: what is asked for, what comes again by itself, what came of it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from orchard.errors import NotFoundError
from orchard.hub.jobs import Kind, Worker
from orchard.hub.jobs.caretaking import Caretaker
from orchard.hub.jobs.collecting import collecting
from orchard.hub.jobs.scrubbing import scrubbing
from orchard.hub.jobs.sweeping import sweeping
from orchard.hub.queue import State, TaskQueue
from orchard.hub.queue.leases import TableDispatch
from orchard.hub.registry import Page
from orchard.oci import Digest
from support.hubinside import Inside
from support.hubs import wait_until

ENGINES = True

NAME = "team/model"
DATA = b"0123456789"
DAY = 24 * 3600.0


class Workshop:
    """A hub inside the test with a worker that does its upkeep."""

    def __init__(self, hub: Inside, *, slice_: float = 60.0) -> None:
        self.hub = hub
        self.queue = TaskQueue(hub.database, TableDispatch(time.time), steady=time.monotonic)
        self.upkeep = Caretaker(hub.premises, self.queue)
        kinds = (
            collecting(hub.premises, trash=DAY, every=DAY),
            scrubbing(hub.premises, self.queue, every=DAY, rate=1 << 40, slice_=slice_),
            sweeping(hub.registry, lifetime=DAY),
        )
        self._by_name: dict[str, Kind] = {kind.name: kind for kind in kinds}

    def asked(self, task: str) -> None:
        """Do what waits, until a task has ended."""
        with self.worker(replace(kind, every=None) for kind in self._by_name.values()):
            wait_until(lambda: self.upkeep.task(task).ended_at is not None)
        assert self.upkeep.task(task).state == State.DONE, self.upkeep.task(task)

    def worker(self, kinds: Iterator[Kind]) -> Worker:
        return Worker(self.queue, list(kinds), name="here", slots=2, steady=time.monotonic, grace=10.0)

    def by_itself(self, done: Callable[[], bool]) -> None:
        """Let the hub do what it does by itself."""
        with self.worker(iter(self._by_name.values())):
            wait_until(done)


@pytest.fixture
def workshop(hub: Inside) -> Workshop:
    return Workshop(hub)


def test_garbage_is_collected_when_somebody_asks(workshop: Workshop) -> None:
    workshop.hub.push_blob(NAME, DATA)
    workshop.hub.clock.time += 2 * DAY
    assert workshop.upkeep.reports().garbage is None
    workshop.asked(workshop.upkeep.collect_garbage(rehearse=True))
    foreseen = workshop.upkeep.reports().rehearsal
    assert foreseen is not None
    assert foreseen.counts["blob_bytes"] == len(DATA)
    assert list(workshop.hub.files.digests()) == [Digest.of(DATA)]
    task = workshop.upkeep.collect_garbage(rehearse=False)
    workshop.asked(task)
    report = workshop.upkeep.reports().garbage
    assert report is not None
    assert report.counts == foreseen.counts
    assert workshop.upkeep.task(task).progress.note == "1 blobs, 10 bytes"
    assert list(workshop.hub.files.digests()) == []


def test_blobs_are_read_again_when_somebody_asks_and_damage_is_listed(workshop: Workshop) -> None:
    workshop.hub.push_blob(NAME, DATA)
    workshop.hub.files.path(Digest.of(DATA)).write_bytes(b"rotten bits")
    workshop.hub.clock.time += 1
    workshop.asked(workshop.upkeep.scrub(everything=False))
    assert workshop.upkeep.damages(Page("", 10)) == []
    workshop.asked(workshop.upkeep.scrub(everything=True))
    (damage,) = workshop.upkeep.damages(Page("", 10))
    assert (damage.digest, damage.repositories) == (Digest.of(DATA), (NAME,))
    assert workshop.upkeep.damages(Page(str(damage.digest), 10)) == []
    report = workshop.upkeep.reports().scrub
    assert report is not None
    assert report.counts == {"blobs": 1, "read_bytes": 11, "damaged": 1, "healed": 0}


def test_hub_looks_after_itself(workshop: Workshop) -> None:
    hub = workshop.hub
    hub.begin(NAME)
    hub.push_blob(NAME, DATA)
    hub.push_image(NAME, "v1", b"kept")
    hub.clock.time += 2 * DAY
    workshop.by_itself(lambda: workshop.upkeep.reports().scrub is not None and not list(hub.files.sessions()))
    wait_until(lambda: set(hub.files.digests()) == {Digest.of(b"{}"), Digest.of(b"kept")})


def test_scrub_gives_way_and_goes_on(hub: Inside) -> None:
    workshop = Workshop(hub, slice_=0.0)
    hub.push_image(NAME, "v1", DATA)
    hub.clock.time += 2 * DAY

    def is_given_way() -> bool:
        return workshop.upkeep.reports().scrub is not None

    workshop.by_itself(is_given_way)
    with hub.database.read() as connection:
        # The one that gave way, and the next, which may have been taken meanwhile.
        asked = connection.exec_driver_sql("SELECT count(*) FROM tasks WHERE kind = 'scrub'").scalar()
    assert asked is not None
    assert asked >= 2


def test_other_tasks_are_not_shown_as_upkeep(workshop: Workshop) -> None:
    with workshop.hub.database.write() as connection:
        task = workshop.queue.put(connection, "deliver", {})
    for name in (task, "0", "x"):
        with pytest.raises(NotFoundError, match="no such task"):
            workshop.upkeep.task(name)
