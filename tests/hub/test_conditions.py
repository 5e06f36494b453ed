"""Conditional requests (RFC 9110, section 13): nothing is sent twice, and nobody overwrites what he has not seen."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from orchard.oci import Digest, mediatype
from support.hubinside import Inside
from support.hubs import manifest

NAME = "team/model"
LAYER = b"a layer"
OTHER = f'"{Digest.of(b"other")}"'
TAGGED = f"/v2/{NAME}/manifests/v1"


@pytest.fixture
def raw(hub: Inside) -> bytes:
    """A manifest that is in the hub, tagged v1."""
    return hub.push_image(NAME, "v1", LAYER)


def put(hub: Inside, raw: bytes, target: str = TAGGED, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return hub.request("PUT", target, raw, {"content-type": mediatype.OCI_MANIFEST, **named}).status


KNOWN = {
    # what the client says that it has, with {} for what there is: whether it is sent nothing
    "{}": True,
    "W/{}": True,
    "*": True,
    " * ": True,
    f"{OTHER}, {{}}": True,
    f"W/{OTHER},W/{{}}": True,
    OTHER: False,
    "": False,
    "sha256": False,
    '"': False,
    '"' * 4000: False,
}


@pytest.mark.parametrize(("header", "same"), KNOWN.items(), ids=[name[:20] for name in KNOWN])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("kind", ["manifest by tag", "manifest by digest", "blob"])
def test_what_the_client_has_is_not_sent_again(
    hub: Inside, raw: bytes, kind: str, method: str, header: str, *, same: bool
) -> None:
    digest = Digest.of(LAYER if kind == "blob" else raw)
    targets = {"blob": f"/v2/{NAME}/blobs/{digest}", "manifest by tag": TAGGED}
    target = targets.get(kind, f"/v2/{NAME}/manifests/{digest}")
    first = hub.get(target)
    assert first.headers["etag"] == f'"{digest}"'
    for _ in range(2):  # the second time from memory
        answer = hub.request(method, target, headers={"if-none-match": header.replace("{}", first.headers["etag"])})
        assert answer.status == (304 if same else 200)
        assert answer.body == (b"" if same or method == "HEAD" else first.body)
        assert answer.headers["etag"] == first.headers["etag"]
        assert answer.headers["docker-content-digest"] == str(digest)


def test_condition_goes_before_a_range(hub: Inside, raw: bytes) -> None:
    assert raw
    target = f"/v2/{NAME}/blobs/{Digest.of(LAYER)}"
    etag = hub.get(target).headers["etag"]
    assert hub.get(target, range="bytes=0-1", if_none_match=etag).status == 304
    assert hub.get(target, range="bytes=0-1", if_none_match=OTHER).status == 206


CHANGES = {
    # headers, with {} for what the tag points to: status where the tag exists, and where it does not
    "is that": ({"if-match": "{}"}, 201, 412),
    "is one of them": ({"if-match": f"{OTHER}, {{}}"}, 201, 412),
    "is another": ({"if-match": OTHER}, 412, 412),
    "exists": ({"if-match": "*"}, 201, 412),
    "is new": ({"if-none-match": "*"}, 412, 201),
    "is not that": ({"if-none-match": "{}"}, 412, 201),
    "is not another": ({"if-none-match": OTHER}, 201, 201),
    "both, and the first counts": ({"if-match": "{}", "if-none-match": "*"}, 201, 412),
    "nothing that can be read": ({"if-match": "v1"}, 412, 412),
}


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.parametrize("exists", [True, False])
def test_tag_moves_only_from_where_the_client_saw_it(hub: Inside, raw: bytes, case: str, *, exists: bool) -> None:
    headers, *expected = CHANGES[case]
    known = {name: value.replace("{}", f'"{Digest.of(raw)}"') for name, value in headers.items()}
    target = TAGGED if exists else f"/v2/{NAME}/manifests/v2"
    before = hub.get(target)
    after = manifest(b"{}", LAYER, annotations={"n": "2"})
    answer = hub.request("PUT", target, after, {"content-type": mediatype.OCI_MANIFEST, **known})
    assert answer.status == expected[0 if exists else 1]
    if answer.status == 412:
        assert answer.code == "DENIED"
        assert hub.get(target).body == before.body
        assert hub.get(f"/v2/{NAME}/manifests/{Digest.of(after)}").status == 404
    else:
        assert answer.headers["etag"] == f'"{Digest.of(after)}"'
        assert hub.get(target).body == after


def test_of_two_who_saw_the_same_one_moves_the_tag(hub: Inside, raw: bytes) -> None:
    etag = f'"{Digest.of(raw)}"'
    rivals = [manifest(b"{}", LAYER, annotations={"n": str(number)}) for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda one: put(hub, one, if_match=etag), rivals))
    assert sorted(answers) == [201] + [412] * 5
    assert hub.get(TAGGED).body == rivals[answers.index(201)]


def test_condition_on_a_repository_that_is_not_there(hub: Inside, raw: bytes) -> None:
    assert raw
    assert put(hub, manifest(b"{}"), "/v2/nothing/here/manifests/v1", if_match="*") == 412


def test_push_by_digest_asks_for_no_condition(hub: Inside, raw: bytes) -> None:
    assert put(hub, raw, f"/v2/{NAME}/manifests/{Digest.of(raw)}", if_none_match="*") == 201


def test_tag_is_deleted_only_where_the_client_saw_it(hub: Inside, raw: bytes) -> None:
    refused = hub.request("DELETE", TAGGED, headers={"if-match": OTHER})
    assert (refused.status, refused.code) == (412, "DENIED")
    assert hub.get(TAGGED).body == raw
    assert hub.request("DELETE", TAGGED, headers={"if-match": f'"{Digest.of(raw)}"'}).status == 202
    assert hub.get(TAGGED).status == 404
