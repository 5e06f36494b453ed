"""A crowd of pushers, pullers, deleters and collections of garbage, with and without ``kill -9``: no promise is broken.

``ORCHARD_SOAK=1`` (``make soak``) kills the hub 500 times and lets the crowd run for ten minutes; otherwise it is as
much as shows that something is proved.
"""

import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from orchard.hub.storage.filesystem import Filesystem
from support.crowd import Crowd, State
from support.hubinside import quick_directory
from support.hubs import Hub, Nursery, Twin, dice, nursery, wait_until

_LOG = logging.getLogger(__name__)
FULL = os.environ.get("ORCHARD_SOAK") == "1"
KILLS = 500 if FULL else 8
SECONDS = 600.0 if FULL else 8.0
GRACE = 0.5  # seconds: a thousandth of what anybody would set, so that pushes and collections really meet
EAGER = {"keep_unreferenced": GRACE, "keep_deleted": 0.0}
SEED = int(os.environ.get("ORCHARD_SEED", "20261127"))

pytestmark = pytest.mark.timeout(0 if FULL else 180)


@pytest.fixture(scope="module")
def hubs() -> Iterator[Nursery]:
    with nursery() as running:
        yield running


@pytest.fixture
def data() -> Iterator[Path]:
    with quick_directory() as directory:
        yield directory / "data"


def collect(hub: Hub) -> None:
    """Have garbage collected once."""
    asked = hub.request("POST", "/api/v1/upkeep/garbage", b"{}", {"content-type": "application/json"})
    task = f"/api/v1/upkeep/tasks/{asked.json['id']}"
    wait_until(lambda: hub.get(task).json["state"] == "done")


def assert_nothing_but_what_is_named(hub: Hub, crowd: Crowd) -> None:
    """After garbage was collected, the storage holds what manifests name, and not a byte more."""
    for _ in range(3):  # a signature goes when its subject has been missing for the grace
        Event().wait(GRACE + 0.1)
        collect(hub)
    assert set(Filesystem(hub.data).digests()) == crowd.named()


def kill(hub: Twin) -> None:
    hub.signal(signal.SIGKILL)
    assert hub.wait() == -signal.SIGKILL


def test_hub_that_is_killed_at_any_moment_keeps_what_it_promised(hubs: Nursery, data: Path) -> None:
    chance = dice(SEED)
    crowd = Crowd([], seed=SEED, versions=8 if FULL else 4)
    began = time.monotonic()
    for number in range(KILLS):
        with hubs.hub(data, **EAGER) as hub:
            crowd.hubs = [hub]
            crowd.check()
            goal = crowd.counts["requests"] + chance.randrange(1, 120)
            crowd.start()
            wait_until(lambda goal=goal: crowd.counts["requests"] >= goal)  # type: ignore[misc]
            Event().wait(chance.uniform(0.0, 0.05))
            kill(hub)
            crowd.finish()
        assert crowd.violations == [], (number, SEED)
    with hubs.hub(data, **EAGER) as hub:
        crowd.hubs = [hub]
        crowd.check()
        assert_nothing_but_what_is_named(hub, crowd)
    _LOG.info("%d kills in %.0f s: %s", KILLS, time.monotonic() - began, dict(crowd.counts))
    assert crowd.violations == []
    assert crowd.counts["pushed"] > KILLS
    for deed in ("deleted", "lost", "collected: done"):
        assert crowd.counts[deed] > 0, deed


def test_what_is_promised_stays_beside_collections_of_garbage(hubs: Nursery, data: Path) -> None:
    with hubs.hub(data, **EAGER) as hub:
        crowd = Crowd(hub, seed=SEED)
        crowd.start(pushers=4, pullers=2, deleters=2)
        Event().wait(SECONDS)
        crowd.finish()
        crowd.check()
        assert_nothing_but_what_is_named(hub, crowd)
        _LOG.info("%.0f s: %s", SECONDS, dict(crowd.counts))
        assert crowd.violations == []
        assert crowd.counts["lost"] == 0
        for deed in ("pushed", "pulled", "deleted", "mounted", "retagged", "signed", "collected: done"):
            assert crowd.counts[deed] > 0, deed
        assert any(version.state is State.LIVE for version in crowd.versions)
