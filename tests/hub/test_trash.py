"""What is deleted is gone at once, and comes back whole until it is purged."""

import pytest

from orchard.errors import ConflictError, DeniedError, NotFoundError
from orchard.hub.access import Principal
from orchard.hub.registry import Collector, DeletableRepository, Kind, Movers, Reach, Trashed
from orchard.oci import Digest
from support.hubinside import Inside, MakeHub
from support.hubs import index, manifest, subject

ENGINES = True

ENGINES = True
NAME = "team/model"
DAY = 24 * 3600.0


def deletable(hub: Inside, name: str = NAME) -> DeletableRepository:
    return hub.registry.deletable(hub.who, name)


def delete(hub: Inside, reference: str | Digest, name: str = NAME) -> Trashed:
    assert hub.request("DELETE", f"/v2/{name}/manifests/{reference}").status == 202
    return deletable(hub, name).trash()[0]


def collect(hub: Inside) -> None:
    Collector(hub.premises, lambda *_: None, keep=0).collect()


def status(hub: Inside, reference: str | Digest, name: str = NAME) -> int:
    return hub.get(f"/v2/{name}/manifests/{reference}").status


def test_deleted_manifest_is_gone_at_once_and_comes_back_with_its_tags(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    hub.push_manifest(NAME, raw, "latest")
    before = hub.registry.version(hub.who, NAME, "v1").summary
    hub.clock.time += 60
    entry = delete(hub, Digest.of(raw))
    assert (entry.kind, entry.what, entry.manifests) == ("manifest", str(Digest.of(raw)), 1)
    assert (entry.why, entry.deleted_by) == ("deleted by hand", "anonymous")
    assert dict(entry.tags) == {"v1": Digest.of(raw), "latest": Digest.of(raw)}
    assert {status(hub, reference) for reference in ("v1", "latest", Digest.of(raw))} == {404}
    collect(hub)
    restored = deletable(hub).restore(entry.id)
    assert (restored.manifests, sorted(restored.tags), restored.taken) == ((Digest.of(raw),), ["latest", "v1"], ())
    assert hub.get(f"/v2/{NAME}/manifests/v1").body == raw
    assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(b'layer')}").body == b"layer"
    after = hub.registry.version(hub.who, NAME, "v1").summary
    assert (after.pushed_at, after.size_bytes, set(after.tags)) == (
        before.pushed_at,
        before.size_bytes,
        set(before.tags),
    )
    assert deletable(hub).trash() == []


def test_deleted_tag_comes_back_where_it_pointed(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    entry = delete(hub, "v1")
    assert status(hub, "v1") == 404
    assert status(hub, Digest.of(raw)) == 200
    assert deletable(hub).restore(entry.id).tags == ("v1",)
    assert hub.get(f"/v2/{NAME}/manifests/v1").body == raw


def test_tag_whose_name_something_else_has_taken_stays_as_it_is(hub: Inside) -> None:
    old = hub.push_image(NAME, "v1", b"old")
    hub.push_manifest(NAME, old, "stable")
    entry = delete(hub, Digest.of(old))
    new = hub.push_image(NAME, "v1", b"new")
    restored = deletable(hub).restore(entry.id)
    assert (restored.tags, restored.taken) == (("stable",), ("v1",))
    assert hub.get(f"/v2/{NAME}/manifests/v1").body == new
    assert hub.get(f"/v2/{NAME}/manifests/stable").body == old


def test_tag_brings_back_the_manifest_that_was_deleted_after_it(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    tag = delete(hub, "v1")
    delete(hub, Digest.of(raw))
    assert deletable(hub).restore(tag.id).manifests == (Digest.of(raw),)
    assert hub.get(f"/v2/{NAME}/manifests/v1").body == raw


def test_index_brings_back_what_it_lists(hub: Inside) -> None:
    parts = [hub.push_image(NAME, f"part{number}", b"%d" % number) for number in range(2)]
    inner = index(parts[0])
    outer = index(inner, parts[1])
    hub.push_manifest(NAME, inner)
    hub.push_manifest(NAME, outer, "all")
    entry = delete(hub, Digest.of(outer))
    for raw in (inner, *parts):
        delete(hub, Digest.of(raw))
    collect(hub)
    assert set(deletable(hub).restore(entry.id).manifests) == {Digest.of(raw) for raw in (outer, inner, *parts)}
    assert hub.get(f"/v2/{NAME}/manifests/all").body == outer
    assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(b'1')}").body == b"1"
    assert status(hub, "part0") == 404  # only manifests are needed; their tags have entries of their own
    for other in deletable(hub).trash():
        deletable(hub).restore(other.id)
    assert status(hub, "part0") == 200
    assert deletable(hub).trash() == []


def test_signatures_stay_for_the_grace_and_come_back_with_what_they_sign(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    hub.push_blob(NAME, b"signature")
    signature = manifest(b"{}", b"signature", subject=subject(raw))
    hub.push_manifest(NAME, signature)
    entry = delete(hub, Digest.of(raw))
    assert status(hub, Digest.of(signature)) == 200
    assert hub.get(f"/v2/{NAME}/referrers/{Digest.of(raw)}").status == 200
    collect(hub)
    hub.clock.time += DAY
    collect(hub)
    assert status(hub, Digest.of(signature)) == 404
    assert set(deletable(hub).restore(entry.id).manifests) == {Digest.of(raw), Digest.of(signature)}
    assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(b'signature')}").body == b"signature"
    assert len(hub.get(f"/v2/{NAME}/referrers/{Digest.of(raw)}").json["manifests"]) == 1
    assert deletable(hub).trash() == []


def test_deleted_repository_is_gone_and_comes_back_whole(hub: Inside) -> None:
    raws = [hub.push_image(NAME, f"v{number}", b"%d" % number) for number in range(3)]
    hub.push_manifest(NAME, index(*raws), "all")
    deletable(hub).delete_repository(why="moved")
    assert hub.get(f"/v2/{NAME}/tags/list").status == 404
    assert hub.get("/v2/_catalog").json["repositories"] == []
    assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(b'1')}").status == 404
    assert {status(hub, f"v{number}") for number in range(3)} == {404}
    collect(hub)
    (entry,) = deletable(hub).trash()
    assert (entry.kind, entry.why, entry.manifests) == ("repository", "moved", 4)
    deletable(hub).restore(entry.id)
    assert hub.get(f"/v2/{NAME}/tags/list").json["tags"] == ["all", "v0", "v1", "v2"]
    assert [hub.get(f"/v2/{NAME}/manifests/v{number}").body for number in range(3)] == raws
    assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(b'2')}").body == b"2"


def test_name_of_a_deleted_repository_can_be_used_again(hub: Inside) -> None:
    old = hub.push_image(NAME, "v1", b"old")
    deletable(hub).delete_repository()
    with pytest.raises(NotFoundError, match="there is no repository team/model"):
        deletable(hub).delete_repository()
    new = hub.push_image(NAME, "v1", b"new")
    assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(b'old')}").status == 404
    (entry,) = deletable(hub).trash()
    assert deletable(hub).restore(entry.id).taken == ("v1",)
    assert hub.get(f"/v2/{NAME}/manifests/v1").body == new
    assert hub.get(f"/v2/{NAME}/manifests/{Digest.of(old)}").body == old


def test_what_was_pushed_again_meanwhile_is_left_alone(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    entry = delete(hub, Digest.of(raw))
    hub.clock.time += 60
    hub.push_image(NAME, "v1", b"layer")
    assert deletable(hub).restore(entry.id).manifests == ()
    assert hub.get(f"/v2/{NAME}/manifests/v1").body == raw
    assert deletable(hub).trash() == []


def test_bytes_that_trash_names_are_collected_once_it_is_purged(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    entry = delete(hub, Digest.of(raw))
    collect(hub)
    assert Digest.of(b"layer") in set(hub.files.digests())
    hub.clock.time += 7 * DAY - 1
    assert hub.registry.upkeep().purge(7 * DAY) == 0
    hub.clock.time += 1
    assert hub.registry.upkeep().purge(7 * DAY) == 1
    collect(hub)
    assert set(hub.files.digests()) == set()
    with pytest.raises(NotFoundError, match=f"has no entry {entry.id}"):
        deletable(hub).restore(entry.id)
    assert hub.actions(NAME)[-1] == ("trash.purge", None, None)


def test_entry_is_purged_by_hand_by_whoever_governs(hub: Inside) -> None:
    entry = delete(hub, Digest.of(hub.push_image(NAME, "v1", b"layer")))
    hub.push_image("team/other", "v1", b"layer")
    with pytest.raises(NotFoundError, match="the trash of team/other has no entry"):
        hub.registry.governed(hub.who, "team/other").purge(entry.id)
    hub.registry.governed(hub.who, NAME).purge(entry.id)
    assert deletable(hub).trash() == []


def test_manifest_that_needs_what_was_purged_does_not_come_back(hub: Inside) -> None:
    part = hub.push_image(NAME, "part", b"layer")
    hub.push_manifest(NAME, index(part), "all")
    whole = delete(hub, Digest.of(index(part)))
    hub.registry.governed(hub.who, NAME).purge(delete(hub, Digest.of(part)).id)
    with pytest.raises(ConflictError, match=r"it names sha256:.*, which is not kept any more; push it again"):
        deletable(hub).restore(whole.id)
    assert [entry.id for entry in deletable(hub).trash()] == [whole.id]
    assert status(hub, "all") == 404


def test_tag_that_meant_what_was_purged_does_not_come_back(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    tag = delete(hub, "v1")
    hub.registry.governed(hub.who, NAME).purge(delete(hub, Digest.of(raw)).id)
    with pytest.raises(NotFoundError, match=r"tag v1 cannot be restored: sha256:.*, which it pointed to"):
        deletable(hub).restore(tag.id)


def test_protected_tag_comes_back_by_those_only_who_may_set_it(make_hub: MakeHub) -> None:
    hub = make_hub(reach=lambda who, _: Reach(site_admin=False, role="owner" if who.name == "ana" else "writer"))
    raw = hub.push_image(NAME, "prod", b"layer")
    entry = delete(hub, Digest.of(raw))
    hub.registry.governed(hub.who, NAME).add_tag_rule(Kind.PROTECTED, "prod", Movers(role="owner"))
    with pytest.raises(DeniedError, match="tag prod cannot be set by anonymous"):
        deletable(hub).restore(entry.id)
    assert status(hub, Digest.of(raw)) == 404
    assert hub.registry.deletable(Principal("ana"), NAME).restore(entry.id).tags == ("prod",)


def test_trash_is_listed_page_by_page_the_newest_first(hub: Inside) -> None:
    for number in range(5):
        hub.push_image(NAME, f"v{number}", b"layer", annotations={"n": str(number)})
        delete(hub, f"v{number}")
    repository = deletable(hub)
    first = repository.trash(limit=2)
    rest = repository.trash(before=first[-1].id)
    assert [entry.what for entry in [*first, *rest]] == ["v4", "v3", "v2", "v1", "v0"]


def test_pulls_are_remembered_over_deletion_and_return(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    for _ in range(3):
        hub.get(f"/v2/{NAME}/manifests/v1")
    hub.registry.upkeep().write_pulls()
    deletable(hub).restore(delete(hub, Digest.of(raw)).id)
    assert hub.registry.readable(hub.who, NAME).pulls(Digest.of(raw)).count == 3
