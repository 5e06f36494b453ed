"""Pages of administrators: who gets in, what they see, accounts and teams."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchard.hub.access import Name, Party, Wanted
from orchard.hub.catalog.upkeep import Report
from orchard.hub.catalog.webhooks import Webhook
from orchard.hub.http.pages.admin import Space
from orchard.hub.http.pages.admin.concerns import Condition, concerns
from orchard.hub.jobs.caretaking import Reports
from orchard.hub.queue import State
from orchard.hub.settings import Settings
from support.hubfirm import Sender
from support.hubinside import MakeHub
from support.office import Office, office
from support.people import OPERATOR

HOSTILE = "<img src=x onerror=alert(1)>"
PATHS = ("/admin", "/admin/users", "/admin/users/eve", "/admin/teams", "/admin/teams/ml")


@pytest.fixture
def desk(make_hub: MakeHub) -> Office:
    return office(make_hub)


# Who gets in --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_only_administrators_get_in(desk: Office, path: str) -> None:
    assert desk.get(path).status == 200
    assert desk.get(path, "eve").status == 403
    stranger = desk.get(path, "")
    assert (stranger.status, stranger.headers["location"]) == (303, f"/login?next={path.replace('/', '%2F')}")


@pytest.mark.parametrize("path", PATHS)
def test_nobody_else_can_send_their_forms(desk: Office, path: str) -> None:
    assert desk.post(path, "eve", do="admin", name="mallory").status in {403, 405}
    assert desk.post(path, "", do="admin", name="mallory").status in {403, 405}
    assert "mallory" not in desk.page("/admin/users").text
    assert not desk.people.users.get("eve").site_admin


def test_form_of_another_site_is_refused(desk: Office) -> None:
    answer = desk.post("/admin/users/eve", origin="http://evil.example", do="admin")
    assert answer.status == 403
    assert not desk.people.users.get("eve").site_admin


def test_link_to_them_is_shown_to_administrators_alone(desk: Office) -> None:
    assert desk.page("/").all("a", href="/admin")
    assert not desk.get("/", "eve").page.all("a", href="/admin")
    assert not desk.get("/", "").page.all("a", href="/admin")


def test_hub_without_logins_lets_whoever_is_on_its_machine_in(make_hub: MakeHub) -> None:
    desk = office(make_hub, login=False)
    assert "do not log in" in desk.page("/admin").text
    assert "This hub has no accounts" in desk.page("/admin/users").text
    assert "This hub has no teams" in desk.page("/admin/teams").text


# The first page -----------------------------------------------------------------------------------------------------


def test_first_page_of_a_new_hub_has_no_complaints(desk: Office) -> None:
    page = desk.page("/admin")
    assert "Nothing. No damaged blobs, no failed jobs, nothing late." in page.text
    assert "SQLite" in page.text


def test_first_page_tells_what_needs_attention(desk: Office) -> None:
    Sender(desk.hub, "ml-owner").push_image("ml/net", "v1", b"bytes")
    with desk.hub.database.write() as connection:
        connection.exec_driver_sql("UPDATE blobs SET damaged_at = 1")
    page = desk.page("/admin")
    assert "2 blobs damaged or missing" in page.text
    assert page.all("a", href="/admin/storage")


# Accounts -----------------------------------------------------------------------------------------------------------


def test_accounts_are_found_by_a_part_of_their_name(desk: Office) -> None:
    page = desk.page("/admin/users?q=ops-")
    assert [link for link in page.links() if link.startswith("/admin/users/")] == [
        f"/admin/users/ops-{role}" for role in ("maintainer", "owner", "reader", "writer")
    ]
    assert "No account has %_ in its name" in desk.page("/admin/users?q=%25_").text


def test_long_list_of_accounts_goes_on(desk: Office) -> None:
    for number in range(60):
        desk.people.users.create(OPERATOR, Name(f"user{number:02}"))
    page = desk.page("/admin/users?q=user&done=admin")
    assert "user49" in page.text
    assert "user50" not in page.text
    (further,) = page.all("a", rel="next")
    assert further["href"] == "/admin/users?q=user&after=user49"
    assert "user59" in desk.page(further["href"]).text


def test_new_account_comes_with_a_link_that_is_shown_once(desk: Office) -> None:
    answer = desk.post("/admin/users", do="make", name="ida", site_admin="on")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    (link,) = re.findall(r"http://127.0.0.1:5000/welcome/([\w-]+)", answer.text)
    assert desk.people.invitations.accept(link, "correct horse battery") == "ida"
    assert desk.people.users.get("ida").site_admin
    assert link not in desk.get("/admin/users/ida").text


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("eve", 409, "There is an account eve already."),
        (HOSTILE, 400, "is not an account name"),
        ("", 400, "is not an account name"),
    ],
)
def test_account_that_cannot_be_made_says_why_beside_the_field(desk: Office, name: str, status: int, said: str) -> None:
    answer = desk.post("/admin/users", do="make", name=name)
    assert answer.status == status
    assert said in answer.page.text
    assert answer.page.all("input", id="name", value=name, aria_invalid="true")
    assert not answer.page.all("img")


def test_account_is_made_an_administrator_and_disabled(desk: Office) -> None:
    assert "administers this hub now" in desk.done("/admin/users/eve", do="admin").text
    assert desk.people.users.get("eve").site_admin
    assert "no longer" in desk.done("/admin/users/eve", do="unadmin").text
    assert "refused" in desk.done("/admin/users/eve", do="disable").text
    assert desk.people.users.get("eve").disabled
    assert "can come in again" in desk.done("/admin/users/eve", do="enable").text


def test_last_administrator_stays(desk: Office) -> None:
    answer = desk.post("/admin/users/root", do="unadmin")
    assert answer.status == 409
    assert "Nobody would be left to administer this hub" in answer.page.text


def test_password_is_renewed_by_a_link_and_the_old_one_locked(desk: Office) -> None:
    desk.people.users.set_password(OPERATOR, "eve", "correct horse battery")
    kept = desk.post("/admin/users/eve", do="invite")
    assert "/welcome/" in kept.text
    assert desk.people.users.verify("eve", "correct horse battery") is not None
    locked = desk.post("/admin/users/eve", do="invite", lock="on")
    assert locked.headers["cache-control"] == "no-store"
    assert not desk.people.users.get("eve").has_password


def test_tokens_of_an_account_are_listed_and_revoked(desk: Office) -> None:
    made, secret = desk.people.tokens.create(OPERATOR, "eve", Wanted(name="laptop", scopes=frozenset({"pull"})))
    other, _ = desk.people.tokens.create(OPERATOR, "root", Wanted(name="other", scopes=frozenset({"pull"})))
    page = desk.page("/admin/users/eve")
    assert "laptop" in page.text
    assert secret not in page.text
    assert desk.post("/admin/users/eve", do="revoke", token=other.id).status == 400
    assert "1 token ended or revoked" in desk.done("/admin/users/eve", do="revoke", token=made.id).text


def test_account_is_deleted_when_its_name_was_typed(desk: Office) -> None:
    refused = desk.post("/admin/users/eve", do="delete", typed="ev")
    assert (refused.status, "Type eve to delete the account." in refused.page.text) == (400, True)
    assert "gone" in desk.done("/admin/users/eve", do="delete", typed="eve").text
    assert desk.get("/admin/users/eve").status == 404


def test_form_that_says_nothing_changes_nothing(desk: Office) -> None:
    assert desk.post("/admin/users/eve").status == 400
    assert desk.post("/admin/teams/ml", do="dance").status == 400


def test_account_that_is_not_there_is_not_found(desk: Office) -> None:
    answer = desk.get("/admin/users/%3Cimg%20src=x%3E")
    assert answer.status == 404
    assert not answer.page.all("img")


# Teams --------------------------------------------------------------------------------------------------------------


def test_team_is_made_filled_and_deleted(desk: Office) -> None:
    assert "The team is made." in desk.done("/admin/teams", do="make", name="vision", owner="eve").text
    assert desk.people.teams.get("vision").members == {"eve": "owner"}
    desk.done("/admin/teams/vision", do="member", user="root", role="reader")
    assert desk.people.teams.get("vision").members == {"eve": "owner", "root": "reader"}
    desk.done("/admin/teams/vision", do="leave", user="root")
    assert desk.post("/admin/teams/vision", do="delete", typed="").status == 400
    desk.done("/admin/teams/vision", do="delete", typed="vision")
    assert "vision" not in desk.page("/admin/teams").text


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"do": "member", "user": "nobody", "role": "reader"}, 404, "There is no account nobody."),
        ({"do": "member", "user": "eve", "role": "king"}, 400, "'king' is no role"),
        ({"do": "leave", "user": HOSTILE}, 404, "is not of the team ml"),
        ({"do": "delete", "typed": "ml"}, 409, "owns the namespace ml"),
    ],
)
def test_change_of_a_team_that_cannot_be_says_why(desk: Office, fields: dict[str, str], status: int, said: str) -> None:
    answer = desk.post("/admin/teams/ml", **fields)
    assert answer.status == status
    assert said in answer.page.text
    assert not answer.page.all("img")


def test_team_of_a_taken_name_keeps_what_was_typed(desk: Office) -> None:
    answer = desk.post("/admin/teams", do="make", name="ml", owner="eve")
    assert answer.status == 409
    assert answer.page.all("input", name="owner", value="eve")


def test_pages_show_what_accounts_and_teams_have(desk: Office) -> None:
    desk.people.namespaces.create(OPERATOR, Name("lab"), owner=Party.user(Name("eve")))
    assert desk.page("/admin/users/eve").all("a", href="/admin/namespaces/lab")
    assert desk.page("/admin/teams/ml").all("a", href="/admin/namespaces/ml")


# What needs attention -------------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SOUND = Condition(
    damaged=0,
    reports=Reports(Report(NOW, {}), None, Report(NOW, {}), Report(NOW, {})),
    counts={("scrub", State.DONE): 3, ("scrub", State.WAITING): 1},
    hooks=(),
    mirrors=(),
    space=Space(60, 100),
    full=(),
    empty=False,
)
HOOK = Webhook(
    id=1,
    scope="",
    url="https://ci.example.com",
    events=("*",),
    secret="",
    active=True,
    reason=None,
    created_at=0,
    created_by="ana",
    failing_since=1,
    failures=2,
)
OLD = Report(NOW - timedelta(days=30), {})


@pytest.mark.parametrize(
    ("changed", "said", "grave"),
    [
        ({"damaged": 1}, "1 blob damaged or missing", True),
        ({"space": Space(9, 100)}, "The disk is nearly full: 9 B of 100 B", False),
        ({"full": ("ml", "ops")}, "2 namespaces full", False),
        ({"counts": {("scrub", State.FAILED): 2}}, "2 jobs given up in the last 7 days", True),
        ({"counts": {("scrub", State.WAITING): 2000}}, "2,000 jobs waiting", False),
        ({"hooks": (HOOK,)}, "1 webhook whose receiver does not answer", False),
        ({"hooks": (replace(HOOK, active=False, reason="no answer"),)}, "1 webhook switched off by the hub", True),
        ({"reports": Reports(None, None, None, None)}, "No backup was ever made", False),
        ({"reports": Reports(OLD, None, None, Report(NOW, {}))}, "Garbage was collected 1 month ago", False),
        ({"reports": Reports(None, None, None, OLD)}, "The last backup was made 1 month ago", False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_needs_attention_is_said_in_words(changed: dict[str, Any], said: str, grave: bool) -> None:  # noqa: FBT001 -- a column
    settings = Settings(data=Path("nowhere"))
    assert concerns(SOUND, settings, NOW) == []
    (found,) = concerns(replace(SOUND, **changed), settings, NOW)
    assert said in found.text
    assert found.grave is grave


def test_process_without_workers_says_so() -> None:
    (found,) = concerns(SOUND, Settings(data=Path("nowhere"), workers=0), NOW)
    assert "does no jobs" in found.text


def test_hub_that_is_empty_is_not_late() -> None:
    nothing = replace(SOUND, empty=True, reports=Reports(None, None, None, None), space=None)
    assert concerns(nothing, Settings(data=Path("nowhere")), NOW) == []
