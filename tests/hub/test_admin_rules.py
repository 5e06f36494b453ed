"""``orchard hub admin tag-rule``, ``retention``, ``quota`` and ``trash``: without a hub, on its database."""

from pathlib import Path

import pytest

from orchard.hub.app.desk import open_desk
from orchard.hub.settings import Settings
from support.admins import Admin, Fails, make_admin, make_data, make_fails
from support.hubs import Hub, Nursery

__all__ = ["make_admin", "make_data", "make_fails"]
RESNET = "vision/resnet"


@pytest.fixture
def filled(data: Path, hubs: Nursery) -> Path:
    """The directory of a hub that has ended, with versions old, new and prod."""
    with hubs.hub(data) as hub:
        fill(hub)
    return data


def fill(hub: Hub) -> None:
    for tag in ("old", "new", "prod"):
        hub.push_image(RESNET, tag, tag.encode())


def tags(data: Path) -> set[str]:
    with open_desk(Settings(data=data)) as desk:
        return {tag for found in desk.rules.governed(RESNET).plan().stays for tag in found.tags}


def test_rules_for_tags_are_added_listed_and_removed(admin: Admin, fails: Fails) -> None:
    made = admin("tag-rule", "add", "vision", "v*", "--immutable")
    assert (made["scope"], made["kind"], made["pattern"]) == ("vision", "immutable", "v*")
    protecting = admin("tag-rule", "add", RESNET, "prod", "--role", "maintainer", "--user", "ana")
    assert (protecting["role"], protecting["users"]) == ("maintainer", ["ana"])
    assert [rule["id"] for rule in admin("tag-rule", "list", RESNET)] == [made["id"], protecting["id"]]
    assert "tags v* of vision are immutable" in admin("tag-rule", "list", "vision", text=True)
    code, said = fails("tag-rule", "remove", RESNET, str(made["id"]))
    assert code == 3
    assert f"{RESNET} itself has no rule {made['id']}" in said
    assert admin("tag-rule", "remove", "vision", str(made["id"])) == made
    assert admin("tag-rule", "list") == []


@pytest.mark.parametrize("words", [(), ("--immutable", "--role", "owner")])
def test_rule_for_tags_says_who_may_move_them_or_that_nobody_may(
    words: tuple[str, ...], data: Path, fails: Fails
) -> None:
    assert data.is_dir()
    code, said = fails("tag-rule", "add", "vision", "v*", *words)
    assert code == 2
    assert "say --immutable, or who may move such tags" in said


def test_retention_is_said_planned_and_run_and_what_went_comes_back(filled: Path, admin: Admin) -> None:
    assert admin("retention", "show", RESNET) == {"scope": None, "rules": []}
    assert "everything is kept" in admin("retention", "show", RESNET, text=True)
    assert admin("retention", "add", "vision", "--tags", "prod")["scope"] == "vision"
    kept = admin("retention", "add", "vision", "--last", "1", "--pushed", "0.0000001")
    assert [rule["text"] for rule in kept["rules"]] == [
        "keep all of tags prod",
        "keep the last 1 or pushed within 1e-07 days",
    ]
    plan = admin("retention", "plan", RESNET)
    assert sorted(one["tags"] for one in plan["goes"]) == [["new"], ["old"]]
    assert tags(filled) == {"prod"}
    assert "2 would go, 1 stay" in admin("retention", "plan", RESNET, text=True)
    done = admin("retention", "run", RESNET, "--mark", plan["mark"])
    assert {one["tags"][0] for one in done["goes"]} == {"new", "old"}
    gone = admin("trash", "list", RESNET)
    assert {one["tags"][0]["name"] for one in gone} == {"new", "old"}
    assert "retention: no rule of vision keeps it" in admin("trash", "list", RESNET, text=True)
    assert admin("retention", "clear", "vision") == {"scope": None, "rules": []}
    back = admin("trash", "restore", RESNET, str(gone[0]["id"]))
    assert (back["tags"], back["taken"]) == ([gone[0]["tags"][0]["name"]], [])
    assert admin("trash", "purge", RESNET, str(gone[1]["id"])) == {"name": RESNET, "id": gone[1]["id"]}
    assert admin("trash", "list", RESNET) == []


def test_plan_that_was_not_agreed_to_is_not_run(filled: Path, admin: Admin, fails: Fails) -> None:
    admin("retention", "add", RESNET, "--tags", "prod")
    code, said = fails("retention", "run", RESNET, "--mark", "0" * 64)
    assert code == 8
    assert "others would go now" in said
    assert admin("trash", "list", RESNET) == []
    assert filled.is_dir()


def test_hub_that_runs_remembers_so_it_is_asked_itself(data: Path, hubs: Nursery, admin: Admin, fails: Fails) -> None:
    with hubs.hub(data) as hub:
        fill(hub)
        admin("retention", "add", RESNET, "--tags", "prod")
        _, said = fails("retention", "run", RESNET)
        assert f"do it there (POST /api/v1/repositories/{RESNET}/-/retention/run), or stop the hub first" in said


def test_quota_is_set_shown_and_taken_away(filled: Path, admin: Admin) -> None:
    assert filled.is_dir()
    assert admin("quota", "show", "vision")["bytes"] is None
    assert "of any size, 1 of any number of repositories" in admin("quota", "show", "vision", text=True)
    given = admin("quota", "set", "vision", "--bytes", "500000", "--repositories", "3")
    assert (given["bytes"], given["repositories"], given["usedRepositories"]) == (500_000, 3, 1)
    assert 0 < given["usedBytes"] < 500_000
    assert admin("quota", "set", "vision")["bytes"] is None
