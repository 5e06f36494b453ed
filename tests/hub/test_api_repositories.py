"""Repositories, versions, tags and events through the JSON API."""

import json
from collections.abc import Sequence
from urllib.parse import unquote

import pytest

from orchard.hub.access import EverybodyInside, OpenDoor
from orchard.hub.app.people import Entrance, people_of
from orchard.hub.app.surfaces import api
from orchard.hub.http import Surface
from orchard.hub.settings import Settings
from orchard.oci import Digest
from support.hubapi import ask, everything, ok, problem_of
from support.hubclient import index, manifest, subject
from support.hubinside import Inside, MakeHub

ENGINES = True

KITFILE = b'{"manifestVersion":"1.0.0","package":{"name":"digits","version":"2.1"},"model":{"name":"net","path":"m"}}'
KIT = {"mediaType": "application/vnd.kitops.modelkit.config.v1+json"}


def surfaces(hub: Inside) -> Sequence[Surface]:
    settings = Settings(data=hub.data)
    entrance = Entrance(OpenDoor(), EverybodyInside(), people_of(settings, hub.database))
    return [api(hub.registry, entrance, settings, threads=hub.threads)]


@pytest.fixture
def hub(make_hub: MakeHub) -> Inside:
    return make_hub(surfaces=surfaces)


def push_kit(hub: Inside, name: str, tag: str) -> str:
    hub.push_blob(name, KITFILE)
    hub.push_blob(name, b"weights")
    raw = json.loads(manifest(KITFILE, b"weights"))
    raw["config"] |= KIT
    return str(hub.push_manifest(name, json.dumps(raw).encode(), tag))


def names(hub: Inside, path: str) -> list[str]:
    return [item["name"] for item in everything(hub, path)]


# Repositories -----------------------------------------------------------------------------------------------------


def test_repositories_are_listed_by_name_part_by_part(hub: Inside) -> None:
    for name in ("b", "a/y", "a/x/deep", "c"):
        hub.push_image(name, "v1")
    first = ok(hub, "GET", "/repositories?limit=3")
    assert [one["name"] for one in first["items"]] == ["a/x/deep", "a/y", "b"]
    assert first["next"] == "/api/v1/repositories?limit=3&after=b"
    assert names(hub, "/repositories?limit=1") == ["a/x/deep", "a/y", "b", "c"]


@pytest.mark.parametrize(("part", "expected"), [("a/", ["a/x_y", "a/z"]), ("x_", ["a/x_y"]), ("%25", []), ("q", ["q"])])
def test_repositories_are_filtered_by_a_part_of_their_names(hub: Inside, part: str, expected: list[str]) -> None:
    for name in ("a/x_y", "a/z", "xay", "q"):
        hub.push_image(name, "v1")
    assert names(hub, f"/repositories?limit=1&filter={part}") == expected


@pytest.mark.parametrize("path", ["/repositories/team/digits", "/repositories/team%2Fdigits"])
def test_repository_says_what_its_latest_version_says(hub: Inside, path: str) -> None:
    digest = push_kit(hub, "team/digits", "v1")
    found = ok(hub, "GET", unquote(path))  # as servers do
    assert (found["name"], found["versions"], found["tags"]) == ("team/digits", 1, 1)
    assert (found["latestDigest"], found["modelName"]) == (digest, "net")
    assert found["latestPushedAt"] == "2027-01-15T08:00:00Z"
    assert found["sizeBytes"] == len(KITFILE) + len(b"weights")


def test_repository_that_is_not_there_is_not_found(hub: Inside) -> None:
    assert problem_of(ask(hub, "GET", "/repositories/team/none")) == (404, "there is no repository team/none")
    for path in ("versions", "tags", "versions/v1", "tags/v1", "tags/v1/history"):
        assert problem_of(ask(hub, "GET", f"/repositories/team/none/-/{path}"))[0] == 404


def test_repository_is_deleted_with_all_that_is_in_it(hub: Inside) -> None:
    hub.push_image("team/x", "v1")
    hub.push_image("team/xy", "v1")
    ok(hub, "DELETE", "/repositories/team/x")
    assert problem_of(ask(hub, "DELETE", "/repositories/team/x"))[0] == 404
    assert names(hub, "/repositories") == ["team/xy"]
    assert hub.get("/v2/team/x/manifests/v1").status == 404


@pytest.mark.parametrize("name", ["Team/x", "a//b", "a/", "-", "a/../b", "x" * 300])
def test_name_that_no_repository_can_have_is_refused_in_words(hub: Inside, name: str) -> None:
    status, detail = problem_of(ask(hub, "GET", f"/repositories/{name}"))
    assert status == 400
    assert "name" in detail


# Versions ---------------------------------------------------------------------------------------------------------


def test_versions_are_listed_newest_first_and_once_whatever_comes_meanwhile(hub: Inside) -> None:
    for number in range(5):
        hub.clock.time += number % 2  # two of them in one millisecond
        hub.push_image("team/x", f"v{number}", b"%d" % number)
    first = ok(hub, "GET", "/repositories/team/x/-/versions?limit=2")
    hub.clock.time += 1
    hub.push_image("team/x", "newer", b"newer")
    found = first["items"] + everything(hub, first["next"])
    assert [version["tags"] for version in found] == [["v4"], ["v3"], ["v2"], ["v1"], ["v0"]]


def test_versions_leave_out_what_is_about_others(hub: Inside) -> None:
    raw = hub.push_image("team/x", "v1", b"data")
    hub.push_image("team/x", "sha256-" + "0" * 64, b"a signature of old", artifactType="application/signature")
    hub.push_manifest("team/x", manifest(b"{}", subject=subject(raw)))
    found = everything(hub, "/repositories/team/x/-/versions?limit=1")
    assert [version["digest"] for version in found] == [str(Digest.of(raw))]


@pytest.mark.parametrize("after", ["x", "1-", "-1", "1-2-3", "+1", "9" * 30 + "-1"])
@pytest.mark.parametrize("lists", ["versions", "events", "tags/v1/history"])
def test_part_that_no_list_named_is_refused(hub: Inside, lists: str, after: str) -> None:
    hub.push_image("team/x", "v1")
    status, detail = problem_of(ask(hub, "GET", f"/repositories/team/x/-/{lists}?after={after}"))
    assert (status, "`next`" in detail) == (400, True)


def test_version_is_shown_with_its_documents(hub: Inside) -> None:
    digest = push_kit(hub, "team/digits", "v1")
    found = ok(hub, "GET", "/repositories/team/digits/-/versions/v1")
    assert found == ok(hub, "GET", f"/repositories/team/digits/-/versions/{digest}")
    assert (found["digest"], found["kind"], found["modelVersion"]) == (digest, "ModelKit", "2.1")
    assert found["manifest"] == json.loads(hub.get(f"/v2/team/digits/manifests/{digest}").body)
    assert found["config"] == json.loads(KITFILE)
    assert found["referrers"] == []


@pytest.mark.parametrize("config", [b"", b"not JSON", b'{"a":1,"a":2}', b"\xff", b"[" * 200 + b"]" * 200])
def test_config_that_is_not_json_is_left_out(hub: Inside, config: bytes) -> None:
    hub.push_blob("team/x", config)
    hub.push_manifest("team/x", manifest(config), "v1")
    assert ok(hub, "GET", "/repositories/team/x/-/versions/v1")["config"] is None


def test_index_is_a_version_without_config(hub: Inside) -> None:
    raw = hub.push_image("team/x", "part")
    hub.push_manifest("team/x", index(raw), "all")
    found = ok(hub, "GET", "/repositories/team/x/-/versions/all")
    assert (found["kind"], found["config"], found["layerCount"]) == ("index", None, 1)


def test_referrers_are_listed_part_by_part_and_by_kind(hub: Inside) -> None:
    raw = hub.push_image("team/x", "v1", b"data")
    for number in range(3):
        kind = "application/odd" if number % 2 else "application/even"
        document = manifest(b"{}", subject=subject(raw), artifactType=kind, annotations={"number": str(number)})
        hub.push_manifest("team/x", document)
    path = "/repositories/team/x/-/versions/v1/referrers"
    found = everything(hub, f"{path}?limit=1")
    assert sorted(one["annotations"]["number"] for one in found) == ["0", "1", "2"]
    even = everything(hub, f"{path}?limit=1&artifactType=application/even")
    assert [one["artifactType"] for one in even] == ["application/even"] * 2
    assert len(ok(hub, "GET", "/repositories/team/x/-/versions/v1")["referrers"]) == 3


def test_version_is_deleted_by_its_digest_only(hub: Inside) -> None:
    digest = Digest.of(hub.push_image("team/x", "v1"))
    assert problem_of(ask(hub, "DELETE", "/repositories/team/x/-/versions/v1"))[0] == 400
    assert ok(hub, "DELETE", f"/repositories/team/x/-/versions/{digest}") is None
    assert problem_of(ask(hub, "DELETE", f"/repositories/team/x/-/versions/{digest}"))[0] == 404
    assert hub.get("/v2/team/x/manifests/v1").status == 404


def test_version_that_an_index_lists_is_in_the_way(hub: Inside) -> None:
    raw = hub.push_image("team/x", "part")
    hub.push_manifest("team/x", index(raw), "all")
    status, detail = problem_of(ask(hub, "DELETE", f"/repositories/team/x/-/versions/{Digest.of(raw)}"))
    assert (status, "delete that first" in detail) == (409, True)


# Tags -------------------------------------------------------------------------------------------------------------


def test_tags_are_listed_with_what_they_point_to(hub: Inside) -> None:
    digest = str(Digest.of(hub.push_image("team/x", "v1")))
    hub.push_image("team/x", "v0", b"other")
    found = everything(hub, "/repositories/team/x/-/tags?limit=1")
    assert [(tag["name"], tag["digest"] == digest) for tag in found] == [("v0", False), ("v1", True)]
    assert ok(hub, "GET", "/repositories/team/x/-/tags/v1") == found[1]
    assert (found[1]["updatedBy"], found[1]["updatedAt"]) == ("anonymous", "2027-01-15T08:00:00Z")


def test_tag_is_moved_made_and_deleted(hub: Inside) -> None:
    old = str(Digest.of(hub.push_image("team/x", "prod", b"1")))
    new = str(Digest.of(hub.push_image("team/x", "v2", b"2")))
    hub.clock.time += 1
    moved = ok(hub, "PUT", "/repositories/team/x/-/tags/prod", {"digest": new})
    assert moved == ok(hub, "GET", "/repositories/team/x/-/tags/prod")
    assert (moved["digest"], moved["updatedAt"]) == (new, "2027-01-15T08:00:01Z")
    assert hub.get("/v2/team/x/manifests/prod").headers["docker-content-digest"] == new
    assert ok(hub, "PUT", "/repositories/team/x/-/tags/back", {"digest": old})["digest"] == old
    ok(hub, "DELETE", "/repositories/team/x/-/tags/prod")
    assert problem_of(ask(hub, "GET", "/repositories/team/x/-/tags/prod")) == (404, "team/x has no tag prod")
    history = everything(hub, "/repositories/team/x/-/tags/prod/history?limit=1")
    assert [move["digest"] for move in history] == [None, new, old]


def test_tag_is_moved_only_if_nobody_was_faster(hub: Inside) -> None:
    old = str(Digest.of(hub.push_image("team/x", "prod", b"1")))
    new = str(Digest.of(hub.push_image("team/x", "v2", b"2")))
    path = "/repositories/team/x/-/tags/prod"
    status, detail = problem_of(ask(hub, "PUT", path, {"digest": new, "expected": new}))
    assert (status, f"points to {old}" in detail) == (412, True)
    assert problem_of(ask(hub, "PUT", path, {"digest": new, "expected": None}))[0] == 412
    assert ok(hub, "PUT", path, {"digest": new, "expected": old})["digest"] == new
    assert ok(hub, "PUT", "/repositories/team/x/-/tags/fresh", {"digest": new, "expected": None})["digest"] == new


@pytest.mark.parametrize(
    ("tag", "body", "status"),
    [
        ("v1", {"digest": "sha256:" + "0" * 64}, 404),
        ("v1", {"digest": "sha256:x"}, 400),
        ("v1", {"digest": 5}, 422),
        ("v1", {}, 422),
        ("-v1", {"digest": "sha256:" + "0" * 64}, 400),
    ],
)
def test_tag_points_to_nothing_that_is_not_there(hub: Inside, tag: str, body: object, status: int) -> None:
    hub.push_image("team/x", "v1")
    assert problem_of(ask(hub, "PUT", f"/repositories/team/x/-/tags/{tag}", body))[0] == status


# Events -----------------------------------------------------------------------------------------------------------


def test_events_of_a_repository_are_listed_newest_first(hub: Inside) -> None:
    digest = Digest.of(hub.push_image("team/x", "v1"))
    hub.push_image("team/y", "v1")
    ok(hub, "DELETE", "/repositories/team/x/-/tags/v1")
    found = everything(hub, "/repositories/team/x/-/events?limit=2")
    assert [event["action"] for event in found] == ["tag.delete", "tag.set", "manifest.push", "blob.push"]
    assert found[1] == {
        "number": found[1]["number"],
        "at": "2027-01-15T08:00:00Z",
        "account": "anonymous",
        "action": "tag.set",
        "repository": "team/x",
        "digest": str(digest),
        "tag": "v1",
        "subject": None,
        "detail": None,
    }
