"""Accounts, teams, namespaces, roles and tokens through the JSON API."""

from typing import Any

import pytest

from orchard.hub.access import People
from support.hubapi import ask, everything, ok, problem_of
from support.hubfirm import Sender, staffed
from support.hubinside import Inside, MakeHub

ROOT = {"authorization": "root"}
OWNER = {"authorization": "ml-owner"}
READER = {"authorization": "ml-reader"}
EVE = {"authorization": "eve"}
ROBOT = {"authorization": "ml+ci"}


@pytest.fixture
def firm(make_hub: MakeHub) -> tuple[Inside, People]:
    return staffed(make_hub)


@pytest.fixture
def hub(firm: tuple[Inside, People]) -> Inside:
    return firm[0]


@pytest.fixture
def people(firm: tuple[Inside, People]) -> People:
    return firm[1]


def names(hub: Inside, path: str, **headers: str) -> list[str]:
    return [item["name"] for item in everything(hub, path, **headers)]


def status(hub: Inside, method: str, path: str, body: Any = None, **headers: str) -> int:  # noqa: ANN401 -- JSON
    return problem_of(ask(hub, method, path, body, **headers))[0]


def push(hub: Inside, name: str, *layers: bytes) -> None:
    """Let the owner of the namespace push an image."""
    Sender(hub, f"{name.partition('/')[0]}-owner").push_image(name, "v1", *layers)


# Who asks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, {"name": "anonymous", "kind": "anonymous", "account": False, "siteAdmin": False}),
        (EVE, {"name": "eve", "kind": "user", "account": True, "siteAdmin": False}),
        (ROOT, {"name": "root", "kind": "user", "account": True, "siteAdmin": True}),
        (ROBOT, {"name": "ml+ci", "kind": "robot", "account": False, "siteAdmin": False}),
    ],
    ids=lambda value: value.get("name", ""),
)
def test_hub_says_who_asks(hub: Inside, headers: dict[str, str], expected: dict[str, object]) -> None:
    assert ok(hub, "GET", "/whoami", **headers) == expected


@pytest.mark.parametrize("path", ["/users", "/users/eve", "/teams", "/teams/ml", "/namespaces", "/namespaces/ml"])
def test_people_are_shown_to_people_only(hub: Inside, path: str) -> None:
    answer = ask(hub, "GET", path)
    assert problem_of(answer)[0] == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert status(hub, "GET", path, **ROBOT) == 403


# Accounts ---------------------------------------------------------------------------------------------------------


def test_everybody_sees_their_own_account_and_administrators_all(hub: Inside) -> None:
    assert names(hub, "/users", **EVE) == ["eve"]
    assert names(hub, "/users?after=eve", **EVE) == []
    assert len(names(hub, "/users?limit=3", **ROOT)) == 10
    assert ok(hub, "GET", "/users/eve", **EVE)["name"] == "eve"
    assert problem_of(ask(hub, "GET", "/users/root", **EVE)) == (404, "there is no account root")
    assert problem_of(ask(hub, "GET", "/users/none", **EVE)) == (404, "there is no account none")
    assert problem_of(ask(hub, "GET", "/users/none", **ROOT)) == (404, "there is no account none")


def test_account_is_made_changed_and_deleted_by_administrators(hub: Inside, people: People) -> None:
    answer = ask(hub, "POST", "/users", {"name": "ana", "password": "secret"}, **ROOT)
    assert (answer.status, answer.headers["location"]) == (201, "/api/v1/users/ana")
    assert answer.json == {
        "name": "ana",
        "siteAdmin": False,
        "disabled": False,
        "hasPassword": True,
        "createdAt": "2027-01-15T08:00:00Z",
    }
    assert people.users.verify("ana", "secret")
    assert ok(hub, "GET", "/namespaces/ana", authorization="ana")["owner"] == "user:ana"
    assert ok(hub, "PATCH", "/users/ana", {"disabled": True}, **ROOT)["disabled"] is True
    assert ok(hub, "PATCH", "/users/ana", {}, **ROOT)["disabled"] is True
    ok(hub, "DELETE", "/users/ana", **ROOT)
    assert status(hub, "GET", "/users/ana", **ROOT) == 404


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "eve"}, 409),
        ({"name": "ml"}, 409),
        ({"name": "Ana"}, 400),
        ({"name": "operator"}, 400),
        ({"name": "a" * 65}, 400),
        ({"name": "ana", "password": ""}, 422),
        ({"name": "ana", "password": "\0"}, 422),
        ({"name": "ana", "password_hash": "x"}, 422),
        ({"name": "ana", "hasPassword": True}, 422),
    ],
    ids=str,
)
def test_account_that_cannot_be_is_refused(hub: Inside, body: object, expected: int) -> None:
    assert status(hub, "POST", "/users", body, **ROOT) == expected


def test_last_administrator_stays(hub: Inside) -> None:
    assert status(hub, "PATCH", "/users/root", {"siteAdmin": False}, **ROOT) == 409
    assert status(hub, "DELETE", "/users/root", **ROOT) == 409


def test_password_is_ones_own_to_change(hub: Inside, people: People) -> None:
    ok(hub, "PUT", "/users/eve/password", {"password": "mine"}, **EVE)
    assert people.users.verify("eve", "mine")
    assert status(hub, "PUT", "/users/root/password", {"password": "mine"}, **EVE) == 403
    ok(hub, "PUT", "/users/eve/password", {"password": None}, **ROOT)
    assert people.users.verify("eve", "mine") is None


def test_invited_person_chooses_a_password(hub: Inside, people: People) -> None:
    answer = ask(hub, "POST", "/users/eve/invitations", **ROOT)
    assert (answer.status, answer.json["user"]) == (201, "eve")
    people.invitations.accept(answer.json["secret"], "chosen")
    assert people.users.verify("eve", "chosen")


def test_nobody_else_makes_or_changes_accounts(hub: Inside) -> None:
    assert status(hub, "POST", "/users", {"name": "ana"}, **OWNER) == 403
    assert status(hub, "PATCH", "/users/ml-owner", {"siteAdmin": True}, **OWNER) == 403
    assert status(hub, "DELETE", "/users/ml-owner", **OWNER) == 403
    assert status(hub, "POST", "/users/eve/invitations", **OWNER) == 403


# Teams ------------------------------------------------------------------------------------------------------------


def test_team_is_seen_by_its_members_and_by_administrators(hub: Inside) -> None:
    assert names(hub, "/teams", **READER) == ["ml"]
    assert names(hub, "/teams?limit=1", **ROOT) == ["ml", "ops"]
    assert names(hub, "/teams", **EVE) == []
    found = ok(hub, "GET", "/teams/ml", **READER)
    assert found["members"][0] == {"user": "ml-maintainer", "role": "maintainer"}
    assert problem_of(ask(hub, "GET", "/teams/ops", **READER)) == (404, "there is no team ops")


def test_team_is_looked_after_by_its_owners(hub: Inside) -> None:
    found = ok(hub, "PUT", "/teams/ml/members/eve", {"role": "writer"}, **OWNER)
    assert {"user": "eve", "role": "writer"} in found["members"]
    assert status(hub, "PUT", "/teams/ml/members/eve", {"role": "owner"}, authorization="ml-maintainer") == 403
    assert status(hub, "PUT", "/teams/ml/members/none", {"role": "owner"}, **OWNER) == 404
    assert status(hub, "PUT", "/teams/ml/members/eve", {"role": "king"}, **OWNER) == 422
    ok(hub, "DELETE", "/teams/ml/members/eve", **OWNER)
    assert status(hub, "DELETE", "/teams/ml/members/eve", **OWNER) == 404
    assert status(hub, "DELETE", "/teams/ml", **OWNER) == 409


def test_team_is_made_by_administrators(hub: Inside) -> None:
    assert ok(hub, "POST", "/teams", {"name": "art", "owner": None}, **ROOT)["members"] == []
    made = ok(hub, "POST", "/teams", {"name": "law", "owner": "eve"}, **ROOT)
    assert made["members"] == [{"user": "eve", "role": "owner"}]
    assert status(hub, "POST", "/teams", {"name": "law"}, **ROOT) == 409
    assert status(hub, "POST", "/teams", {"name": "our"}, **EVE) == 403
    ok(hub, "DELETE", "/teams/law", **EVE)


def test_everybody_makes_teams_and_namespaces_where_the_hub_is_set_so(make_hub: MakeHub) -> None:
    hub, _ = staffed(make_hub, self_service=True)
    assert ok(hub, "POST", "/teams", {"name": "our"}, **EVE)["members"] == [{"user": "eve", "role": "owner"}]
    assert ok(hub, "POST", "/namespaces", {"name": "mine"}, **EVE)["owner"] == "user:eve"
    assert ok(hub, "POST", "/namespaces", {"name": "ours", "owner": "team:our"}, **EVE)["owner"] == "team:our"
    assert status(hub, "POST", "/namespaces", {"name": "theirs", "owner": "team:ml"}, **EVE) == 403
    assert status(hub, "POST", "/namespaces", {"name": "noones", "owner": None}, **EVE) == 403
    assert status(hub, "POST", "/teams", {"name": "theirs", "owner": "root"}, **EVE) == 403


# Namespaces and repositories --------------------------------------------------------------------------------------


def test_namespace_is_seen_by_whoever_has_a_role_there(hub: Inside) -> None:
    assert names(hub, "/namespaces?limit=1", **READER) == ["ml", "ml-reader"]
    assert len(names(hub, "/namespaces?limit=5", **ROOT)) == 12
    expected = {"name": "ml", "owner": "team:ml", "visibility": "private"}
    assert ok(hub, "GET", "/namespaces/ml", **READER) == expected
    assert problem_of(ask(hub, "GET", "/namespaces/ops", **READER)) == (404, "there is no namespace ops")


def test_namespace_is_changed_by_its_owners(hub: Inside) -> None:
    push(hub, "ml/x")
    assert status(hub, "GET", "/repositories/ml/x", **EVE) == 403
    assert ok(hub, "PATCH", "/namespaces/ml", {"visibility": "public"}, **OWNER)["visibility"] == "public"
    assert ok(hub, "GET", "/repositories/ml/x", **EVE)["visibility"] is None
    assert status(hub, "PATCH", "/namespaces/ml", {"visibility": "private"}, authorization="ml-maintainer") == 403
    assert ok(hub, "PATCH", "/namespaces/ml", {"owner": "user:eve"}, **OWNER)["owner"] == "user:eve"
    assert status(hub, "DELETE", "/namespaces/ml", **OWNER) == 403
    assert status(hub, "DELETE", "/namespaces/ml", **EVE) == 409


def test_empty_namespace_is_deleted(hub: Inside) -> None:
    ok(hub, "POST", "/namespaces", {"name": "new", "owner": "user:eve", "visibility": "public"}, **ROOT)
    ok(hub, "DELETE", "/namespaces/new", **EVE)
    assert status(hub, "GET", "/namespaces/new", **EVE) == 404


def test_repository_has_a_visibility_of_its_own(hub: Inside) -> None:
    push(hub, "ml/x")
    path = "/repositories/ml/x"
    assert ok(hub, "PATCH", path, {"visibility": "public"}, **OWNER)["visibility"] == "public"
    assert ok(hub, "GET", path)["name"] == "ml/x"
    assert ok(hub, "PATCH", path, {}, **OWNER)["visibility"] == "public"
    assert ok(hub, "PATCH", path, {"visibility": None}, **OWNER)["visibility"] is None
    assert status(hub, "GET", path) == 401
    assert status(hub, "PATCH", path, {"visibility": "public"}, authorization="ml-maintainer") == 403
    assert status(hub, "PATCH", "/repositories/ml/none", {"visibility": "public"}, **OWNER) == 404


# Roles ------------------------------------------------------------------------------------------------------------


def test_role_is_given_and_taken_in_a_repository(hub: Inside) -> None:
    push(hub, "ml/x")
    path = "/repositories/ml/x/-/grants"
    expected = {"party": "user:eve", "target": "ml/x", "role": "reader"}
    assert ok(hub, "PUT", f"{path}/user:eve", {"role": "reader"}, **OWNER) == expected
    assert ok(hub, "GET", "/repositories/ml/x", **EVE)["name"] == "ml/x"
    assert ok(hub, "GET", path, **OWNER)["items"] == [expected]
    assert ok(hub, "GET", "/namespaces/ml/grants", **OWNER)["items"] == [expected]
    assert ok(hub, "GET", "/users/eve/grants", **EVE)["items"] == [expected]
    ok(hub, "DELETE", f"{path}/user:eve", **OWNER)
    assert status(hub, "GET", "/repositories/ml/x", **EVE) == 403
    assert status(hub, "DELETE", f"{path}/user:eve", **OWNER) == 404


def test_role_is_given_to_a_team_in_a_namespace(hub: Inside) -> None:
    path = "/namespaces/ml/grants/team:ops"
    assert ok(hub, "PUT", path, {"role": "writer"}, **OWNER)["party"] == "team:ops"
    assert names(hub, "/namespaces", authorization="ops-reader") == ["ml", "ops", "ops-reader"]
    assert status(hub, "GET", "/namespaces/ml/grants", authorization="ops-reader") == 403
    ok(hub, "DELETE", path, **OWNER)


@pytest.mark.parametrize(
    ("party", "expected"),
    [("user:none", 404), ("team:none", 404), ("robot:x", 400), ("user:Eve", 400), ("eve", 400), ("user:eve", 200)],
)
def test_role_is_given_to_somebody(hub: Inside, party: str, expected: int) -> None:
    answer = ask(hub, "PUT", f"/namespaces/ml/grants/{party}", {"role": "reader"}, **OWNER)
    assert answer.status == expected


# Tokens -----------------------------------------------------------------------------------------------------------


def test_token_is_made_shown_and_revoked(hub: Inside, people: People) -> None:
    body = {"name": "laptop", "scopes": ["pull", "push"], "repositories": ["ml/*"], "expiresAt": "2028-01-01T00:00:00Z"}
    answer = ask(hub, "POST", "/users/eve/tokens", body, **EVE)
    made = answer.json
    assert answer.headers["location"] == f"/api/v1/users/eve/tokens/{made['id']}"
    found = people.tokens.find(made.pop("secret"))
    assert found is not None
    assert (found.owner, found.scopes) == ("eve", frozenset(("pull", "push")))
    path = f"/users/eve/tokens/{made['id']}"
    assert ok(hub, "GET", path, **EVE) == {**made, "usedAt": "2027-01-15T08:00:00Z"}
    assert [one["id"] for one in everything(hub, "/users/eve/tokens", **ROOT)] == [made["id"]]
    ok(hub, "DELETE", path, **EVE)
    ok(hub, "DELETE", path, **EVE)
    assert ok(hub, "GET", path, **EVE)["revokedAt"] == "2027-01-15T08:00:00Z"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "x", "scopes": []}, 422),
        ({"name": "x", "scopes": ["root"]}, 422),
        ({"name": "x", "scopes": ["account"]}, 400),
        ({"name": "x", "scopes": ["pull"], "repositories": []}, 422),
        ({"name": "x", "scopes": ["pull"], "repositories": ["a**b"]}, 400),
        ({"name": "x", "scopes": ["pull"], "expiresAt": "2020-01-01T00:00:00Z"}, 400),
        ({"name": "x", "scopes": ["pull"], "expiresAt": "2030-01-01T00:00:00"}, 422),
        ({"name": "/", "scopes": ["pull"]}, 400),
    ],
    ids=str,
)
def test_token_that_cannot_be_is_refused(hub: Inside, body: object, expected: int) -> None:
    assert status(hub, "POST", "/users/eve/tokens", body, **EVE) == expected


def test_token_of_somebody_else_is_not_found(hub: Inside) -> None:
    made = ok(hub, "POST", "/users/eve/tokens", {"name": "x", "scopes": ["pull"]}, **EVE)
    assert status(hub, "GET", f"/users/eve/tokens/{made['id']}", **OWNER) == 404
    assert status(hub, "GET", f"/users/ml-owner/tokens/{made['id']}", **OWNER) == 404
    assert status(hub, "DELETE", f"/users/ml-owner/tokens/{made['id']}", **OWNER) == 404
    assert status(hub, "POST", "/users/eve/tokens", {"name": "y", "scopes": ["pull"]}, **OWNER) == 403
    assert ok(hub, "GET", f"/users/eve/tokens/{made['id']}", **EVE)["revokedAt"] is None


def test_robot_belongs_to_its_namespace(hub: Inside, people: People) -> None:
    made = ok(hub, "POST", "/namespaces/ml/robots", {"name": "ci", "scopes": ["push", "pull"]}, **OWNER)
    assert (made["name"], made["namespace"], made["owner"]) == ("ml+ci", "ml", None)
    assert made["repositories"] == ["ml/**"]
    assert people.tokens.find(made["secret"]) is not None
    path = f"/namespaces/ml/robots/{made['id']}"
    assert ok(hub, "GET", path, **OWNER)["scopes"] == ["pull", "push"]
    assert status(hub, "GET", path, authorization="ops-owner") == 404
    assert status(hub, "GET", f"/namespaces/ops/robots/{made['id']}", authorization="ops-owner") == 404
    assert status(hub, "GET", "/namespaces/ml/robots", authorization="ml-maintainer") == 403
    ok(hub, "DELETE", path, **OWNER)
    assert people.tokens.find(made["secret"]) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "ci", "scopes": ["own"]}, 422),
        ({"name": "c i", "scopes": ["pull"]}, 400),
        ({"name": "ci", "scopes": ["pull"], "repositories": ["ops/**"]}, 400),
    ],
    ids=str,
)
def test_robot_stays_in_its_namespace(hub: Inside, body: object, expected: int) -> None:
    assert status(hub, "POST", "/namespaces/ml/robots", body, **OWNER) == expected


# The hub ----------------------------------------------------------------------------------------------------------


def test_hub_tells_administrators_what_it_keeps(hub: Inside) -> None:
    push(hub, "ml/x", b"data")
    assert ok(hub, "GET", "/hub")["login"] is True
    found = ok(hub, "GET", "/hub/status", **ROOT)
    assert (found["database"], found["storage"], found["keepDeleted"]) == ("sqlite", "files", 604800.0)
    assert [found[key] for key in ("repositories", "manifests", "tags", "blobs", "blobBytes")] == [1, 1, 1, 2, 6]
    assert status(hub, "GET", "/hub/status", **EVE) == 403
    assert status(hub, "GET", "/hub/status") == 401


def test_events_say_who_did_what_to_whom(hub: Inside) -> None:
    ok(hub, "PATCH", "/users/eve", {"disabled": True}, **ROOT)
    (event,) = ok(hub, "GET", "/events?limit=1", **ROOT)["items"]
    assert (event["account"], event["action"], event["subject"]) == ("root", "user.update", "eve")
    assert event["detail"] == {"changed": {"disabled": True}}
    assert event["repository"] is None
    assert len(everything(hub, "/events?limit=7", **ROOT)) > 7
    assert status(hub, "GET", "/events", **OWNER) == 403


def test_events_of_a_repository_are_for_those_who_look_after_it(hub: Inside) -> None:
    push(hub, "ml/x")
    assert len(everything(hub, "/repositories/ml/x/-/events", authorization="ml-maintainer")) == 3
    assert status(hub, "GET", "/repositories/ml/x/-/events", authorization="ml-writer") == 403
