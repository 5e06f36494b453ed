"""Moving a hub's blobs to another place (``orchard hub move-storage``)."""

import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from orchard.errors import ConflictError, IntegrityError, UsageError
from orchard.hub import Settings
from orchard.hub.app import Moved, Wishes, move_storage
from orchard.hub.app.moving import LOCK
from orchard.hub.storage.directory import claim
from orchard.oci import Digest
from orchard.project import Silent
from support.drivers import BUCKET
from support.hubs import Hub, Nursery, Twin, dice, wait_until
from support.swift import Swift

Places = tuple[Settings, Settings]
BLOBS = [b"", b"small", dice(1).randbytes(300_000), dice(2).randbytes(17 << 20)]


@pytest.fixture(params=["files to s3", "s3 to files", "s3 to s3"])
def places(request: pytest.FixtureRequest, tmp_path: Path, swift: Swift) -> Places:
    """Two places of one hub: where its blobs are, and where they shall be."""
    here = Settings(data=tmp_path / "hub", storage_endpoint=swift.endpoint)
    bucket = f"s3://{BUCKET}/{tmp_path.name}"
    source, target = request.param.split(" to ")
    return (
        replace(here, storage=f"{bucket}/one" if source == "s3" else None),
        replace(here, storage=f"{bucket}/two" if target == "s3" else str(tmp_path / "there")),
    )


def start(hubs: Nursery, settings: Settings) -> AbstractContextManager[Twin]:
    return hubs.hub(settings.data, storage=settings.storage, storage_endpoint=settings.storage_endpoint)


def push(hub: Hub) -> None:
    for data in BLOBS:
        hub.push_blob("team/kit", data)


def assert_served(hub: Hub) -> None:
    for data in BLOBS:
        answer = hub.request("GET", f"/v2/team/kit/blobs/{Digest.of(data)}")
        assert (answer.status, answer.body) == (200, data)


def move(places: Places, **wishes: bool) -> Moved:
    return move_storage(*places, Wishes(**wishes), observer=Silent())


def test_blobs_are_moved_and_served_from_there(places: Places, hubs: Nursery) -> None:
    source, target = places
    with start(hubs, source) as hub:
        push(hub)
    moved = move(places)
    assert (moved.passed.moved, moved.passed.moved_bytes, moved.switched) == (4, sum(map(len, BLOBS)), True)
    with start(hubs, target) as hub:
        assert_served(hub)
        push(hub)
    again = move(places, remove_source=True)
    assert (again.passed.moved, again.switched, again.removed) == (0, True, 4)
    with start(hubs, target) as hub:
        assert_served(hub)
    third = replace(target, storage=str(source.data.parent / "third"))
    with pytest.raises(ConflictError, match=r"are in .*, not in"):
        move((source, third))


def test_hub_that_runs_is_copied_and_stays_where_it_is(tmp_path: Path, hubs: Nursery) -> None:
    here = Settings(data=tmp_path / "hub")
    there = replace(here, storage=str(tmp_path / "there"))
    with start(hubs, here) as hub:
        push(hub)
        moved = move((here, there))
        assert (moved.passed.moved, moved.running, moved.switched) == (4, True, False)
        hub.push_blob("team/kit", b"later")
    moved = move((here, there))
    assert (moved.passed.moved, moved.passed.present, moved.switched) == (1, 4, True)


@pytest.mark.parametrize("places", ["files to s3", "files to files"], indirect=True)
def test_rehearsal_changes_nothing(places: Places, hubs: Nursery) -> None:
    with start(hubs, places[0]) as hub:
        push(hub)
    moved = move(places, rehearse=True, remove_source=True)
    assert (moved.passed.moved, moved.switched, moved.removed) == (4, False, 0)
    assert not Path(places[1].storage or "").exists()
    with start(hubs, places[0]) as hub:
        assert_served(hub)


def test_move_that_is_killed_goes_on(tmp_path: Path, hubs: Nursery) -> None:
    here = Settings(data=tmp_path / "hub")
    there = replace(here, storage=str(tmp_path / "there"))
    blobs = [dice(number).randbytes(1 << 20) for number in range(30)]
    with start(hubs, here) as hub:
        for data in blobs:
            hub.push_blob("team/kit", data)
    script = "from orchard.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", script, "hub", "move-storage", "--data", here.data, "--to", there.storage or ""]
    )
    wait_until(lambda: any((tmp_path / "there").rglob("blobs/*/*/*")))
    process.send_signal(signal.SIGKILL)
    process.wait()
    copied = sum(1 for _ in (tmp_path / "there").rglob("blobs/*/*/*"))
    assert copied  # all of them where the kill came late
    moved = move((here, there))
    assert (moved.passed.moved + moved.passed.present, moved.switched) == (30, True)
    assert moved.passed.present >= copied
    with start(hubs, there) as hub:
        for data in blobs:
            assert hub.request("GET", f"/v2/team/kit/blobs/{Digest.of(data)}").body == data


def test_damaged_and_missing_blobs_stop_the_change_unless_they_do_not_matter(tmp_path: Path, hubs: Nursery) -> None:
    here = Settings(data=tmp_path / "hub")
    there = replace(here, storage=str(tmp_path / "there"))
    with start(hubs, here) as hub:
        push(hub)
    blobs = here.data / "blobs/sha256"
    damaged, missing = Digest.of(BLOBS[1]), Digest.of(BLOBS[2])
    (blobs / damaged.hex[:2] / damaged.hex).write_bytes(b"SMALL")
    (blobs / missing.hex[:2] / missing.hex).unlink()
    with pytest.raises(IntegrityError, match="2 blobs are missing or damaged in files"):
        move((here, there))
    moved = move((here, there), leave_unsound=True)
    assert (moved.passed.missing, moved.passed.damaged, moved.switched) == ([missing], [damaged], True)


def test_places_that_overlap_are_refused(tmp_path: Path) -> None:
    here = Settings(data=tmp_path / "hub", storage="s3://bucket/one")
    with pytest.raises(UsageError, match="is where the blobs are"):
        move((here, replace(here, storage="s3://bucket/one/")))
    with pytest.raises(UsageError, match="overlap"):
        move((here, replace(here, storage="s3://bucket/one/two")))


def test_two_moves_at_once_are_refused(tmp_path: Path) -> None:
    here = Settings(data=tmp_path / "hub")
    with claim(here.data, LOCK), pytest.raises(ConflictError, match="another move of the blobs is running"):
        move((here, replace(here, storage=str(tmp_path / "there"))))
