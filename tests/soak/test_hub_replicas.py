"""The crowd at two hubs that share one PostgreSQL and one object store: no promise is broken (ADR 40, 59).

``ORCHARD_SOAK=1`` (``make soak``) lets it run for ten minutes and kills a hub every twenty seconds; otherwise it is as
much as shows that something is proved.
"""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from threading import Event
from time import monotonic, time

import pytest

from orchard.hub.catalog import places
from orchard.hub.catalog.segments import Segments
from orchard.hub.db.postgresql import open_postgresql
from orchard.hub.storage.bucket import Address, Bucket
from orchard.hub.storage.objects import ObjectStore
from support.crowd import Crowd
from support.drivers import AWS, BUCKET
from support.hubs import Hub, running_hub, wait_until
from support.postgres import fresh_url, running_postgres
from support.swift import REGION, running_swift

_LOG = logging.getLogger(__name__)
FULL = os.environ.get("ORCHARD_SOAK") == "1"
SECONDS = 600.0 if FULL else 90.0
SEED = int(os.environ.get("ORCHARD_SEED", "20261127"))
GRACE = 4.0  # an object store takes a push some seconds
ENOUGH = {"pushed": 5, "pulled": 3, "deleted": 2, "collected: done": 2}

pytestmark = pytest.mark.timeout(0 if FULL else 240)


class Site:
    """Two hubs, and what they share."""

    def __init__(self, root: Path, database: str, endpoint: str) -> None:
        self._root = root
        self._database = database
        self._address = Address(bucket=BUCKET, prefix="hub", endpoint=endpoint, region=REGION)
        self._endpoint = endpoint

    def hub(self, number: int) -> AbstractContextManager[Hub]:
        """Start one of them."""
        return running_hub(
            self._root / f"hub{number}",
            database=self._database,
            storage=str(self._address),
            storage_endpoint=self._endpoint,
            keep_unreferenced=GRACE,
            keep_deleted=0.0,
        )

    def assert_nothing_but_what_is_named(self, crowd: Crowd) -> None:
        """Rows name the blobs that manifests name, and the bucket holds the objects of the rows, and no others."""
        database = open_postgresql(self._database)
        try:
            with database.read() as connection:
                place = places.find(connection, str(self._address))
            assert place is not None
            ledger = Segments(database, place.number, time)
            bucket = Bucket(self._address)
            assert set(ledger.digests()) == crowd.named()
            for session in ledger.idle(round(time() * 1000)):  # of pushers whose hub was killed
                ledger.forget(session)
            ObjectStore(bucket, ledger, time).sweep(round(time() * 1000) + 3_600_000)
            keys = {listed.key for page in bucket.list("segments") for listed in page}
            assert keys == {segment.key for digest in ledger.digests() for segment in ledger.segments(digest) or ()}
        finally:
            database.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with (
        running_postgres() as server,
        running_swift(tmp_path / "swift") as store,
        pytest.MonkeyPatch.context() as patch,
    ):
        store.make_bucket(BUCKET)
        for name, value in AWS.items():
            patch.setenv(name, value)
        yield Site(tmp_path, fresh_url(server), store.endpoint)


def collect(hub: Hub) -> None:
    asked = hub.request("POST", "/api/v1/upkeep/garbage", b"{}", {"content-type": "application/json"})
    wait_until(lambda: hub.get(f"/api/v1/upkeep/tasks/{asked.json['id']}").json["state"] == "done")


def has_done(crowd: Crowd) -> bool:
    return all(crowd.counts[deed] >= enough for deed, enough in ENOUGH.items())


def test_what_two_hubs_promise_stays_beside_collections_of_garbage(site: Site) -> None:
    with ExitStack() as stack:
        hubs = [stack.enter_context(site.hub(number)) for number in range(2)]
        crowd = Crowd(hubs, seed=SEED, versions=5)
        crowd.start(pushers=4, pullers=2, deleters=1, collectors=2)
        began = monotonic()
        while FULL and monotonic() < began + SECONDS - 30:
            Event().wait(20)
            hubs[0].process.send_signal(signal.SIGKILL)
            hubs[0].process.wait()
            hubs[0] = stack.enter_context(site.hub(0))
            crowd.hubs = [*hubs]
        while monotonic() < began + SECONDS and (FULL or not has_done(crowd)):
            Event().wait(0.1)
        crowd.finish()
        crowd.check()
        _LOG.info("%.0f s: %s", monotonic() - began, dict(crowd.counts))
        assert crowd.violations == []
        assert crowd.counts["lost"] == 0 or FULL
        assert has_done(crowd), crowd.counts
        for _ in range(3):
            Event().wait(GRACE + 0.1)
            collect(hubs[1])
        site.assert_nothing_but_what_is_named(crowd)
