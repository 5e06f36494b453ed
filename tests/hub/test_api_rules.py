"""Rules, quotas and the trash through the JSON API, as the page about them shows it."""

from collections.abc import Sequence

import pytest

from orchard.hub.access import EverybodyInside, OpenDoor
from orchard.hub.app.people import Entrance, people_of
from orchard.hub.app.surfaces import api
from orchard.hub.http import Surface
from orchard.hub.registry import Reach
from orchard.hub.settings import Settings
from orchard.oci import Digest
from support.hubapi import ask, everything, ok, problem_of
from support.hubinside import Inside, MakeHub

NAME = "team/model"
DAY = 24 * 3600.0


def surfaces(hub: Inside) -> Sequence[Surface]:
    settings = Settings(data=hub.data)
    entrance = Entrance(OpenDoor(), EverybodyInside(), people_of(settings, hub.database))
    return [api(hub.registry, entrance, settings, threads=hub.threads)]


@pytest.fixture
def hub(make_hub: MakeHub) -> Inside:
    return make_hub(surfaces=surfaces)


def test_tag_rules_are_made_listed_and_removed(hub: Inside) -> None:
    made = ask(hub, "POST", "/scopes/team/-/tag-rules", {"kind": "immutable", "pattern": "v*"})
    assert made.status == 201
    rule = made.json
    assert made.headers["location"] == f"/api/v1/scopes/team/-/tag-rules/{rule['id']}"
    assert rule["text"] == "tags v* of team are immutable"
    protected = {"kind": "protected", "pattern": "prod", "role": "maintainer", "users": ["ci"], "teams": ["release"]}
    ok(hub, "POST", "/scopes/team/model/-/tag-rules", protected)
    shown = everything(hub, "/scopes/team/model/-/tag-rules?limit=1")
    assert [(one["scope"], one["pattern"], one["users"]) for one in shown] == [
        ("team", "v*", []),
        (NAME, "prod", ["ci"]),
    ]
    assert len(everything(hub, "/scopes/team/-/tag-rules")) == 1
    assert ask(hub, "DELETE", f"/scopes/team/model/-/tag-rules/{rule['id']}").status == 404
    assert ask(hub, "DELETE", f"/scopes/team/-/tag-rules/{rule['id']}").status == 204
    happened = everything(hub, "/repositories/team/-/events")
    assert [(one["action"], one["detail"]["rule"]) for one in happened] == [
        ("tag-rule.remove", "tags v* of team are immutable"),
        ("tag-rule.add", "tags v* of team are immutable"),
    ]


def test_rule_that_makes_no_sense_is_a_problem_in_words(hub: Inside) -> None:
    answer = ask(hub, "POST", "/scopes/team/-/tag-rules", {"kind": "protected", "pattern": "prod"})
    assert problem_of(answer) == (400, "a rule that protects tags must say who may move them: a role, users or teams")


def test_tag_that_a_rule_holds_is_not_moved_through_the_api_either(hub: Inside) -> None:
    hub.push_image(NAME, "v1", b"a")
    other = hub.push_image(NAME, "dev", b"b")
    ok(hub, "POST", "/scopes/*/-/tag-rules", {"kind": "immutable", "pattern": "v*"})
    answer = ask(hub, "PUT", f"/repositories/{NAME}/-/tags/v1", {"digest": str(Digest.of(other))})
    assert problem_of(answer)[0] == 403
    assert "tags v* of the whole hub are immutable" in problem_of(answer)[1]
    assert ask(hub, "DELETE", f"/repositories/{NAME}/-/tags/v1").status == 403


def test_retention_is_said_rehearsed_and_run(hub: Inside) -> None:
    versions = []
    for number in range(3):
        hub.clock.time += DAY
        versions.append(str(Digest.of(hub.push_image(NAME, f"v{number}", b"%d" % number))))
    assert ok(hub, "GET", "/scopes/team/model/-/retention") == {"scope": None, "rules": []}
    rules = [{"last": 1}, {"tags": "v0"}]
    said = ok(hub, "PUT", "/scopes/team/-/retention", {"rules": rules})
    assert said == {"scope": "team", "rules": rules}
    plan = ok(hub, "GET", f"/repositories/{NAME}/-/retention/plan")
    assert [(one["digest"], one["tags"]) for one in plan["goes"]] == [(versions[1], ["v1"])]
    assert {reason for one in plan["stays"] for reason in one["reasons"]} == {
        "keep the last 1",
        "it is the newest version",
        "keep all of tags v0",
    }
    refused = ask(hub, "POST", f"/repositories/{NAME}/-/retention/run", {"mark": "0" * 64})
    assert problem_of(refused)[0] == 409
    assert ok(hub, "POST", f"/repositories/{NAME}/-/retention/run", {"mark": plan["mark"]}) == plan
    assert [one["what"] for one in everything(hub, f"/repositories/{NAME}/-/trash")] == [versions[1]]


def test_what_was_deleted_is_listed_restored_and_purged(hub: Inside) -> None:
    raws = [hub.push_image(NAME, f"v{number}", b"%d" % number) for number in range(3)]
    for number in range(2):
        ok(hub, "DELETE", f"/repositories/{NAME}/-/versions/{Digest.of(raws[number])}")
    newest, oldest = everything(hub, f"/repositories/{NAME}/-/trash?limit=1")
    assert (newest["kind"], newest["tags"]) == ("manifest", [{"name": "v1", "digest": str(Digest.of(raws[1]))}])
    restored = ok(hub, "POST", f"/repositories/{NAME}/-/trash/{newest['id']}/restore")
    assert restored == {"manifests": [str(Digest.of(raws[1]))], "tags": ["v1"], "taken": []}
    assert ask(hub, "DELETE", f"/repositories/{NAME}/-/trash/{oldest['id']}").status == 204
    assert ask(hub, "POST", f"/repositories/{NAME}/-/trash/{oldest['id']}/restore").status == 404


def test_repository_is_deleted_and_comes_back(hub: Inside) -> None:
    hub.push_image(NAME, "v1", b"a")
    assert ask(hub, "DELETE", f"/repositories/{NAME}").status == 204
    assert ask(hub, "GET", f"/repositories/{NAME}").status == 404
    (entry,) = everything(hub, f"/repositories/{NAME}/-/trash")
    ok(hub, "POST", f"/repositories/{NAME}/-/trash/{entry['id']}/restore")
    assert ok(hub, "GET", f"/repositories/{NAME}")["versions"] == 1


def test_quota_is_shown_and_set_by_administrators(make_hub: MakeHub) -> None:
    admins = True
    hub = make_hub(surfaces=surfaces, reach=lambda *_: Reach(site_admin=admins, role="owner"))
    hub.push_blob(NAME, b"x" * 1000)
    shown = ok(hub, "PUT", "/quotas/team", {"bytes": 1500})
    assert shown == {
        "bytes": 1500,
        "repositories": None,
        "usedBytes": 1000,
        "reservedBytes": 0,
        "usedRepositories": 1,
    }
    admins = False
    assert ok(hub, "GET", "/quotas/team") == shown
    assert problem_of(ask(hub, "PUT", "/quotas/team", {})) == (
        403,
        "anonymous may not change quotas: only administrators of the hub may",
    )
    admins = True
    assert ask(hub, "DELETE", "/quotas/team").status == 204
    assert ok(hub, "GET", "/quotas/team")["bytes"] is None
