"""Pushing, pulling and deleting manifests (distribution spec, "Pushing manifests"; security notes 5.2 and 5.3)."""

import json
from typing import Any

import pytest

from orchard.oci import MAX_MANIFEST, Digest, mediatype
from support.hubinside import Inside
from support.hubs import describe, index, kind_of, manifest, subject

ENGINES = True

NAME = "team/model"
LAYER = b"a layer"


@pytest.fixture
def raw(hub: Inside) -> bytes:
    """A manifest that is in the hub, tagged v1."""
    return hub.push_image(NAME, "v1", LAYER)


def put(hub: Inside, raw: bytes, reference: str = "v2", content_type: str | None = None) -> Any:  # noqa: ANN401
    headers = {"content-type": kind_of(raw) if content_type is None else content_type}
    return hub.request("PUT", f"/v2/{NAME}/manifests/{reference}", raw, {k: v for k, v in headers.items() if v})


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_pushed_manifest_is_pulled_byte_for_byte(hub: Inside, raw: bytes, by: str) -> None:
    odd = raw.replace(b'{"schema', b'{\n\t "schema').replace(b"2,", b"2 ,", 1)
    reference = "odd" if by == "tag" else str(Digest.of(odd))
    answer = put(hub, odd, reference)
    assert answer.status == 201
    assert answer.headers["location"] == f"/v2/{NAME}/manifests/{Digest.of(odd)}"
    assert answer.headers["docker-content-digest"] == str(Digest.of(odd))
    for target in (reference, Digest.of(odd)):
        got = hub.get(f"/v2/{NAME}/manifests/{target}")
        assert (got.status, got.body) == (200, odd)
        assert got.headers["content-type"] == mediatype.OCI_MANIFEST
        assert got.headers["content-length"] == str(len(odd))
        assert got.headers["docker-content-digest"] == str(Digest.of(odd))


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", mediatype.OCI_INDEX, mediatype.DOCKER_MANIFEST])
def test_manifest_is_given_whatever_types_the_client_says_it_accepts(hub: Inside, raw: bytes, accept: str) -> None:
    assert hub.get(f"/v2/{NAME}/manifests/v1", accept=accept).body == raw


def test_head_of_a_manifest_gives_the_headers_of_get_and_no_body(hub: Inside, raw: bytes) -> None:
    target = f"/v2/{NAME}/manifests/v1"
    first, got = hub.request("HEAD", target), hub.get(target)
    assert (first.status, first.headers, first.body) == (200, got.headers, b"")
    assert hub.request("HEAD", target).headers == got.headers
    assert got.body == raw


@pytest.mark.parametrize("reference", ["absent", str(Digest.of(b"absent")), str(Digest.of(b"absent", "sha512"))])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_manifest_that_nobody_pushed_is_unknown(hub: Inside, raw: bytes, method: str, reference: str) -> None:
    assert raw
    for name in (NAME, "nothing/here"):
        answer = hub.request(method, f"/v2/{name}/manifests/{reference}")
        assert (answer.status, answer.code) == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("sha256:baddigeststring", "DIGEST_INVALID"),
        ("sha256:" + "A" * 64, "DIGEST_INVALID"),
        (".hidden", "NAME_INVALID"),
        ("-x", "NAME_INVALID"),
        ("a" * 129, "NAME_INVALID"),
        ("v1\n", "NAME_INVALID"),
        ("v1\0", "NAME_INVALID"),
        ("v 1", "NAME_INVALID"),
        ("..", "NAME_INVALID"),
        ("%2e%2e", "NAME_INVALID"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_reference_that_is_neither_tag_nor_digest_is_refused(
    hub: Inside, method: str, reference: str, code: str
) -> None:
    answer = hub.request(method, f"/v2/{NAME}/manifests/{reference}", b"{}" if method == "PUT" else b"")
    assert (answer.status, answer.code) == (400, code)


# What must be refused, and why ------------------------------------------------------------------------------------

OTHER_TYPE = mediatype.DOCKER_MANIFEST
REFUSED = {
    "no JSON": (b"hello", "", 400),
    "no object": (b"[]", "", 400),
    "not UTF-8": (b'{"schemaVersion":2,"x":"\xff"}', "", 400),
    "byte-order mark": (b"\xef\xbb\xbf" + manifest(b"{}"), "", 400),
    "schema 1": (b'{"schemaVersion":1,"fsLayers":[],"history":[]}', "", 400),
    "other version": (manifest(b"{}", schemaVersion=3), None, 400),
    "another type outside": (manifest(b"{}"), OTHER_TYPE, 400),
    "a type that is none": (manifest(b"{}", mediaType="text/html"), "text/html", 400),
    "layers and manifests": (manifest(b"{}", manifests=[]), None, 400),
    "key twice": (manifest(b"{}")[:-1] + b',"config":{}}', "", 400),
    "key in another case": (manifest(b"{}", Layers=[]), None, 400),
    "NaN": (manifest(b"{}")[:-1] + b',"x":NaN}', None, 400),
    "half a character": (manifest(b"{}", annotations={"a": "\ud800"}), None, 400),
    "digest of another algorithm": (
        manifest(b"{}", config={"mediaType": "a/b", "digest": "md5:" + "a" * 32, "size": 2}),
        None,
        400,
    ),
    "negative size": (manifest(b"{}", config={**describe(b"{}"), "mediaType": "a/b", "size": -2}), None, 400),
    "size that is not true": (manifest(b"{}", config={**describe(b"{}"), "mediaType": "a/b", "size": 3}), None, 400),
    "huge size": (manifest(b"{}", config={**describe(b"{}"), "mediaType": "a/b", "size": 2**62}), None, 400),
    "NUL in a type": (manifest(b"{}", config={**describe(b"{}"), "mediaType": "a/b\0"}), None, 400),
    "deep": (b'{"a":' * 100 + b"1" + b"}" * 100, "", 413),
    "brackets without end": (b"[" * 200_000, "", 413),
    "long number": (b'{"schemaVersion":' + b"9" * 5000 + b"}", "", 400),
    "too many layers": (manifest(b"{}", *[b"{}"] * 4097), None, 413),
    "too large": (manifest(b"{}", annotations={"a": "x" * MAX_MANIFEST}), None, 413),
}


@pytest.mark.parametrize("case", REFUSED)
def test_document_that_is_no_sound_manifest_is_refused(hub: Inside, case: str) -> None:
    hub.push_blob(NAME, b"{}")
    raw, content_type, status = REFUSED[case]
    answer = put(hub, raw, "v1", content_type)
    assert answer.status == status
    assert answer.code == {400: "MANIFEST_INVALID", 413: "SIZE_INVALID"}[status]
    assert hub.get(f"/v2/{NAME}/manifests/v1").status == 404


def test_manifest_is_limited_whatever_length_is_announced(hub: Inside) -> None:
    hub.push_blob(NAME, b"{}")
    bare = len(manifest(b"{}", annotations={"a": ""}))
    fits = manifest(b"{}", annotations={"a": "x" * (MAX_MANIFEST - bare)})
    headers = {"content-type": mediatype.OCI_MANIFEST}
    assert len(fits) == MAX_MANIFEST
    target = f"/v2/{NAME}/manifests/v1"
    assert hub.request("PUT", target, [fits[:1000], fits[1000:]], headers).status == 201
    assert hub.request("PUT", target, [fits, b" "], headers).status == 413
    assert hub.request("PUT", target, b"", {**headers, "content-length": str(MAX_MANIFEST + 1)}).status == 413
    assert hub.get(target).body == fits


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_digest_in_the_address_must_be_that_of_the_body(hub: Inside, raw: bytes, algorithm: str) -> None:
    answer = put(hub, raw, str(Digest.of(b"other", algorithm)))
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


def test_manifest_can_be_named_by_sha512(hub: Inside, raw: bytes) -> None:
    digest = Digest.of(raw, "sha512")
    assert put(hub, raw, str(digest)).headers["docker-content-digest"] == str(digest)
    assert hub.get(f"/v2/{NAME}/manifests/{digest}").body == raw


@pytest.mark.parametrize("missing", ["config", "layer"])
def test_manifest_that_names_a_missing_blob_is_refused(hub: Inside, missing: str) -> None:
    hub.push_blob(NAME, LAYER if missing == "config" else b"{}")
    hub.push_blob("team/other", b"{}" if missing == "config" else LAYER)  # there, but not here
    answer = put(hub, manifest(b"{}", LAYER))
    assert (answer.status, answer.code) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert str(Digest.of(b"{}" if missing == "config" else LAYER)) in answer.json["errors"][0]["message"]


def test_index_that_names_a_missing_manifest_is_refused(hub: Inside, raw: bytes) -> None:
    other = manifest(b"{}")
    answer = put(hub, index(raw, other))
    assert (answer.status, answer.code) == (404, "MANIFEST_BLOB_UNKNOWN")


# What must be accepted --------------------------------------------------------------------------------------------

FOREIGN = {"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar", **describe(b"elsewhere")}
ACCEPTED: dict[str, dict[str, object]] = {
    "missing subject": {"subject": subject(manifest(b"never pushed"))},
    "layer that is never distributed": {"layers": [FOREIGN]},
    "foreign layer of absurd size": {"layers": [{**FOREIGN, "size": 2**63 - 1}, {**FOREIGN, "size": 2**63 - 1}]},
    "unknown fields": {"com.example.more": {"deep": [1, 2, 3]}},
    "no layers": {"layers": []},
    "null layers": {"layers": None},
    "unknown types": {"config": {"mediaType": "application/x-unknown", **describe(b"{}")}},
    "embedded data": {"config": {"mediaType": "a/b", **describe(b"{}"), "data": "e30="}},
    "artifact type": {"artifactType": "application/x-thing"},
    "foreign addresses": {"layers": [{**FOREIGN, "urls": ["http://127.0.0.1:1/never"]}]},
    "long annotations": {"annotations": {f"k{number}": "x" * 10_000 for number in range(390)}},
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_manifest_that_is_unusual_but_sound_is_taken(hub: Inside, case: str) -> None:
    hub.push_blob(NAME, b"{}")
    raw = manifest(b"{}", **ACCEPTED[case])
    assert put(hub, raw).status == 201
    assert hub.get(f"/v2/{NAME}/manifests/v2").body == raw


def test_type_is_read_from_the_header_or_from_the_body(hub: Inside, raw: bytes) -> None:
    bare = json.dumps({key: value for key, value in json.loads(raw).items() if key != "mediaType"}).encode()
    assert put(hub, bare, "v2", mediatype.OCI_MANIFEST).status == 201
    assert put(hub, bare, "v3", mediatype.OCI_MANIFEST + "; charset=utf-8").status == 201
    assert put(hub, raw, "v4", "").status == 201
    docker = manifest(b"{}", LAYER, mediaType=mediatype.DOCKER_MANIFEST)
    assert put(hub, docker, "v5").status == 201
    assert hub.get(f"/v2/{NAME}/manifests/v5").headers["content-type"] == mediatype.DOCKER_MANIFEST


def test_index_may_list_manifests_indexes_and_blobs(hub: Inside, raw: bytes) -> None:
    inner = index(raw)
    hub.push_manifest(NAME, inner)
    blob = hub.push_blob(NAME, b"just bytes")
    entry = {"mediaType": "application/x-bytes", "digest": str(blob), "size": 10}
    outer = json.dumps({**json.loads(index(raw, inner)), "manifests": [subject(inner), entry]}).encode()
    assert put(hub, outer, "all").status == 201
    assert hub.get(f"/v2/{NAME}/manifests/all").body == outer


def test_subject_is_named_in_the_answer(hub: Inside, raw: bytes) -> None:
    about = manifest(b"{}", subject=subject(raw))
    assert put(hub, about, str(Digest.of(about))).headers["oci-subject"] == str(Digest.of(raw))
    assert "oci-subject" not in put(hub, raw).headers


def test_manifest_can_be_pushed_again(hub: Inside, raw: bytes) -> None:
    assert put(hub, raw, "v1").status == 201
    assert put(hub, raw, "v1").status == 201
    assert hub.actions(NAME)[2:] == [
        ("manifest.push", str(Digest.of(raw)), None),
        ("tag.set", str(Digest.of(raw)), "v1"),
    ]


# Tags -------------------------------------------------------------------------------------------------------------


def test_tag_moves_to_what_was_pushed_last(hub: Inside, raw: bytes) -> None:
    other = manifest(b"{}", LAYER, annotations={"n": "2"})
    for document in (other, raw, other):
        hub.push_manifest(NAME, document, "v1")
        assert hub.get(f"/v2/{NAME}/manifests/v1").body == document


def test_push_sets_all_tags_that_are_asked_for(hub: Inside, raw: bytes) -> None:
    tags = [f"t{number}" for number in range(12)]
    query = "&".join(f"tag={tag}" for tag in tags)
    answer = put(hub, raw, f"{Digest.of(raw)}?{query}")
    assert (answer.status, answer.headers["oci-tag"]) == (201, ", ".join(tags))
    assert all(hub.get(f"/v2/{NAME}/manifests/{tag}").body == raw for tag in tags)


def test_push_by_tag_sets_further_tags(hub: Inside, raw: bytes) -> None:
    assert put(hub, raw, "v9?tag=latest").headers["oci-tag"] == "latest"
    assert hub.get(f"/v2/{NAME}/tags/list").json["tags"] == ["latest", "v1", "v9"]


@pytest.mark.parametrize(
    ("query", "status"),
    [("tag=..", 400), ("tag=", 400), ("tag=a&" * 65, 414), ("x&" * 200, 414), ("tag=a&" * 500, 414)],
)
def test_tags_that_cannot_be_set_are_refused(hub: Inside, raw: bytes, query: str, status: int) -> None:
    answer = put(hub, raw, f"{Digest.of(raw)}?{query.rstrip('&')}")
    assert answer.status == status
    assert answer.code
    assert hub.get(f"/v2/{NAME}/tags/list").json["tags"] == ["v1"]


# Deleting ---------------------------------------------------------------------------------------------------------


def test_deleting_a_tag_leaves_the_manifest_and_its_other_tags(hub: Inside, raw: bytes) -> None:
    put(hub, raw, "v2")
    hub.get(f"/v2/{NAME}/manifests/v1")
    assert hub.request("DELETE", f"/v2/{NAME}/manifests/v1").status == 202
    assert hub.get(f"/v2/{NAME}/manifests/v1").status == 404
    assert hub.get(f"/v2/{NAME}/manifests/v2").body == raw
    assert hub.get(f"/v2/{NAME}/tags/list").json["tags"] == ["v2"]
    assert hub.actions(NAME)[-1] == ("tag.delete", None, "v1")


def test_deleting_a_manifest_takes_its_tags_along(hub: Inside, raw: bytes) -> None:
    put(hub, raw, "v2")
    digest = Digest.of(raw)
    assert all(hub.get(f"/v2/{NAME}/manifests/{target}").status == 200 for target in ("v1", "v2", digest))
    assert hub.request("DELETE", f"/v2/{NAME}/manifests/{digest}").status == 202
    assert all(hub.get(f"/v2/{NAME}/manifests/{target}").status == 404 for target in ("v1", "v2", digest))
    answer = hub.get(f"/v2/{NAME}/tags/list")
    assert (answer.status, answer.json["tags"]) == (200, [])
    put(hub, raw, "v1")
    assert hub.get(f"/v2/{NAME}/manifests/v1").body == raw


def test_manifest_that_an_index_lists_is_not_deleted(hub: Inside, raw: bytes) -> None:
    outer = index(raw)
    hub.push_manifest(NAME, outer, "all")
    target = f"/v2/{NAME}/manifests/{Digest.of(raw)}"
    answer = hub.request("DELETE", target)
    assert (answer.status, answer.code) == (405, "UNSUPPORTED")
    assert hub.request("DELETE", f"/v2/{NAME}/manifests/{Digest.of(outer)}").status == 202
    assert hub.request("DELETE", target).status == 202


def test_two_repositories_know_nothing_of_each_other(hub: Inside, raw: bytes) -> None:
    other = hub.push_image("team/other", "v1", b"another layer")
    assert hub.get(f"/v2/team/other/manifests/{Digest.of(raw)}").status == 404
    assert hub.get("/v2/team/other/manifests/v1").body == other
    hub.request("DELETE", f"/v2/team/other/manifests/{Digest.of(other)}")
    assert hub.get(f"/v2/{NAME}/manifests/v1").body == raw
