"""Lists: tags, referrers, repositories (distribution spec, "Listing tags", "Listing referrers")."""

import json
import re
from typing import Any

import pytest

from orchard.oci import MAX_MANIFEST, Digest, mediatype
from support.hubinside import Inside, MakeHub, NamedDoor, Only
from support.hubs import Answer, describe, index, manifest, subject

ENGINES = True

NAME = "team/model"
NOBODY = Digest.of(b"never pushed")


def next_page(answer: Answer) -> str | None:
    link = answer.headers.get("link")
    if link is None:
        return None
    match = re.fullmatch(r'<(/v2/[^>]+)>; rel="next"', link)
    assert match is not None, link
    return match[1]


def follow(hub: Inside, target: str | None, key: str) -> list[Any]:
    """Read all pages."""
    found: list[Any] = []
    while target is not None:
        answer = hub.get(target)
        assert answer.status == 200
        found += answer.json[key]
        target = next_page(answer)
    return found


# Tags -------------------------------------------------------------------------------------------------------------

TAGS = ["Z", "_x", "a", "a-b", "a.b", "latest", "v1", "v10", "v2"]  # in the order of their bytes


@pytest.fixture
def tagged(hub: Inside) -> Inside:
    hub.push_image(NAME, "v1", b"layer")
    raw = manifest(b"{}", b"layer")
    for tag in TAGS:
        hub.push_manifest(NAME, raw, tag)
    return hub


LISTED: list[tuple[str, list[str] | None]] = [
    ("", TAGS),
    ("?n=3", TAGS[:3]),
    ("?n=3&last=a", TAGS[3:6]),
    ("?last=a.b", TAGS[5:]),
    ("?last=between", TAGS[5:]),
    ("?last=zzz", []),
    ("?n=0", []),
    ("?n=9", TAGS),
    ("?n=999999999", TAGS),
    ("?n=", None),
    ("?n=-1", None),
    ("?n=1e3", None),
    ("?n=%D9%A3", None),
    ("?n=" + "9" * 5000, None),
]


def test_tags_are_listed_in_the_order_of_their_bytes(tagged: Inside) -> None:
    for query, expected in LISTED:
        answer = tagged.get(f"/v2/{NAME}/tags/list{query}")
        if expected is None:
            assert (answer.status, answer.code) == (400, "UNSUPPORTED"), query
            continue
        assert (answer.status, answer.json) == (200, {"name": NAME, "tags": expected}), query
        assert answer.headers["content-type"] == "application/json"


def test_pages_of_tags_join_to_the_whole_list(tagged: Inside) -> None:
    for size in (1, 2, 4, 8, 9, 10):
        assert follow(tagged, f"/v2/{NAME}/tags/list?n={size}", "tags") == TAGS, size


def test_last_page_of_tags_has_no_next_one(tagged: Inside) -> None:
    assert next_page(tagged.get(f"/v2/{NAME}/tags/list?n=9")) is None
    assert next_page(tagged.get(f"/v2/{NAME}/tags/list?n=0")) is None
    assert next_page(tagged.get(f"/v2/{NAME}/tags/list?n=8")) == f"/v2/{NAME}/tags/list?n=8&last=v10"


def test_tags_of_an_unknown_repository_are_an_error_and_of_an_empty_one_an_empty_list(hub: Inside) -> None:
    answer = hub.get(f"/v2/{NAME}/tags/list")
    assert (answer.status, answer.code) == (404, "NAME_UNKNOWN")
    hub.push_blob(NAME, b"only a blob")
    assert hub.get(f"/v2/{NAME}/tags/list").json == {"name": NAME, "tags": []}


# Referrers --------------------------------------------------------------------------------------------------------


def refer(hub: Inside, about: bytes, kind: str | None, **annotations: str) -> dict[str, Any]:
    """Push a manifest about another one; give the entry that a list of referrers must show."""
    fields: dict[str, object] = {"subject": subject(about), "artifactType": kind, "annotations": annotations or None}
    raw = manifest(b"{}", **fields)
    hub.push_blob(NAME, b"{}")
    hub.push_manifest(NAME, raw)
    entry = {"mediaType": mediatype.OCI_MANIFEST, **describe(raw)}
    entry["artifactType"] = kind or "application/vnd.oci.image.config.v1+json"
    return {**entry, **({"annotations": annotations} if annotations else {})}


def by_digest(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(entries, key=lambda entry: str(entry["digest"]))


@pytest.mark.parametrize("name", [NAME, "nothing/here"])
@pytest.mark.parametrize("digest", [str(NOBODY), "sha256:" + "0" * 64, str(Digest.of(b"x", "sha512"))])
def test_referrers_of_what_nobody_pushed_are_an_empty_index(hub: Inside, name: str, digest: str) -> None:
    answer = hub.get(f"/v2/{name}/referrers/{digest}")
    assert answer.status == 200
    assert answer.json == {"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": []}
    assert answer.headers["content-type"] == "application/vnd.oci.image.index.v1+json"
    assert "oci-filters-applied" not in answer.headers


def test_referrers_pushed_before_their_subject_are_listed(hub: Inside) -> None:
    raw = manifest(b"{}", b"layer")
    entry = refer(hub, raw, "application/x-signature", who="me")
    assert hub.get(f"/v2/{NAME}/referrers/{Digest.of(raw)}").json["manifests"] == [entry]
    hub.push_image(NAME, "v1", b"layer")
    assert hub.get(f"/v2/{NAME}/referrers/{Digest.of(raw)}").json["manifests"] == [entry]


def test_referrers_are_listed_by_type(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    kinds = ["application/x-a", "application/x-b", None]
    entries = {kind: refer(hub, raw, kind) for kind in kinds}
    target = f"/v2/{NAME}/referrers/{Digest.of(raw)}"
    assert hub.get(target).json["manifests"] == by_digest(list(entries.values()))
    answer = hub.get(f"{target}?artifactType=application/x-a")
    assert answer.json["manifests"] == [entries["application/x-a"]]
    assert answer.headers["oci-filters-applied"] == "artifactType"
    filtered = hub.get(f"{target}?artifactType=application/vnd.oci.image.config.v1%2Bjson")
    assert filtered.json["manifests"] == [entries[None]]
    assert hub.get(f"{target}?artifactType=application/x-none").json["manifests"] == []


def test_index_can_be_a_referrer(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    about = index(subject=subject(raw), artifactType="application/x-list")
    hub.push_manifest(NAME, about)
    (entry,) = hub.get(f"/v2/{NAME}/referrers/{Digest.of(raw)}").json["manifests"]
    expected = {"mediaType": mediatype.OCI_INDEX, "artifactType": "application/x-list", **describe(about)}
    assert entry == expected


def test_index_without_a_type_refers_without_one(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    about = index(subject=subject(raw))
    hub.push_manifest(NAME, about)
    (entry,) = hub.get(f"/v2/{NAME}/referrers/{Digest.of(raw)}").json["manifests"]
    assert entry == {"mediaType": mediatype.OCI_INDEX, **describe(about)}


def test_deleted_referrer_is_gone_at_once(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    entry = refer(hub, raw, "application/x-a")
    hub.request("DELETE", f"/v2/{NAME}/manifests/{entry['digest']}")
    assert hub.get(f"/v2/{NAME}/referrers/{Digest.of(raw)}").json["manifests"] == []


def test_referrers_stay_in_their_repository(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    refer(hub, raw, "application/x-a")
    hub.push_image("team/other", "v1", b"layer")
    assert hub.get(f"/v2/team/other/referrers/{Digest.of(raw)}").json["manifests"] == []


def test_pages_of_referrers_join_to_the_whole_list(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    entries = [refer(hub, raw, "application/x-+a", n=str(number)) for number in range(7)]
    for query in ("n=2", "n=3", "n=2&artifactType=application/x-%2Ba", "n=7"):
        target = f"/v2/{NAME}/referrers/{Digest.of(raw)}?{query}"
        assert follow(hub, target, "manifests") == by_digest(entries), query


def test_page_of_referrers_fits_into_what_clients_accept(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    entries = [refer(hub, raw, "application/x-a", n=str(number), long="x" * 1_500_000) for number in range(4)]
    target = f"/v2/{NAME}/referrers/{Digest.of(raw)}"
    answer = hub.get(target)
    assert len(answer.body) <= 4 << 20
    assert len(answer.json["manifests"]) == 2
    assert follow(hub, target, "manifests") == by_digest(entries)


def test_largest_referrer_is_listed(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    bare = len(manifest(b"{}", subject=subject(raw), artifactType="application/x-a", annotations={"n": "0", "l": ""}))
    entries = [refer(hub, raw, "application/x-a", n=str(number), l="x" * (MAX_MANIFEST - bare)) for number in range(2)]
    assert follow(hub, f"/v2/{NAME}/referrers/{Digest.of(raw)}", "manifests") == by_digest(entries)


def test_page_of_no_referrers_has_no_next_one(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    refer(hub, raw, "application/x-a")
    answer = hub.get(f"/v2/{NAME}/referrers/{Digest.of(raw)}?n=0")
    assert (answer.json["manifests"], next_page(answer)) == ([], None)


@pytest.mark.parametrize("digest", ["sha256:bad", "latest", "sha256:" + "A" * 64])
def test_referrers_of_no_digest_are_refused(hub: Inside, digest: str) -> None:
    answer = hub.get(f"/v2/{NAME}/referrers/{digest}")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


# Repositories -----------------------------------------------------------------------------------------------------

NAMES = ["a", "a-b", "a/b", "team/blobs/uploads", "team/manifests", "team/tags", "z/9"]


@pytest.fixture
def many(hub: Inside) -> Inside:
    for name in reversed(NAMES):
        hub.push_image(name, "v1", b"layer")
    hub.push_blob("only/blobs", b"x")
    return hub


def test_repositories_with_a_manifest_are_listed_in_the_order_of_their_bytes(many: Inside) -> None:
    answer = many.get("/v2/_catalog")
    assert (answer.status, answer.json) == (200, {"repositories": NAMES})
    assert answer.headers["content-type"] == "application/json"


def test_pages_of_repositories_join_to_the_whole_list(many: Inside) -> None:
    for size in (1, 2, 3, 6, 7, 8):
        assert follow(many, f"/v2/_catalog?n={size}", "repositories") == NAMES, size


def test_names_that_sound_like_the_api_are_names(many: Inside) -> None:
    for name in NAMES:
        assert many.get(f"/v2/{name}/tags/list").json["tags"] == ["v1"]
        assert many.get(f"/v2/{name}/manifests/v1").status == 200


def test_only_what_somebody_may_see_is_listed(make_hub: MakeHub) -> None:
    seen = {f"team/n{number}" for number in range(0, 9, 3)}
    everything = {f"team/n{number}" for number in range(9)}
    hub = make_hub(policy=Only(ana=everything, bob=seen), access=lambda _: NamedDoor())
    ana, bob = {"authorization": "ana"}, {"authorization": "bob"}
    for name in everything:
        assert hub.request("PUT", f"{hub.begin(name, headers=ana)}?digest={Digest.of(b'{}')}", b"{}", ana).status == 201
        raw = manifest(b"{}")
        put = hub.request("PUT", f"/v2/{name}/manifests/v1", raw, {**ana, "content-type": mediatype.OCI_MANIFEST})
        assert put.status == 201
    first = hub.request("GET", "/v2/_catalog?n=2", headers=bob)
    assert first.json["repositories"] == ["team/n0", "team/n3"]
    second = hub.request("GET", next_page(first) or "", headers=bob)
    assert second.json["repositories"] == ["team/n6"]
    assert hub.request("GET", "/v2/_catalog", headers={"authorization": "eve"}).json["repositories"] == []


# Everything else --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ping_says_that_this_is_a_registry(hub: Inside, path: str, method: str) -> None:
    answer = hub.request(method, path)
    assert answer.status == 200
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"
    assert answer.body == (b"{}" if method == "GET" else b"")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v2/", "GET, HEAD"),
        ("PUT", "/v2/team/model/tags/list", "GET, HEAD"),
        ("POST", f"/v2/team/model/blobs/{NOBODY}", "GET, HEAD, DELETE"),
        ("PATCH", "/v2/team/model/manifests/v1", "GET, HEAD, PUT, DELETE"),
        ("GET", "/v2/team/model/blobs/uploads/", "POST"),
        ("POST", "/v2/team/model/blobs/uploads/" + "0" * 32, "GET, HEAD, PATCH, PUT, DELETE"),
        ("OPTIONS", "/v2/_catalog", "GET, HEAD"),
    ],
)
def test_method_that_is_not_offered_is_refused(hub: Inside, method: str, path: str, allowed: str) -> None:
    answer = hub.request(method, path)
    assert (answer.status, answer.code, answer.headers["allow"]) == (405, "UNSUPPORTED", allowed)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/x",
        "/v2//",
        "/v2/team/model",
        "/v2/team/model/tags",
        "/v2/team/model/tags/lists",
        "/v2/manifests/v1",
        "/v2/team/model/referrers/",
        "/v2/team/model/uploads/x",
        "/v2/team/model/blobs/",
    ],
)
def test_path_of_no_endpoint_is_unknown(hub: Inside, path: str) -> None:
    answer = hub.get(path)
    assert (answer.status, answer.code) == (404, "NAME_UNKNOWN")


BAD_NAMES = ["Team/model", "team//model", "team/", "/team", "..", "team/../etc", "team/.hidden", "team\\model"]
BAD_NAMES += [
    "a" * 256,
    "team/mod\0el",
    "team/mod el",
    "t\N{LATIN SMALL LETTER E WITH ACUTE}am",
    "-team",
    "team__",
    "a/_",
]


@pytest.mark.parametrize("tail", ["manifests/v1", "tags/list", f"blobs/{NOBODY}", f"referrers/{NOBODY}"])
def test_name_that_is_none_is_refused(hub: Inside, tail: str) -> None:
    for name in BAD_NAMES:
        answer = hub.get(f"/v2/{name}/{tail}")
        assert (answer.status, answer.code) == (400, "NAME_INVALID"), name


def test_upload_to_a_name_that_is_none_is_refused(hub: Inside) -> None:
    for name in BAD_NAMES:
        answer = hub.request("POST", f"/v2/{name}/blobs/uploads/")
        assert (answer.status, answer.code) == (400, "NAME_INVALID"), name
        assert sorted(path.name for path in hub.data.iterdir() if path.is_dir()) == []


def test_errors_are_the_document_of_the_specification(hub: Inside) -> None:
    answer = hub.get(f"/v2/{NAME}/manifests/v1")
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body) == {
        "errors": [{"code": "MANIFEST_UNKNOWN", "message": "team/model has no manifest v1", "detail": None}]
    }
