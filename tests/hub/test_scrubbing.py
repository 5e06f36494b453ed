"""Stored bytes that rot, are cut short or vanish: found, never handed out, healed by a push (ADR 60)."""

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from orchard.errors import StorageError, UnavailableError
from orchard.hub.catalog import soundness
from orchard.hub.registry import Damage, Scrubbed, Scrubber
from orchard.hub.storage.cold import BLOCK, read_cold
from orchard.oci import Digest
from support.hubinside import Inside
from support.hubs import manifest

ENGINES = True

NAME = "team/model"
OTHER = "team/other"
DATA = b"0123456789"
DIGEST = Digest.of(DATA)
DAY = 24 * 3600.0
ENGINES = True
FAST = 1 << 40


def scrub(hub: Inside, every: float = 0.0, rate: int = FAST) -> Scrubbed:
    hub.clock.time += 1
    return Scrubber(hub.premises, lambda *_: None, rate=rate, pause=lambda _: None, steady=count().__next__).scrub(
        every
    )


def rot(hub: Inside, digest: Digest = DIGEST) -> None:
    path = hub.files.path(digest)
    path.write_bytes(b"x" * path.stat().st_size)


def cut(hub: Inside) -> None:
    os.truncate(hub.files.path(DIGEST), 4)


def lose(hub: Inside) -> None:
    hub.files.path(DIGEST).unlink()


def damages(hub: Inside) -> list[Damage]:
    with hub.database.read() as connection:
        return soundness.damages(connection, limit=100)


def status(hub: Inside, method: str = "GET", name: str = NAME) -> int:
    return hub.request(method, f"/v2/{name}/blobs/{DIGEST}").status


# Found ------------------------------------------------------------------------------------------------------------


def test_sound_blobs_are_read_and_stay(hub: Inside) -> None:
    hub.push_image(NAME, "v1", DATA)
    assert scrub(hub) == Scrubbed(blobs=2, read_bytes=len(DATA) + 2)
    assert damages(hub) == []
    assert status(hub) == 200


@pytest.mark.parametrize("harm", [rot, cut, lose], ids=["rotten", "cut short", "gone"])
def test_damaged_blob_is_found_and_not_handed_out_any_more(hub: Inside, harm: Callable[[Inside], None]) -> None:
    hub.push_image(NAME, "v1", DATA)
    hub.push_blob(OTHER, DATA)
    harm(hub)
    assert scrub(hub).damaged == 1
    (damage,) = damages(hub)
    assert (damage.digest, damage.size, damage.repositories) == (DIGEST, len(DATA), (NAME, OTHER))
    assert (status(hub), status(hub, "HEAD"), status(hub, name=OTHER)) == (404, 404, 404)
    answer = hub.get(f"/v2/{NAME}/blobs/{DIGEST}")
    assert answer.code == "BLOB_UNKNOWN"
    assert "are damaged; pushing it again heals it" in answer.json["errors"][0]["message"]
    assert ("blob.damage", str(DIGEST), None) in hub.actions(NAME)
    assert ("blob.damage", str(DIGEST), None) in hub.actions(OTHER)


@pytest.mark.parametrize("harm", [cut, lose], ids=["cut short", "gone"])
def test_blob_that_is_not_whole_is_not_handed_out_even_before_that_is_found(
    hub: Inside, harm: Callable[[Inside], None]
) -> None:
    hub.push_blob(NAME, DATA)
    harm(hub)
    assert (status(hub), status(hub, "HEAD")) == (404, 404)
    assert hub.request("POST", f"/v2/{OTHER}/blobs/uploads/?mount={DIGEST}&from={NAME}").status == 202


def test_damage_is_told_once_and_looked_at_every_time(hub: Inside) -> None:
    hub.push_blob(NAME, DATA)
    rot(hub)
    assert scrub(hub).damaged == 1
    assert scrub(hub, every=DAY) == Scrubbed(blobs=1, read_bytes=len(DATA), damaged=1)
    assert [action for action, _, _ in hub.actions(NAME)] == ["blob.push", "blob.damage"]


def test_blobs_are_read_again_when_it_is_time_the_oldest_first(hub: Inside) -> None:
    for number in range(3):
        hub.push_blob(NAME, b"%d" % number)
        hub.clock.time += DAY
    assert scrub(hub, every=1.5 * DAY).blobs == 2
    assert scrub(hub, every=1.5 * DAY).blobs == 0
    hub.clock.time += DAY
    assert scrub(hub, every=1.5 * DAY).blobs == 1


def test_many_blobs_that_cannot_be_read_are_a_disk_that_is_not_there(hub: Inside) -> None:
    for number in range(30):
        hub.push_blob(NAME, b"%d" % number)
    (hub.data / "blobs").rename(hub.data / "elsewhere")
    with pytest.raises(UnavailableError, match="30 blobs in a row cannot be read"):
        scrub(hub)
    (hub.data / "elsewhere").rename(hub.data / "blobs")
    assert damages(hub) == []
    assert scrub(hub) == Scrubbed(blobs=30, read_bytes=50)


def test_what_was_read_is_remembered_when_it_is_stopped(hub: Inside) -> None:
    for number in range(3):
        hub.push_blob(NAME, b"%d" % number)
    hub.clock.time += 1

    def tell(done: int, total: int | None, note: str) -> None:
        assert (total, note) == (3, "reading blobs again")
        if done == 3:
            raise StorageError("stop")

    scrubber = Scrubber(hub.premises, tell, rate=FAST, pause=lambda _: None, steady=count().__next__)
    with pytest.raises(StorageError, match="stop"):
        scrubber.scrub(0.0)
    hub.clock.time -= 1
    assert scrub(hub).blobs == 1


def test_scrub_keeps_to_its_rate(hub: Inside) -> None:
    hub.push_blob(NAME, bytes(5 * BLOCK))
    hub.clock.time += 1
    waited: list[float] = []
    Scrubber(hub.premises, lambda *_: None, rate=BLOCK, pause=waited.append, steady=lambda: sum(waited)).scrub(0.0)
    assert sum(waited) == pytest.approx(5.0)


# Healed -----------------------------------------------------------------------------------------------------------


def test_pushing_a_damaged_blob_again_heals_it_everywhere(hub: Inside) -> None:
    hub.push_image(NAME, "v1", DATA)
    rot(hub)
    scrub(hub)
    hub.push_blob(OTHER, DATA)
    assert (status(hub), status(hub, name=OTHER)) == (200, 200)
    assert hub.get(f"/v2/{NAME}/blobs/{DIGEST}").body == DATA
    assert damages(hub) == []
    assert scrub(hub).damaged == 0


def test_damaged_blob_can_neither_be_mounted_nor_named(hub: Inside) -> None:
    hub.push_blob(NAME, b"{}")
    hub.push_blob(NAME, DATA)
    rot(hub)
    scrub(hub)
    assert hub.request("POST", f"/v2/{OTHER}/blobs/uploads/?mount={DIGEST}&from={NAME}").status == 202
    kind = {"content-type": "application/vnd.oci.image.manifest.v1+json"}
    answer = hub.request("PUT", f"/v2/{NAME}/manifests/v1", manifest(b"{}", DATA), kind)
    assert (answer.status, answer.code) == (404, "MANIFEST_BLOB_UNKNOWN")


def test_disk_that_comes_back_heals_what_was_missing(hub: Inside) -> None:
    hub.push_blob(NAME, DATA)
    path = hub.files.path(DIGEST)
    path.rename(path.with_suffix(".away"))
    assert scrub(hub).damaged == 1
    path.with_suffix(".away").rename(path)
    assert scrub(hub, every=DAY).healed == 1
    assert status(hub) == 200


def test_blob_that_is_pushed_again_while_it_is_read_is_not_called_damaged(hub: Inside) -> None:
    hub.push_blob(NAME, DATA)
    hub.clock.time += 1
    rot(hub)

    def push(*_: object) -> None:
        hub.clock.time += 1
        hub.push_blob(NAME, DATA)

    found = Scrubber(hub.premises, push, rate=FAST, pause=lambda _: None, steady=count().__next__).scrub(0.0)
    assert found.damaged == 0
    assert status(hub) == 200


# Reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
@pytest.mark.parametrize("where", ["disk", "memory"])
def test_file_is_read_whole_past_the_cache(tmp_path: Path, hub: Inside, size: int, where: str) -> None:
    path = (tmp_path if where == "disk" else hub.data) / "file"
    data = os.urandom(size)
    path.write_bytes(data)
    assert b"".join(bytes(piece) for piece in read_cold(path)) == data


def test_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Is a directory"):
        next(read_cold(tmp_path))
