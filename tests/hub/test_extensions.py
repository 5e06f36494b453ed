"""What the API offers beside pushing and pulling: history of tags, extensions, warnings, other registries' names."""

import pytest

from orchard.formats import CONFIG_TYPE
from orchard.hub.http.distribution.warnings import MAX_WARNINGS, warnings
from orchard.oci import Digest, mediatype
from support.hubinside import Inside, MakeHub, NamedDoor, Only
from support.hubs import manifest

ENGINES = True

NAME = "team/model"
HISTORY = f"/v2/{NAME}/_orchard/tags/history?tag=v1"


# History of tags --------------------------------------------------------------------------------------------------


@pytest.fixture
def moved(hub: Inside) -> tuple[Inside, list[str | None]]:
    """A hub where v1 pointed to many manifests and is gone; where it pointed, newest first."""
    hub.push_image(NAME, "other", b"layer")
    found: list[str | None] = []
    for number in range(4):
        hub.clock.time += 60
        raw = manifest(b"{}", b"layer", annotations={"n": str(number)})
        found.insert(0, str(hub.push_manifest(NAME, raw, "v1")))
        hub.push_manifest(NAME, raw, "v1")  # again: no change
    hub.request("DELETE", f"/v2/{NAME}/manifests/v1")
    return hub, [None, *found]


def test_history_tells_where_a_tag_has_pointed(moved: tuple[Inside, list[str | None]]) -> None:
    hub, digests = moved
    answer = hub.get(HISTORY)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert (answer.json["name"], answer.json["tag"]) == (NAME, "v1")
    assert [move["digest"] for move in answer.json["history"]] == digests
    first = answer.json["history"][-1]
    assert (first["at"], first["account"]) == ("2027-01-15T08:01:00.000Z", "anonymous")


@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_pages_of_a_history_join_to_the_whole(moved: tuple[Inside, list[str | None]], size: int) -> None:
    hub, digests = moved
    target: str | None = f"{HISTORY}&n={size}"
    found: list[str | None] = []
    while target is not None:
        answer = hub.get(target)
        found += [move["digest"] for move in answer.json["history"]]
        link = answer.headers.get("link")
        target = None if link is None else link[1 : link.index(">")]
    assert found == digests


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("tag=absent", 404, "MANIFEST_UNKNOWN"),
        ("", 400, "NAME_INVALID"),
        ("tag=..", 400, "NAME_INVALID"),
        ("tag=v1&last=x", 400, "UNSUPPORTED"),
        ("tag=v1&last=" + "9" * 30, 400, "UNSUPPORTED"),
        ("tag=v1&n=-1", 400, "UNSUPPORTED"),
    ],
)
def test_history_that_cannot_be_told_is_an_error(
    moved: tuple[Inside, list[str | None]], query: str, status: int, code: str
) -> None:
    answer = moved[0].get(f"/v2/{NAME}/_orchard/tags/history?{query}")
    assert (answer.status, answer.code) == (status, code)


def test_history_may_be_asked_for_without_any_of_it(moved: tuple[Inside, list[str | None]]) -> None:
    answer = moved[0].get(f"{HISTORY}&n=0")
    assert (answer.json["history"], answer.headers.get("link")) == ([], None)


def test_history_is_for_who_may_read(make_hub: MakeHub) -> None:
    hub = make_hub(policy=Only(), access=lambda _: NamedDoor())
    for target in (HISTORY, f"/v2/{NAME}/_oci/ext/discover"):
        answer = hub.request("GET", target, headers={"authorization": "ana"})
        assert (answer.status, answer.code) == (403, "DENIED")


# Extensions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v2/_oci/ext/discover", f"/v2/{NAME}/_oci/ext/discover"])
def test_extensions_are_listed(hub: Inside, path: str) -> None:
    answer = hub.get(path)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    listed = {one["name"]: one for one in answer.json["extensions"]}
    assert set(listed) == {"_oci", "_orchard"}
    for one in listed.values():
        assert set(one) == {"name", "description", "url", "endpoints"}
        assert all(endpoint.startswith(f"{one['name']}/") for endpoint in one["endpoints"])


# Warnings ---------------------------------------------------------------------------------------------------------


def test_push_of_a_kit_that_cannot_be_read_is_taken_with_a_warning(hub: Inside) -> None:
    config = b'no \xff "JSON"'
    hub.push_blob(NAME, config)
    kit = manifest(config, config={"mediaType": CONFIG_TYPE, "digest": str(Digest.of(config)), "size": len(config)})
    answer = hub.request("PUT", f"/v2/{NAME}/manifests/v1", kit, {"content-type": mediatype.OCI_MANIFEST})
    assert answer.status == 201
    assert answer.headers["warning"].startswith('299 - "unreadable: ')
    assert answer.headers["warning"].endswith('"')


def test_ordinary_push_has_no_warning(hub: Inside) -> None:
    hub.push_blob(NAME, b"{}")
    raw = manifest(b"{}")
    answer = hub.request("PUT", f"/v2/{NAME}/manifests/v1", raw, {"content-type": mediatype.OCI_MANIFEST})
    assert "warning" not in answer.headers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", b'299 - "plain"'),
        ('a "b" \\c', b'299 - "a \\"b\\" \\\\c"'),
        ("two\r\nlines\0\x1b[31m", b'299 - "two??lines??[31m"'),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", b'299 - "caf?"'),
    ],
)
def test_warning_is_one_quoted_line(text: str, value: bytes) -> None:
    assert warnings([text]) == [(b"warning", value)]


def test_warnings_together_are_no_longer_than_the_specification_says() -> None:
    for texts in (["x" * 10_000], ['"' * 10_000] * 9, [f"{number}" * 200 for number in range(40)]):
        found = warnings(texts)
        assert found
        assert sum(len(value) for _, value in found) <= MAX_WARNINGS


# Registries that this one stands for ------------------------------------------------------------------------------


@pytest.fixture
def mirror(hub: Inside) -> Inside:
    """A hub that keeps something of docker.io, and something of its own by the same name."""
    hub.push_image("docker.io/library/box", "v1", b"theirs")
    hub.push_image("library/box", "v1", b"ours")
    return hub


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_pull_from_another_registry_gets_what_is_kept_of_it(mirror: Inside, method: str) -> None:
    theirs = mirror.get("/v2/docker.io/library/box/manifests/v1")
    answer = mirror.request(method, "/v2/library/box/manifests/v1?ns=docker.io")
    assert answer.headers["docker-content-digest"] == theirs.headers["docker-content-digest"]
    assert answer.headers["oci-namespace"] == "docker.io"
    blob = f"/v2/library/box/blobs/{Digest.of(b'theirs')}"
    assert mirror.request(method, blob).status == 404
    assert mirror.request(method, f"{blob}?ns=docker.io").headers["oci-namespace"] == "docker.io"


@pytest.mark.parametrize("source", ["", "ghcr.io", "127.0.0.1:5000", "..", "%2e%2e", "DOCKER.IO", "a" * 300, "%00"])
def test_registry_of_which_nothing_is_kept_is_ignored(mirror: Inside, source: str) -> None:
    answer = mirror.get(f"/v2/library/box/manifests/v1?ns={source}")
    assert answer.headers["docker-content-digest"] == str(Digest.of(manifest(b"{}", b"ours")))
    assert "oci-namespace" not in answer.headers


def test_lists_of_another_registry_are_those_of_what_is_kept(mirror: Inside) -> None:
    mirror.push_image("docker.io/library/box", "v2", b"theirs")
    answer = mirror.get("/v2/library/box/tags/list?ns=docker.io&n=1")
    assert (answer.json["tags"], answer.headers["oci-namespace"]) == (["v1"], "docker.io")
    rest = mirror.get(answer.headers["link"][1:].partition(">")[0])
    assert rest.json["tags"] == ["v2"]


def test_push_never_goes_to_what_is_kept_of_another_registry(mirror: Inside) -> None:
    raw = manifest(b"{}", b"ours", annotations={"n": "2"})
    target = "/v2/library/box/manifests/v9?ns=docker.io"
    assert mirror.request("PUT", target, raw, {"content-type": mediatype.OCI_MANIFEST}).status == 201
    assert mirror.get("/v2/docker.io/library/box/manifests/v9").status == 404


def test_what_is_kept_of_another_registry_is_for_who_may_read_it(make_hub: MakeHub) -> None:
    hub = make_hub(
        policy=Only(ana={"docker.io/library/box", "library/box"}, bob={"library/box"}), access=lambda _: NamedDoor()
    )
    for name in ("docker.io/library/box", "library/box"):
        location = hub.begin(name, headers={"authorization": "ana"})
        digest = Digest.of(name.encode())
        assert hub.request("PUT", f"{location}?digest={digest}", name.encode(), {"authorization": "ana"}).status == 201
    target = f"/v2/library/box/blobs/{Digest.of(b'docker.io/library/box')}?ns=docker.io"
    assert hub.request("GET", target, headers={"authorization": "ana"}).status == 200
    assert hub.request("GET", target, headers={"authorization": "bob"}).status == 404
