"""What a namespace keeps is counted exactly, and never more than it may."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from orchard.errors import DeniedError, InvalidError, QuotaError
from orchard.hub import catalog
from orchard.hub.registry import Collector, Quota, Reach, Usage
from orchard.oci import Digest
from support.hubinside import Inside, MakeHub
from support.hubs import Answer, index, manifest

ENGINES = True
NAME = "team/model"
OTHER = "team/other"
MIB = 1 << 20


def limit(hub: Inside, size: int | None, repositories: int | None = None, namespace: str = "team") -> None:
    hub.registry.allotment(hub.who).set(namespace, Quota(size, repositories))


def usage(hub: Inside, namespace: str = "team") -> Usage:
    """What the catalog counts; it must be what is there."""
    with hub.database.read() as connection:
        counted = catalog.usage.current(connection, namespace)
        assert counted == catalog.usage.recount(connection, namespace)
        return counted


def post(hub: Inside, name: str, data: bytes) -> Answer:
    return hub.request("POST", f"/v2/{name}/blobs/uploads/?digest={Digest.of(data)}", data)


def noise(size: int, seed: int = 0) -> bytes:
    return bytes([seed]) * size


# Counting ---------------------------------------------------------------------------------------------------------


def test_each_blob_counts_once_for_its_namespace_and_manifests_count_too(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", noise(1000))
    hub.push_image(OTHER, "v1", noise(1000))
    hub.push_image("else/where", "v1", noise(1000))
    assert usage(hub) == Usage(1000 + 2 + 2 * len(raw), 0, 2)
    assert usage(hub, "else") == Usage(1000 + 2 + len(raw), 0, 1)
    assert usage(hub, "nobody") == Usage(0, 0, 0)


def test_deleting_frees_what_nothing_else_of_the_namespace_names(hub: Inside) -> None:
    one, two = (hub.push_image(NAME, f"v{number}", noise(1000), noise(500, number)) for number in (1, 2))
    hub.push_image(OTHER, "v1", noise(500, 2))
    full = usage(hub).bytes
    hub.request("DELETE", f"/v2/{NAME}/manifests/{Digest.of(one)}")
    assert usage(hub).bytes == full - len(one) - 500
    hub.request("DELETE", f"/v2/{NAME}/manifests/{Digest.of(two)}")
    assert usage(hub).bytes == full - len(one) - 500 - len(two) - 1000
    assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(noise(1000))}").status == 200  # until garbage is collected
    hub.push_manifest(NAME, two, "again")
    assert usage(hub).bytes == full - len(one) - 500


def test_count_is_right_after_every_way_that_content_comes_and_goes(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", noise(100))
    hub.push_manifest(NAME, index(raw), "all")
    hub.push_blob(NAME, b"never named")
    hub.request("POST", f"/v2/{OTHER}/blobs/uploads/?mount={Digest.of(noise(100))}&from={NAME}")
    usage(hub)
    assert hub.request("DELETE", f"/v2/{OTHER}/blobs/{Digest.of(noise(100))}").status == 202
    usage(hub)
    repository = hub.registry.deletable(hub.who, NAME)
    repository.delete_repository()
    assert usage(hub) == Usage(0, 0, 1)
    (entry,) = repository.trash()
    repository.restore(entry.id)
    usage(hub)
    hub.push_blob(NAME, b"never named")
    hub.clock.time += 9
    Collector(hub.premises, lambda *_: None, keep=1).collect()
    assert usage(hub).bytes == 100 + 2 + len(raw) + len(index(raw))


# Refusing ---------------------------------------------------------------------------------------------------------


def test_push_beyond_the_quota_is_denied_in_words(hub: Inside) -> None:
    limit(hub, 3000)
    hub.push_blob(NAME, noise(2000))
    answer = post(hub, OTHER, noise(1500, 1))
    assert (answer.status, answer.code) == (403, "DENIED")
    assert answer.json["errors"][0]["message"] == (
        "the quota of namespace team is 2.93 KiB: 1.953 KiB are used, running uploads hold 0 bytes, and this needs"
        " 1.465 KiB more; delete versions, or ask an administrator of the hub for a larger quota"
    )
    assert usage(hub).bytes == 2000
    hub.push_blob("else/where", noise(1500, 1))
    assert post(hub, OTHER, noise(1000, 2)).status == 201


def test_known_length_is_refused_before_a_byte_of_it_is_kept(hub: Inside) -> None:
    limit(hub, 2 * MIB)
    location = hub.begin(NAME)
    answer = hub.request("PATCH", location, noise(3 * MIB))
    assert (answer.status, answer.code) == (403, "DENIED")
    assert hub.get(location).headers["range"] == "0-0"
    assert post(hub, NAME, noise(3 * MIB)).status == 403
    assert usage(hub) == Usage(0, 0, 0)


def test_unknown_length_is_refused_when_it_passes_the_quota(hub: Inside) -> None:
    limit(hub, 5 * MIB)
    answer = hub.request("PATCH", hub.begin(NAME), [noise(MIB)] * 8)
    assert (answer.status, answer.code) == (403, "DENIED")
    assert hub.request("PATCH", hub.begin(OTHER), [noise(MIB)] * 2).status == 403  # the first one still has its room


def test_what_running_uploads_have_announced_counts(hub: Inside) -> None:
    limit(hub, 8 * MIB)
    location = hub.begin(NAME)
    assert hub.request("PATCH", location, noise(5 * MIB)).status == 202
    assert usage(hub) == Usage(0, 5 * MIB, 0)
    assert post(hub, OTHER, noise(4 * MIB, 1)).status == 403
    assert hub.request("DELETE", location).status == 204
    assert usage(hub).reserved == 0
    assert post(hub, OTHER, noise(4 * MIB, 1)).status == 201
    assert usage(hub) == Usage(4 * MIB, 0, 1)


def test_upload_that_fits_exactly_is_taken(hub: Inside) -> None:
    limit(hub, 4 * MIB)
    location = hub.begin(NAME)
    for number in range(2):
        assert hub.request("PATCH", location, noise(2 * MIB, number)).status == 202
    whole = noise(2 * MIB, 0) + noise(2 * MIB, 1)
    assert hub.request("PUT", f"{location}?digest={Digest.of(whole)}").status == 201
    assert usage(hub) == Usage(4 * MIB, 0, 1)


def test_mounts_and_manifests_count(hub: Inside) -> None:
    hub.push_blob("else/where", noise(1000))
    limit(hub, 900)
    mount = f"/v2/{NAME}/blobs/uploads/?mount={Digest.of(noise(1000))}&from=else/where"
    assert hub.request("POST", mount).status == 403
    limit(hub, 100)
    hub.push_blob(NAME, b"{}")
    answer = hub.request("PUT", f"/v2/{NAME}/manifests/v1", manifest(b"{}"))
    assert (answer.status, answer.code) == (403, "DENIED")


def test_what_adds_nothing_is_taken_however_full_it_is(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", noise(1000))
    limit(hub, 10)
    hub.push_manifest(NAME, raw, "v2")
    assert hub.request("DELETE", f"/v2/{NAME}/manifests/{Digest.of(raw)}").status == 202
    repository = hub.registry.deletable(hub.who, NAME)
    with pytest.raises(QuotaError, match="the quota of namespace team is 10 bytes"):
        repository.restore(repository.trash()[0].id)


def test_number_of_repositories_is_limited_and_deleting_one_makes_room(hub: Inside) -> None:
    limit(hub, None, 1)
    hub.push_image(NAME, "v1")
    answer = post(hub, OTHER, b"x")
    assert answer.status == 403
    assert "the quota of namespace team is 1 repositories; it has 1: delete one" in answer.json["errors"][0]["message"]
    hub.registry.deletable(hub.who, NAME).delete_repository()
    assert post(hub, OTHER, b"x").status == 201
    assert usage(hub).repositories == 1


def test_quota_for_all_holds_where_there_is_none_of_its_own(hub: Inside) -> None:
    limit(hub, 10, namespace="*")
    limit(hub, None)
    assert post(hub, NAME, noise(100)).status == 201
    assert post(hub, "else/where", noise(100)).status == 403
    hub.registry.allotment(hub.who).set("*", None)
    assert post(hub, "else/where", noise(100)).status == 201
    assert hub.registry.allotment(hub.who).get("team") == (Usage(100, 0, 1), Quota(None, None))


def test_concurrent_pushes_do_not_pass_the_quota(hub: Inside) -> None:
    limit(hub, 10_000)
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda number: post(hub, f"team/n{number % 3}", noise(1000, number)).status, range(16)))
    assert (codes.count(201), codes.count(403)) == (10, 6)
    assert usage(hub).bytes == 10_000


# Setting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("namespace", "quota", "complaint"),
    [
        ("team/model", Quota(1, None), "team/model is not a namespace"),
        ("team", Quota(-1, None), "a quota of -1 cannot be kept"),
        ("team", Quota(None, 1 << 62), "cannot be kept"),
    ],
)
def test_quota_that_makes_no_sense_is_refused(hub: Inside, namespace: str, quota: Quota, complaint: str) -> None:
    with pytest.raises(InvalidError, match=complaint):
        hub.registry.allotment(hub.who).set(namespace, quota)


def test_only_administrators_change_quotas(make_hub: MakeHub) -> None:
    hub = make_hub(reach=lambda *_: Reach(site_admin=False, role="owner"))
    with pytest.raises(DeniedError, match="anonymous may not change quotas"):
        hub.registry.allotment(hub.who)
    assert hub.registry.governed(hub.who, NAME).usage() == (Usage(0, 0, 0), None)
