"""Hot manifests in memory: never out of date, never without permission, never too many."""

import pytest

from orchard.hub.access import Principal
from orchard.hub.registry import Recall, StoredManifest
from orchard.oci import Digest, mediatype
from support.hubinside import Inside, MakeHub, NamedDoor, Only
from support.hubs import manifest

ENGINES = True

NAME = "team/model"
RAW = b"x" * 1000


def stored(raw: bytes = RAW) -> StoredManifest:
    return StoredManifest(Digest.of(raw), mediatype.OCI_MANIFEST, raw)


def test_what_was_read_is_remembered_by_each_of_its_names() -> None:
    recall = Recall(1 << 20)
    recall.put(NAME, "v1", stored(), mark=recall.mark)
    assert recall.get(NAME, "v1") == stored()
    assert recall.get(NAME, "v2") is None
    assert recall.get("team/other", "v1") is None


def test_write_makes_its_repository_forgotten_and_no_other() -> None:
    recall = Recall(1 << 20)
    for name in (NAME, "team/other"):
        for tag in ("v1", "v2"):
            recall.put(name, tag, stored(), mark=recall.mark)
    recall.forget(NAME)
    recall.forget("never/seen")
    assert recall.get(NAME, "v1") is None
    assert recall.get(NAME, "v2") is None
    assert recall.get("team/other", "v1") == stored()


def test_what_was_read_before_a_write_is_not_remembered_after_it() -> None:
    recall = Recall(1 << 20)
    mark = recall.mark
    recall.forget(NAME)
    recall.put(NAME, "v1", stored(), mark=mark)
    assert recall.get(NAME, "v1") is None


def test_least_recently_used_is_forgotten_first() -> None:
    recall = Recall(3 * (1000 + 1024))
    for tag in ("a", "b", "c"):
        recall.put(NAME, tag, stored(), mark=recall.mark)
    recall.get(NAME, "a")
    recall.put(NAME, "d", stored(), mark=recall.mark)
    assert [tag for tag in "abcd" if recall.get(NAME, tag)] == ["a", "c", "d"]
    recall.forget(NAME)
    assert not any(recall.get(NAME, tag) for tag in "abcd")


def test_nothing_larger_than_the_limit_is_remembered() -> None:
    recall = Recall(0)
    recall.put(NAME, "v1", stored(), mark=recall.mark)
    assert recall.get(NAME, "v1") is None


def test_same_manifest_twice_counts_once() -> None:
    recall = Recall(2 * (1000 + 1024))
    for _ in range(9):
        recall.put(NAME, "a", stored(), mark=recall.mark)
    recall.put(NAME, "b", stored(), mark=recall.mark)
    assert recall.get(NAME, "a") == recall.get(NAME, "b") == stored()


def test_pulled_manifest_is_hot_until_its_repository_changes(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    assert hub.registry.recall(hub.who, NAME, "v1") is None
    for _ in range(2):
        assert hub.get(f"/v2/{NAME}/manifests/v1").body == raw
    assert hub.registry.recall(hub.who, NAME, "v1") is not None
    hub.push_manifest(NAME, manifest(b"{}"), "v1")
    assert hub.registry.recall(hub.who, NAME, "v1") is None
    assert hub.get(f"/v2/{NAME}/manifests/v1").body == manifest(b"{}")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_hot_manifest_is_answered_as_any_other(hub: Inside, method: str) -> None:
    hub.push_image(NAME, "v1", b"layer")
    usual = hub.request(method, f"/v2/{NAME}/manifests/v1?because=that%20is%20the%20long%20way")
    hot = hub.request(method, f"/v2/{NAME}/manifests/v1")
    assert hub.registry.recall(hub.who, NAME, "v1") is not None
    assert (hot.status, hot.headers, hot.body) == (usual.status, usual.headers, usual.body)


def test_hot_manifest_is_given_only_to_those_who_may_read_it(make_hub: MakeHub) -> None:
    hub = make_hub(policy=Only(anonymous={NAME}, ana={NAME}), access=lambda _: NamedDoor())
    ana = {"authorization": "ana"}
    assert hub.request("PUT", f"{hub.begin(NAME, headers=ana)}?digest={Digest.of(b'{}')}", b"{}", ana).status == 201
    target = f"/v2/{NAME}/manifests/v1"
    put = hub.request("PUT", target, manifest(b"{}"), {**ana, "content-type": mediatype.OCI_MANIFEST})
    assert put.status == 201
    for _ in range(2):
        assert hub.get(target, authorization="ana").status == 200
        answer = hub.get(target, authorization="eve")
        assert (answer.status, answer.code) == (403, "DENIED")
    assert hub.registry.recall(Principal("eve"), NAME, "v1") is None
