"""Garbage: what is collected and what is not, beside pushes and after crashes (ADR 59; security notes 5.6)."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count, cycle, takewhile
from threading import Event

import pytest

from orchard.errors import StorageError
from orchard.hub.registry import Collected, Collector
from orchard.hub.registry.holding import Holds
from orchard.oci import Digest
from support.hubinside import Inside
from support.hubs import index, manifest, subject

ENGINES = True

NAME = "team/model"
OTHER = "team/other"
DATA = b"0123456789"
DIGEST = Digest.of(DATA)
DAY = 24 * 3600.0
ENGINES = True
SESSION = "0123456789abcdef" * 2


def collect(hub: Inside, *, keep: float = DAY, rehearse: bool = False) -> Collected:
    """Collect garbage with an empty trash: what is in it has tests of its own."""
    hub.registry.upkeep().purge(0)
    return Collector(hub.premises, lambda *_: None, keep=keep, rehearse=rehearse).collect()


def stored(hub: Inside) -> set[Digest]:
    return set(hub.files.digests())


def delete(hub: Inside, target: str) -> None:
    assert hub.request("DELETE", f"/v2/{target}").status == 202


def has(hub: Inside, digest: Digest = DIGEST, name: str = NAME, who: str = "") -> bool:
    return hub.request("HEAD", f"/v2/{name}/blobs/{digest}", headers={"authorization": who}).status == 200


# What goes and what stays -----------------------------------------------------------------------------------------


def test_blob_that_no_manifest_names_goes_after_the_grace(hub: Inside) -> None:
    hub.push_blob(NAME, DATA)
    hub.clock.time += DAY - 1
    assert collect(hub) == Collected()
    hub.clock.time += 2
    assert collect(hub) == Collected(links=1, blobs=1, blob_bytes=len(DATA))
    assert not has(hub)
    assert stored(hub) == set()


def test_what_manifests_name_stays(hub: Inside) -> None:
    image = hub.push_image(NAME, "v1", DATA)
    listed = hub.push_image(NAME, "part", b"another")
    hub.push_manifest(NAME, index(listed), "all")
    delete(hub, f"{NAME}/manifests/part")
    hub.clock.time += 2 * DAY
    assert collect(hub) == Collected()
    assert hub.get(f"/v2/{NAME}/manifests/v1").body == image
    assert stored(hub) == {Digest.of(data) for data in (b"{}", DATA, b"another")}


def test_untagged_manifest_stays(hub: Inside) -> None:
    image = hub.push_image(NAME, "v1", DATA)
    delete(hub, f"{NAME}/manifests/v1")
    hub.clock.time += 2 * DAY
    assert collect(hub) == Collected()
    assert hub.get(f"/v2/{NAME}/manifests/{Digest.of(image)}").status == 200


def test_manifest_of_one_repository_keeps_no_blob_in_another(hub: Inside) -> None:
    hub.push_image(NAME, "v1", DATA)
    hub.push_blob(OTHER, DATA)
    hub.clock.time += 2 * DAY
    assert collect(hub) == Collected(links=1)
    assert not has(hub, name=OTHER)
    assert has(hub)


def test_deleted_blob_goes_at_once(hub: Inside) -> None:
    hub.push_blob(NAME, DATA)
    delete(hub, f"{NAME}/blobs/{DIGEST}")
    assert collect(hub) == Collected(blobs=1, blob_bytes=len(DATA))
    assert stored(hub) == set()


def test_rehearsal_tells_what_would_go_and_deletes_nothing(hub: Inside) -> None:
    hub.push_image(NAME, "v1", DATA)
    hub.push_blob(OTHER, DATA)
    hub.push_blob(OTHER, b"alone")
    (hub.data / "blobs/sha256/00").mkdir()
    (hub.data / "blobs/sha256/00" / ("0" * 64)).write_bytes(b"stray")
    hub.clock.time += 2 * DAY
    foreseen = collect(hub, rehearse=True)
    assert foreseen == Collected(links=2, blobs=1, blob_bytes=5, strays=1, stray_bytes=5)
    assert has(hub, name=OTHER)
    hub.clock.time += DAY
    assert collect(hub) == foreseen
    assert collect(hub) == Collected()


def test_with_no_grace_what_is_stored_is_what_is_named(hub: Inside) -> None:
    for number in range(30):
        hub.push_image(f"team/n{number % 3}", f"v{number}", b"shared", b"%d" % number)
        hub.push_blob(f"team/n{number % 3}", b"alone %d" % number)
    for number in range(0, 30, 2):
        name = f"team/n{number % 3}"
        delete(hub, f"{name}/manifests/{Digest.of(manifest(b'{}', b'shared', b'%d' % number))}")
    collect(hub, keep=0)
    assert stored(hub) == {Digest.of(data) for data in (b"{}", b"shared", *(b"%d" % n for n in range(1, 30, 2)))}


def test_what_is_being_done_is_told_and_can_be_stopped_between_two_steps(hub: Inside) -> None:
    hub.push_image(NAME, "v1", DATA)
    told: list[tuple[int, str]] = []

    def tell(done: int, total: int | None, note: str) -> None:
        assert total is None
        told.append((done, note))
        if len(told) == 2:
            raise StorageError("stop")

    with pytest.raises(StorageError, match="stop"):
        Collector(hub.premises, tell, keep=0).collect()
    assert told == [(1, "looking for referrers of nothing"), (3, "looking for blobs that no manifest names")]
    assert collect(hub, keep=0) == Collected()


# Referrers --------------------------------------------------------------------------------------------------------


def test_referrer_that_comes_before_its_subject_stays_for_the_grace(hub: Inside) -> None:
    late = manifest(b"{}", DATA)
    hub.push_blob(NAME, b"{}")
    signature = hub.push_manifest(NAME, manifest(b"{}", subject=subject(late)))
    assert collect(hub) == Collected()
    hub.clock.time += DAY / 2
    assert collect(hub) == Collected()
    hub.push_image(NAME, "v1", DATA)
    hub.clock.time += 2 * DAY
    assert collect(hub) == Collected()
    assert hub.get(f"/v2/{NAME}/manifests/{signature}").status == 200


def test_referrers_of_what_is_gone_for_longer_than_the_grace_go(hub: Inside) -> None:
    image = hub.push_image(NAME, "v1", DATA)
    signature = manifest(b"{}", b"signature", subject=subject(image))
    hub.push_blob(NAME, b"signature")
    hub.push_manifest(NAME, signature)
    again = hub.push_manifest(NAME, manifest(b"{}", subject=subject(signature)))
    hub.clock.time += 2 * DAY
    assert collect(hub) == Collected()
    delete(hub, f"{NAME}/manifests/{Digest.of(image)}")
    collect(hub)
    assert hub.get(f"/v2/{NAME}/manifests/{Digest.of(signature)}").status == 200
    hub.clock.time += 2 * DAY
    assert collect(hub).referrers == 1
    assert hub.get(f"/v2/{NAME}/manifests/{Digest.of(signature)}").status == 404
    assert ("manifest.delete", str(Digest.of(signature)), None) in hub.actions(NAME)
    hub.clock.time += 2 * DAY
    assert collect(hub).referrers == 1
    assert hub.get(f"/v2/{NAME}/manifests/{again}").status == 404
    collect(hub)
    assert stored(hub) == set()


def test_referrer_whose_subject_comes_back_within_the_grace_stays(hub: Inside) -> None:
    image = hub.push_image(NAME, "v1", DATA)
    signature = hub.push_manifest(NAME, manifest(b"{}", subject=subject(image)))
    for _ in range(3):
        delete(hub, f"{NAME}/manifests/{Digest.of(image)}")
        assert collect(hub).referrers == 0
        hub.clock.time += DAY / 2
        hub.push_image(NAME, "v1", DATA)
        assert collect(hub).referrers == 0
        hub.clock.time += DAY / 2
    assert hub.get(f"/v2/{NAME}/manifests/{signature}").status == 200


def test_referrer_of_nothing_that_has_a_tag_or_is_listed_stays(hub: Inside) -> None:
    nowhere = subject(manifest(b"{}", b"nowhere"))
    hub.push_blob(NAME, b"{}")
    tagged = hub.push_manifest(NAME, manifest(b"{}", subject=nowhere), "signature")
    listed = manifest(b"{}", subject=nowhere, annotations={"a": "b"})
    hub.push_manifest(NAME, listed)
    hub.push_manifest(NAME, index(listed), "all")
    collect(hub, keep=0)
    for digest in (tagged, Digest.of(listed)):
        assert hub.get(f"/v2/{NAME}/manifests/{digest}").status == 200


# Beside pushes ----------------------------------------------------------------------------------------------------


def test_whoever_may_push_and_asks_for_a_blob_can_rely_on_it(hub: Inside) -> None:
    hub.push_blob(NAME, DATA)
    hub.clock.time += 2 * DAY
    assert has(hub)
    hub.clock.time += DAY / 2
    assert collect(hub) == Collected()
    assert has(hub)


def test_asking_for_a_blob_that_came_lately_writes_nothing(hub: Inside) -> None:
    hub.push_blob(NAME, DATA)
    hub.clock.time += DAY / 3
    with hub.database.write():  # whoever else writes would wait for it
        assert has(hub)


@pytest.mark.parametrize("way", ["upload", "mount"])
def test_blob_that_comes_again_is_kept_for_another_grace(hub: Inside, way: str) -> None:
    hub.push_blob(NAME, DATA)
    hub.push_image(OTHER, "v1", DATA)
    hub.clock.time += 2 * DAY
    if way == "upload":
        hub.push_blob(NAME, DATA)
    else:
        assert hub.request("POST", f"/v2/{NAME}/blobs/uploads/?mount={DIGEST}&from={OTHER}").status == 201
    hub.clock.time += DAY - 1
    assert collect(hub) == Collected()
    assert has(hub)


def test_blob_that_is_published_and_not_yet_linked_is_no_stray(hub: Inside) -> None:
    with hub.premises.holds.writing(DIGEST):
        staged = hub.files.create(SESSION, "sha256")
        staged.append([DATA])
        staged.publish(DIGEST)
        staged.close()
        assert collect(hub, keep=0) == Collected()
    assert stored(hub) == {DIGEST}
    assert collect(hub, keep=0) == Collected(strays=1, stray_bytes=len(DATA))
    assert stored(hub) == set()


def test_blob_that_is_published_over_garbage_is_kept(hub: Inside) -> None:
    hub.push_blob(NAME, DATA)
    delete(hub, f"{NAME}/blobs/{DIGEST}")
    with hub.premises.holds.writing(DIGEST):
        assert collect(hub, keep=0) == Collected()
    assert stored(hub) == {DIGEST}


def test_who_writes_a_blob_waits_while_it_is_erased(hub: Inside) -> None:
    holds, got = Holds(hub.database), Event()

    def write() -> None:
        with holds.writing(DIGEST):
            got.set()

    with ThreadPoolExecutor(1) as pool:
        with holds.erasing([DIGEST]) as free, holds.erasing([DIGEST]) as none:
            assert (free, none) == ([DIGEST], [])
            writing = pool.submit(write)
            assert not got.wait(0.05)
        writing.result(60)
    assert got.is_set()


PAUSES = cycle((0.0, 0.0, 0.1))  # seconds; on a busy machine collections without a pause are ahead of every push


def test_pushes_beside_collections_without_grace_are_whole(hub: Inside) -> None:
    """Every version that was taken is there; a push whose blobs were collected under way is refused, not broken."""
    rounds = 40
    done = Event()
    taken: list[str] = []

    def push(number: int) -> None:
        for turn in takewhile(lambda turn: turn < rounds or not taken, count()):
            data, tag = b"shared %d" % (turn % 3), f"v{number}-{turn}"
            for layer in (b"{}", data):
                hub.push_blob(NAME, layer)
            raw = manifest(b"{}", data, annotations={"n": tag})
            kind = {"content-type": "application/vnd.oci.image.manifest.v1+json"}
            answer = hub.request("PUT", f"/v2/{NAME}/manifests/{tag}", raw, kind)
            assert answer.status == 201 or answer.code == "MANIFEST_BLOB_UNKNOWN", answer
            if answer.status == 201:
                taken.append(tag)
                assert all(hub.get(f"/v2/{NAME}/blobs/{Digest.of(layer)}").body == layer for layer in (b"{}", data))
                delete(hub, f"{NAME}/manifests/{Digest.of(raw)}")

    def collecting() -> None:
        while not done.wait(next(PAUSES)):
            collect(hub, keep=0)

    with ThreadPoolExecutor(4) as pool:
        collector = pool.submit(collecting)
        pushers = [pool.submit(push, number) for number in range(2)]
        try:
            for pusher in pushers:
                pusher.result()
        finally:
            done.set()
        collector.result()
    assert taken
    collect(hub, keep=0)
    assert stored(hub) == set()
