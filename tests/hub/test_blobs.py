"""Getting, asking for and deleting blobs (distribution spec, "Pulling blobs", "Deleting blobs")."""

import pytest

from orchard.oci import Digest
from support.hubinside import Inside

TEN = b"0123456789"
ABSENT = Digest.of(b"absent")


@pytest.fixture
def ten(hub: Inside) -> str:
    return f"/v2/team/model/blobs/{hub.push_blob('team/model', TEN)}"


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("data", [b"", b"{}", TEN, b"x" * 3_000_000], ids=["empty", "two", "ten", "large"])
def test_get_of_a_pushed_blob_gives_its_bytes_and_its_name(hub: Inside, data: bytes, algorithm: str) -> None:
    digest = hub.push_blob("team/model", data, algorithm)
    answer = hub.get(f"/v2/team/model/blobs/{digest}")
    assert (answer.status, answer.body) == (200, data)
    assert answer.headers["docker-content-digest"] == str(digest)
    assert answer.headers["content-length"] == str(len(data))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_head_of_a_blob_gives_the_headers_of_get_and_no_body(hub: Inside, ten: str) -> None:
    got, asked = hub.get(ten), hub.request("HEAD", ten)
    assert (asked.status, asked.headers, asked.body) == (200, got.headers, b"")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_blob_that_nobody_pushed_is_unknown(hub: Inside, ten: str, method: str) -> None:
    answer = hub.request(method, f"/v2/team/model/blobs/{ABSENT}")
    assert ten
    assert answer.status == 404
    assert method == "HEAD" or answer.code == "BLOB_UNKNOWN"


def test_blob_of_another_repository_is_unknown_here(hub: Inside) -> None:
    digest = hub.push_blob("team/secret", TEN)
    assert hub.get(f"/v2/team/secret/blobs/{digest}").status == 200
    answer = hub.get(f"/v2/team/model/blobs/{digest}")
    assert (answer.status, answer.code) == (404, "BLOB_UNKNOWN")


RANGES = {
    # header: (status, first, last) of TEN; what is no single range is answered with the whole
    "bytes=2-5": (206, 2, 5),
    "bytes=0-0": (206, 0, 0),
    "bytes=4-": (206, 4, 9),
    "bytes=-3": (206, 7, 9),
    "bytes=0-9": (206, 0, 9),
    "bytes=8-99": (206, 8, 9),
    "bytes=-99": (206, 0, 9),
    "bytes= 1-2 ": (206, 1, 2),
    "bytes=0-9999999999999999999": (206, 0, 9),
    "bytes=10-": (416, 0, 0),
    "bytes=10-12": (416, 0, 0),
    "bytes=5-2": (416, 0, 0),
    "bytes=-0": (416, 0, 0),
    "bytes=-": (200, 0, 9),
    "bytes=1-2,4-5": (200, 0, 9),
    "bytes=" + ",".join(["0-0"] * 1000): (200, 0, 9),
    "bytes=a-b": (200, 0, 9),
    "bytes=0-99999999999999999999": (200, 0, 9),
    "bytes=\u0660-\u0663": (200, 0, 9),
    "octets=1-2": (200, 0, 9),
    "": (200, 0, 9),
}


@pytest.mark.parametrize(("header", "expected"), RANGES.items(), ids=[name[:30] for name in RANGES])
def test_range_is_answered_as_rfc_9110_says(hub: Inside, ten: str, header: str, expected: tuple[int, int, int]) -> None:
    status, first, last = expected
    answer = hub.request("GET", ten, raw_headers=[(b"range", header.encode())])
    assert answer.status == status
    if status == 416:
        assert answer.headers["content-range"] == "bytes */10"
        return
    assert answer.body == TEN[first : last + 1]
    assert answer.headers["content-length"] == str(last + 1 - first)
    assert answer.headers.get("content-range") == (f"bytes {first}-{last}/10" if status == 206 else None)


def test_range_of_an_empty_blob_cannot_be_satisfied(hub: Inside) -> None:
    digest = hub.push_blob("team/model", b"")
    assert hub.get(f"/v2/team/model/blobs/{digest}", range="bytes=0-").status == 416


def test_long_range_is_sent_in_pieces_and_whole(hub: Inside) -> None:
    data = bytes(range(256)) * 12_000
    digest = hub.push_blob("team/model", data)
    answer = hub.get(f"/v2/team/model/blobs/{digest}", range="bytes=1-2999999")
    assert (answer.status, answer.body) == (206, data[1:3_000_000])


@pytest.mark.parametrize(("condition", "status"), [("own", 206), ('"other"', 200)])
def test_range_of_other_bytes_is_ignored(hub: Inside, ten: str, condition: str, status: int) -> None:
    etag = hub.get(ten).headers["etag"] if condition == "own" else condition
    assert hub.get(ten, range="bytes=0-1", if_range=etag).status == status


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:baddigeststring",
        "sha256:" + "A" * 64,
        "sha512:" + "a" * 64,
        "md5:" + "a" * 32,
        "sha256:" + "a" * 64 + "\n",
        "sha256:../../../etc/passwd",
        "..",
        "%2e%2e",
        "latest",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_malformed_digest_is_refused(hub: Inside, ten: str, method: str, digest: str) -> None:
    answer = hub.request(method, ten.rpartition("/")[0] + "/" + digest)
    assert answer.status in {400, 404}


def test_deleted_blob_is_gone_at_once_and_only_here(hub: Inside, ten: str) -> None:
    digest = hub.push_blob("team/other", TEN)
    assert hub.request("DELETE", ten).status == 202
    assert hub.request("HEAD", ten).status == 404
    assert hub.get(f"/v2/team/other/blobs/{digest}").body == TEN
    assert hub.request("DELETE", ten).code == "BLOB_UNKNOWN"


def test_deleted_blob_can_be_pushed_again(hub: Inside, ten: str) -> None:
    hub.request("DELETE", ten)
    hub.push_blob("team/model", TEN)
    assert hub.get(ten).body == TEN


def test_blob_that_a_manifest_names_is_not_deleted(hub: Inside) -> None:
    raw = hub.push_image("team/model", "v1", TEN)
    target = f"/v2/team/model/blobs/{Digest.of(TEN)}"
    answer = hub.request("DELETE", target)
    assert (answer.status, answer.code) == (405, "UNSUPPORTED")
    hub.request("DELETE", f"/v2/team/model/manifests/{Digest.of(raw)}")
    assert hub.request("DELETE", target).status == 202


def test_delete_in_a_repository_that_does_not_exist_finds_nothing(hub: Inside) -> None:
    answer = hub.request("DELETE", f"/v2/nothing/here/blobs/{ABSENT}")
    assert (answer.status, answer.code) == (404, "BLOB_UNKNOWN")
