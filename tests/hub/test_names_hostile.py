"""Paths that climb out, names that are none: against a hub that runs (security notes, 5.5, "path traversal")."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchard.oci import Digest, mediatype
from support.hubs import Hub, manifest, read_all, running_hub, send_head

NOBODY = Digest.of(b"never pushed")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with running_hub(tmp_path_factory.mktemp("hub")) as running:
        running.push_image("team/model", "v1", b"layer")
        (running.data / "blobs" / "canary").write_text("root:")
        yield running


def raw(hub: Hub, method: str, path: str) -> tuple[int, str | None]:
    """Send a path as it is, which no library would; give the status, and the code of the error document."""
    with closing(hub.connect()) as connection:
        body = ("Content-Length: 0",) if method in {"POST", "PUT", "PATCH"} else ()
        send_head(connection, method, path, "Connection: close", *body)
        head, _, content = read_all(connection).partition(b"\r\n\r\n")
    assert b"root:" not in content
    status = int(head.split()[1])
    if b"application/json" not in head.lower():
        return status, None
    (error,) = json.loads(content)["errors"]
    return status, error["code"]


CLIMBING = {
    "dots": "../../etc",
    "encoded slash": "..%2f..%2fetc",
    "encoded dots": "%2e%2e/%2e%2e/etc",
    "encoded all": "%2e%2e%2f%2e%2e%2fetc",
    "encoded twice": "..%252f..%252fetc",
    "encoded dots twice": "%252e%252e/etc",
    "backslash": "..%5c..%5cetc",
    "NUL": "team%00/model",
    "NUL and an ending": "team/model%00.json",
    "overlong dot": "%c0%ae%c0%ae/etc",
    "overlong slash": "..%c0%afetc",
    "overlong, three bytes": "%e0%80%ae%e0%80%ae/etc",
    "not UTF-8": "team/%ff%fe",
    "fullwidth dots": "%ef%bc%8e%ef%bc%8e/etc",
    "line feed": "team/model%0a",
    "carriage return": "team%0d%0aX-Injected:1/model",
    "space": "team/mod%20el",
    "empty part": "team//model",
    "capitals": "Team/model",
    "underscore first": "_catalog",
    "extension": "_oci",
    "underscore within": "team/_uploads",
    "three underscores": "team/a___b",
    "dot first": ".hidden",
    "dot last": "team/model.",
    "hyphen first": "-team",
    "percent alone": "team%zz",
    "semicolon": "team;x/model",
    "question encoded": "team%3fx",
    "hash encoded": "team%23x",
    "colon": "host:5000/model",
    "256 characters": "a" * 256,
    "10,000 characters": "a/" * 5000 + "a",
}
TAILS = ["manifests/v1", f"blobs/{NOBODY}", "tags/list", f"referrers/{NOBODY}", "_orchard/tags/history?tag=v1"]


@pytest.mark.parametrize("tail", [*TAILS, "blobs/uploads/"])
@pytest.mark.parametrize("trick", CLIMBING)
def test_name_that_is_none_finds_and_makes_nothing(hub: Hub, trick: str, tail: str) -> None:
    before = sorted(hub.data.rglob("*"))
    status, code = raw(hub, "POST" if tail == "blobs/uploads/" else "GET", f"/v2/{CLIMBING[trick]}/{tail}")
    assert status in {400, 404, 414}
    assert code in {"NAME_INVALID", "NAME_UNKNOWN", None}
    assert sorted(hub.data.rglob("*")) == before


REFERENCES = {
    "dots": "..",
    "encoded": "%2e%2e",
    "encoded slash": "..%2f..%2fhub.lock",
    "twice": "%252e%252e",
    "NUL": "v1%00",
    "line feed": "v1%0a",
    "overlong": "%c0%ae",
    "not UTF-8": "v1%ff",
    "hyphen first": "-v1",
    "dot first": ".v1",
    "129 characters": "a" * 129,
    "space": "v%201",
    "capital digest": "sha256:" + "A" * 64,
    "short digest": "sha256:" + "a" * 63,
    "long digest": "sha256:" + "a" * 65,
    "other algorithm": "md5:" + "a" * 32,
    "digest and a line feed": f"{NOBODY}%0a",
    "digest that climbs": "sha256:..%2f..%2fuploads",
    "sha512 of the length of sha256": "sha512:" + "a" * 64,
}


ASKED = [(kind, method) for kind in ("manifests", "blobs", "blobs/uploads") for method in ("GET", "DELETE")]
ASKED += [("manifests", "PUT"), ("blobs/uploads", "PUT"), ("blobs/uploads", "PATCH"), ("referrers", "GET")]


@pytest.mark.parametrize(("kind", "method"), ASKED)
@pytest.mark.parametrize("trick", REFERENCES)
def test_reference_that_is_none_finds_and_makes_nothing(hub: Hub, trick: str, kind: str, method: str) -> None:
    before = sorted(hub.data.rglob("*"))
    status, code = raw(hub, method, f"/v2/team/model/{kind}/{REFERENCES[trick]}")
    assert status in {400, 404}
    assert code in {"NAME_INVALID", "NAME_UNKNOWN", "DIGEST_INVALID", "BLOB_UPLOAD_UNKNOWN", None}
    assert sorted(hub.data.rglob("*")) == before


@pytest.mark.parametrize(
    "path",
    [
        "/v2/../../../etc/passwd",
        "/v2/%2e%2e/blobs/canary",
        "/v2/team/model/blobs/../../../blobs/canary",
        "/v2/team/model/blobs/uploads/../../../../blobs/canary",
        "/../hub.lock",
        "/%2e%2e/hub.lock",
        "/static/..%2f..%2fapp.py",
        "/static/%2e%2e/app.py",
        "//etc/passwd",
        "/v2//_catalog",
        "/v2/_catalog/",
        "/V2/",
        "/v2/_CATALOG",
        "/v2/_oci/ext/discover/",
        "/v2/_orchard/tags/history",
    ],
)
def test_path_of_no_endpoint_finds_nothing(hub: Hub, path: str) -> None:
    status, _ = raw(hub, "GET", path)
    assert status in {400, 404}


@pytest.mark.parametrize(
    "path", ["/v2/x", "/v2/team/model", "/v2/_unknown", "/v2/team/model/manifests/", "/v2/a/b/c/d/e"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_whatever_is_asked_below_the_api_is_answered_in_its_words(hub: Hub, method: str, path: str) -> None:
    assert raw(hub, method, path) == (404, "NAME_UNKNOWN")


def test_longest_names_and_tags_are_taken(hub: Hub) -> None:
    name, tag = "a" * 127 + "/" + "b" * 127, "t" * 128
    hub.push_blob(name, b"{}")
    answer = hub.request(
        "PUT", f"/v2/{name}/manifests/{tag}", manifest(b"{}"), {"content-type": mediatype.OCI_MANIFEST}
    )
    assert (len(name), answer.status) == (255, 201)
    assert hub.get(f"/v2/{name}/tags/list").json == {"name": name, "tags": [tag]}


@pytest.mark.parametrize(
    "name", ["manifests", "blobs/uploads", "tags/list", "v2", "a/referrers/b", "a__b/c-d/e.f", "0"]
)
def test_reserved_words_are_names_where_the_grammar_allows_them(hub: Hub, name: str) -> None:
    hub.push_image(name, "list", b"layer")
    assert hub.get(f"/v2/{name}/manifests/list").status == 200
    assert hub.get(f"/v2/{name}/tags/list").json["tags"] == ["list"]
    assert hub.get(f"/v2/{name}/blobs/{Digest.of(b'layer')}").body == b"layer"


def test_nothing_was_written_beside_the_hubs_own_directories(hub: Hub) -> None:
    found = {path.relative_to(hub.data).parts[0] for path in hub.data.rglob("*") if path.is_dir()}
    assert found <= {"blobs", "uploads"}
    assert not Path("/etc/manifests").exists()
