"""The pages about people and what is theirs: who sees what, what forms do, and what stays secret."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from orchard.hub.access import Name, Party, Principal, Visibility, Wanted
from orchard.hub.access.tokens import SCOPES
from orchard.hub.http.logs import LOGGER
from orchard.hub.http.meters import Meters
from orchard.hub.http.watched import Watched
from orchard.hub.registry import KeepRule, Kind
from orchard.hub.settings import Settings
from orchard.oci import Digest
from support.hubclient import kind_of, manifest
from support.hubinside import Inside, MakeHub, quick_directory
from support.people import OPERATOR, PASSWORD, firm, with_password
from support.persona import Persona, furnish
from support.webpage import Answer

NAME = "ml/model"
SETTINGS = f"/r/{NAME}/-/settings"
TRASH = f"/r/{NAME}/-/trash"
RETENTION = f"/r/{NAME}/-/retention"
OWN = ("/account", "/account/tokens", "/account/teams/ml", "/account/new/team", "/account/new/namespace", "/setup")
THINGS = (SETTINGS, TRASH, RETENTION, "/n/ml/-/settings", "/n/ml/-/robots")
MAINTAINER = Principal("ml-maintainer")
HOSTILE = "<script>alert(1)</script>\u202e"


@pytest.fixture(name="hub")
def _hub(make_hub: MakeHub) -> Inside:
    return furnished(make_hub(people=firm))


@pytest.fixture(scope="module")
def still() -> Iterator[Inside]:
    """A hub for tests that change nothing in it."""
    with quick_directory() as directory:
        hub = Inside(directory, people=firm)
        with hub.threads:
            yield furnished(hub)
        hub.database.close()


def furnished(hub: Inside, *, url: str | None = None) -> Inside:
    for number in range(3):
        pushed(hub, NAME, f"v{number}")
    furnish(hub, Settings(data=Path("/srv/orchard"), url=url))
    return hub


def pushed(hub: Inside, name: str, tag: str) -> None:
    """Push a version as whoever may do everything, at a time of its own."""
    hub.clock.time += 1
    wanted = Wanted(name=f"{name} {tag}".replace("/", "-"), scopes=frozenset(SCOPES))
    secret = hub.people.tokens.create(OPERATOR, "root", wanted)[1]
    authorization = {"authorization": f"Bearer {secret}"}
    for raw in (b"{}", f"{name}{tag}".encode()):
        begun = hub.request("POST", f"/v2/{name}/blobs/uploads/", headers=authorization)
        digest = Digest.of(raw)
        assert hub.request("PUT", f"{begun.headers['location']}?digest={digest}", raw, authorization).status == 201
    document = manifest(b"{}", f"{name}{tag}".encode())
    headers = {**authorization, "content-type": kind_of(document)}
    assert hub.request("PUT", f"/v2/{name}/manifests/{tag}", document, headers).status == 201


def bearer(hub: Inside, secret: str, target: str = "/v2/") -> int:
    return hub.request("GET", target, headers={"authorization": f"Bearer {secret}"}).status


def secret_of(answer: Answer) -> str:
    assert answer.headers["cache-control"] == "no-store"
    return answer.text.partition('id="secret">')[2].partition("<")[0]


def actions(hub: Inside) -> Sequence[str]:
    return [action for action, _, _ in hub.actions(NAME)]


# Who comes in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*OWN, *THINGS, "/r/ml/nothing/-/settings", "/n/nothing/-/settings"])
def test_stranger_is_sent_to_log_in_and_back(still: Inside, path: str) -> None:
    answer = Persona(still, None).get(path)
    assert answer.status == 303
    assert answer.headers["location"] == "/login?next=" + path.replace("/", "%2F")


@pytest.mark.parametrize(
    ("who", "pages"),
    #                       settings trash retention  namespace robots
    [
        ("ml-reader", (403, 403, 403, 403, 403)),
        ("ml-writer", (403, 403, 403, 403, 403)),
        ("ml-maintainer", (200, 200, 200, 200, 403)),
        ("ml-owner", (200, 200, 200, 200, 200)),
        ("root", (200, 200, 200, 200, 200)),
        ("ops-owner", (404, 404, 404, 404, 404)),
        ("eve", (404, 404, 404, 404, 404)),
    ],
)
def test_settings_are_for_those_who_may_and_look_like_nothing_to_others(
    still: Inside, who: str, pages: Sequence[int]
) -> None:
    persona = Persona(still, who)
    assert tuple(persona.get(path).status for path in THINGS) == pages
    tab = persona.get(f"/r/{NAME}").text
    assert (">Settings<" in tab) == (pages[0] == 200)
    if pages[0] == 404:
        missing = persona.get("/r/ml/nothing/-/settings").text.replace("ml/nothing", NAME)
        assert persona.get(SETTINGS).text == missing


def test_page_of_another_site_can_change_nothing(still: Inside) -> None:
    persona = Persona(still, "root")
    for path in (*OWN, *THINGS):
        answer = persona.post(path, origin="http://evil.example", do="delete", typed=NAME)
        assert answer.status == 403, path
        assert "another site" in answer.text
    assert "repository.delete" not in actions(still)


@pytest.mark.parametrize("path", [*OWN[:5], *THINGS])
def test_form_that_says_nothing_sensible_changes_nothing(still: Inside, path: str) -> None:
    answer = Persona(still, "root").post(path, do=HOSTILE)
    assert answer.status in {400, 403}
    assert "<script>alert" not in answer.text


def test_pages_about_an_account_are_not_for_tokens(hub: Inside) -> None:
    secret = hub.people.tokens.create(OPERATOR, "eve", Wanted(name="all", scopes=frozenset(SCOPES)))[1]
    assert bearer(hub, secret, "/account") == 403
    assert bearer(hub, "orch_" + "0" * 40, "/account") == 401


def test_hub_without_accounts_says_so_and_has_settings_of_repositories(make_hub: MakeHub) -> None:
    hub = make_hub()
    hub.push_image(NAME, "v1", b"layer")
    furnish(hub, Settings(data=Path("/srv/orchard")), login=False)
    anybody = Persona(hub, None)
    assert all("This hub has no accounts" in anybody.get(path).text for path in (*OWN, "/n/ml/-/robots"))
    shown = anybody.get(SETTINGS)
    assert (shown.status, "Who reads it" in shown.text) == (200, False)
    assert anybody.post(SETTINGS, do="rule", kind="immutable", pattern="v*").status == 303
    assert anybody.get("/n/ml/-/settings").status == 200
    assert anybody.post(SETTINGS, do="delete", typed=NAME).status == 403  # v1 is immutable now
    assert anybody.get("/").text.count("Set up") == 0


@pytest.mark.parametrize("path", [*OWN, *THINGS, "/login"])
def test_page_that_a_browser_has_is_not_sent_again(still: Inside, path: str) -> None:
    persona = Persona(still, "root")
    tag = persona.get(path).headers.get("etag", "")
    again = persona.get(path, if_none_match=tag)
    assert (again.status, again.body) == (304, b"")
    assert persona.get(path, if_none_match="W/other").body


# The account ------------------------------------------------------------------------------------------------------


def test_account_shows_roles_sessions_and_logins_and_no_secret(hub: Inside) -> None:
    hub.people.identities.bind(OPERATOR, "ml-owner", issuer="https://id.example.com", subject=HOSTILE)
    persona = Persona(hub, "ml-owner")
    page = persona.get("/account")
    assert persona.session is not None
    assert persona.session not in page.text
    assert "<script>alert" not in page.text
    for said in ("ml owner", "this browser", "Our Company", "--username ml-owner", "Your account has no password"):
        assert said in page.page.text, said
    assert page.page.all("a", href="/account")
    assert "Administers this hub" in Persona(hub, "root").get("/account").text
    assert "Robots of ml" in persona.get("/account/tokens").text


def test_new_password_asks_for_the_old_one_and_ends_other_sessions(hub: Inside) -> None:
    with_password(hub.people, "eve")
    here, there = Persona(hub, "eve"), Persona(hub, "eve")
    assert "Your account has no password" not in here.get("/account").text
    wrong = here.post("/account", do="password", now="guess", new="other words", again="other words")
    assert (wrong.status, "guess" in wrong.text, "is another one" in wrong.text) == (400, False, True)
    assert here.post("/account", do="password", now=PASSWORD, new="a", again="b").status == 400
    for weak in ("", "short", "eve12345"):
        assert here.post("/account", do="password", now=PASSWORD, new=weak, again=weak).status == 400
    assert there.get("/account").status == 200
    done = here.post("/account", do="password", now=PASSWORD, new="other words", again="other words")
    assert (done.status, done.headers["location"]) == (303, "/account?done=password")
    here.session = done.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert "Your password is changed" in here.get("/account?done=password").text
    assert there.get("/account").status == 303
    assert hub.people.users.verify("eve", "other words") is not None


def test_sessions_are_listed_and_end_one_by_one_or_all_others(hub: Inside) -> None:
    here, there, elsewhere, foreign = (Persona(hub, name) for name in ("eve", "eve", "eve", "ops-owner"))
    ids = [one.id for one in hub.people.sessions.of("eve")]
    mine = next(one for one in ids if f'value="{one}"' not in here.get("/account").text)
    theirs = next(one.id for one in hub.people.sessions.of("ops-owner"))
    assert here.post("/account", do="end", session=theirs).status == 303
    assert foreign.get("/account").status == 200
    first = next(one for one in ids if one != mine)
    here.post("/account", do="end", session=first)
    assert {there.get("/account").status, elsewhere.get("/account").status} == {200, 303}
    here.post("/account", do="end-others")
    assert [one.id for one in hub.people.sessions.of("eve")] == [mine]
    assert here.get("/account?done=others-ended").status == 200


# Tokens -----------------------------------------------------------------------------------------------------------


def test_token_is_shown_once_works_and_is_revoked(hub: Inside) -> None:
    persona = Persona(hub, "ml-writer")
    made = persona.fill(
        "/account/tokens",
        {"do": "make", "name": "laptop", "scope": ["pull", "push"], "repositories": "ml/*", "lifetime": "30"},
    )
    secret = secret_of(made)
    assert secret.startswith("orch_")
    assert "orchard login 127.0.0.1:5000 --username ml-writer --password-stdin" in made.page.text
    listed = persona.get("/account/tokens")
    assert secret not in listed.text
    assert "laptop pull, push ml/*" in listed.page.text
    assert bearer(hub, secret, f"/v2/{NAME}/manifests/v1") == 200
    (token,) = hub.people.tokens.list(user="ml-writer")
    assert Persona(hub, "eve").post("/account/tokens", do="revoke", token=token.id).status == 404
    assert persona.post("/account/tokens", do="revoke", token=token.id).headers["location"].endswith("?done=revoked")
    assert bearer(hub, secret) == 401
    assert "Ended (1)" in persona.get("/account/tokens").text


def test_token_for_everything_has_all_scopes(hub: Inside) -> None:
    persona = Persona(hub, "eve")
    secret_of(persona.post("/account/tokens", do="make", name="all", scope="account", lifetime="never"))
    (token,) = hub.people.tokens.list(user="eve")
    assert (token.scopes, token.expires_at) == (frozenset(SCOPES), None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scope": []},
        {"scope": "fly"},
        {"name": HOSTILE},
        {"repositories": "A B"},
        {"lifetime": "1000"},
        {"scope": "account", "repositories": "ml/*"},
    ],
)
def test_token_that_cannot_be_is_not_made_and_what_was_typed_stays(
    still: Inside, wrong: dict[str, str | list[str]]
) -> None:
    wanted = {"name": "typed", "scope": "pull", "repositories": "ml/**", "lifetime": "7", **wrong}
    answer = Persona(still, "eve").fill("/account/tokens", {"do": "make", **wanted})
    assert answer.status == 400
    assert answer.page.all("p", class_="complaint")
    assert "name" in wrong or answer.page.all("input", id="name", value="typed")
    assert still.people.tokens.list(user="eve") == []


def test_owner_makes_and_revokes_robots(hub: Inside) -> None:
    persona = Persona(hub, "ml-owner")
    made = persona.post("/n/ml/-/robots", do="make", name="ci", scope="pull", lifetime="90")
    assert "--username ml+ci" in made.page.text
    assert bearer(hub, secret_of(made), f"/v2/{NAME}/manifests/v1") == 200
    (robot,) = hub.people.tokens.list(namespace="ml")
    for who in ("ml-maintainer", "eve"):
        intruder = Persona(hub, who)
        assert intruder.post("/n/ml/-/robots", do="revoke", token=robot.id).status in {403, 404}
        made = intruder.post("/n/ml/-/robots", do="make", name="x", scope="pull", lifetime="7")
        assert made.status in {403, 404}
    assert persona.post("/n/ml/-/robots", do="make", name="far", scope="pull", repositories="ops/**").status == 400
    assert persona.post("/n/ml/-/robots", do="revoke", token=robot.id).status == 303
    assert [one.revoked_at is None for one in hub.people.tokens.list(namespace="ml")] == [False]


# Settings ---------------------------------------------------------------------------------------------------------


def test_owner_changes_who_reads_a_repository(hub: Inside) -> None:
    owner, eve = Persona(hub, "ml-owner"), Persona(hub, "eve")
    assert Persona(hub, "ml-maintainer").post(SETTINGS, do="visibility", visibility="public").status == 403
    assert eve.get(f"/r/{NAME}").status == 404
    assert owner.post(SETTINGS, do="visibility", visibility="public").status == 303
    assert eve.get(f"/r/{NAME}").status == 200
    assert eve.get(SETTINGS).status == 403
    assert owner.post(SETTINGS, do="visibility", visibility="").status == 303
    assert hub.people.namespaces.visibility(NAME) is None
    assert owner.post(SETTINGS, do="visibility", visibility=HOSTILE).status == 400


@pytest.mark.parametrize("path", [SETTINGS, "/n/ml/-/settings"])
def test_owner_gives_changes_and_takes_roles(hub: Inside, path: str) -> None:
    owner, eve = Persona(hub, "ml-owner"), Persona(hub, "eve")
    eves = {"kind": "user", "name": "eve"}
    for role in ("reader", "maintainer"):
        assert owner.post(path, do="grant", role=role, **eves).status == 303
    assert "user eve" in owner.get(path).page.text
    assert eve.get(SETTINGS).status == 200
    assert eve.post(path, do="grant", role="owner", **eves).status == 403
    assert owner.post(path, do="ungrant", **eves).status == 303
    assert eve.get(SETTINGS).status == 404
    for wrong in ({"name": HOSTILE}, {"name": "nobody"}, {"kind": "robot"}, {"role": "king"}):
        answer = owner.post(path, **{"do": "grant", "role": "reader", **eves, **wrong})
        assert (answer.status in {400, 404}, "<script>alert" in answer.text) == (True, False), wrong
    assert owner.post(path, do="ungrant", **eves).status == 404


@pytest.mark.parametrize("path", [SETTINGS, "/n/ml/-/settings"])
def test_maintainer_says_which_tags_last(hub: Inside, path: str) -> None:
    persona = Persona(hub, "ml-maintainer")
    for fields in ({"kind": "immutable"}, {"kind": "protected", "role": "owner", "users": "eve, root", "teams": "ops"}):
        assert persona.post(path, do="rule", pattern="v*", **fields).status == 303
    assert "user eve, user root, team ops" in persona.get(path).page.text
    governed = hub.registry.governed(MAINTAINER, NAME)
    assert [rule.kind for rule in governed.tag_rules()] == [Kind.IMMUTABLE, Kind.PROTECTED]
    for rule in governed.tag_rules():
        assert persona.post(path, do="unrule", rule=str(rule.id)).status == 303
    assert governed.tag_rules() == []
    assert persona.post(path, do="unrule", rule="7").status == 404
    for wrong in ({"kind": "odd", "pattern": "v*"}, {"kind": "protected", "pattern": "v*"}, {"kind": "immutable"}):
        assert persona.post(path, do="rule", **wrong).status == 400


def test_retention_is_shown_before_it_holds_and_run_as_it_was_shown(hub: Inside) -> None:
    persona = Persona(hub, "ml-maintainer")
    governed = hub.registry.governed(MAINTAINER, NAME)
    shown = persona.post(SETTINGS, do="keep", last="1")
    assert "2 manifests would go" in shown.page.text
    assert "keep the last 1" in shown.page.text
    assert governed.retention() is None
    assert persona.post(SETTINGS, do="keep", last="1", seen="yes").status == 303
    assert governed.retention() is not None
    assert persona.post(SETTINGS, do="keep", last="x").status == 400
    assert persona.post(SETTINGS, do="keep").status == 400
    dry = persona.get(RETENTION)
    mark = dry.page.all("input", name="mark")[0]["value"]
    pushed(hub, NAME, "v9")
    changed = persona.post(RETENTION, do="run", mark=mark)
    assert (changed.status, "others would go now" in changed.text) == (409, True)
    assert persona.post(RETENTION, do="run").status == 409
    mark = persona.get(RETENTION).page.all("input", name="mark")[0]["value"]
    assert persona.post(RETENTION, do="run", mark=mark).status == 303
    assert persona.get(TRASH).text.count('value="restore"') == 3
    without = persona.post(SETTINGS, do="keep", without="keep the last 1")
    assert "Nothing would go" in without.text
    assert persona.post(SETTINGS, do="keep", without="keep the last 1", seen="yes").status == 303
    assert governed.retention() is None
    assert persona.post(SETTINGS, do="keep", without="keep the last 1").status == 409


def test_rules_of_a_namespace_hold_at_once_and_a_repository_shows_them(hub: Inside) -> None:
    persona = Persona(hub, "ml-maintainer")
    assert persona.post("/n/ml/-/settings", do="keep", tags="v*", pushed_days="30", pulled_days="9").status == 303
    assert "holds in place of these" in persona.get(SETTINGS).text
    own = persona.post(SETTINGS, do="keep", last="2", seen="yes")
    assert own.status == 303
    governed = hub.registry.governed(MAINTAINER, NAME)
    assert governed.plan([]).scope == "ml"
    assert [str(rule) for rule in governed.retention().rules] == [str(KeepRule(last=2))]  # type: ignore[union-attr]


def test_repository_is_deleted_by_its_name_and_comes_back(hub: Inside) -> None:
    persona = Persona(hub, "ml-maintainer")
    for typed in ("", "ml/other", HOSTILE):
        answer = persona.post(SETTINGS, do="delete", typed=typed)
        assert (answer.status, "nothing was changed" in answer.text) == (400, True)
        assert '<details class="sure" open>' in answer.text
    done = persona.post(SETTINGS, do="delete", typed=NAME)
    assert done.headers["location"] == f"{TRASH}?done=deleted"
    assert persona.get(SETTINGS).status == 404
    gone = persona.get(done.headers["location"])
    assert "restoring brings it back" in gone.text
    assert TRASH in persona.get("/n/ml/-/settings").page.links()
    entry = gone.page.all("input", name="entry")[0]["value"]
    assert Persona(hub, "ml-writer").post(TRASH, do="restore", entry=entry).status == 403
    assert Persona(hub, "eve").post(TRASH, do="restore", entry=entry).status == 404
    assert persona.post(TRASH, do="restore", entry=entry).status == 303
    assert persona.get(SETTINGS).status == 200
    persona.post(SETTINGS, do="delete", typed=NAME)
    entry = persona.get(TRASH).page.all("input", name="entry")[0]["value"]
    assert persona.post(TRASH, do="purge", entry=entry).status == 303
    assert "The trash is empty" in persona.get(TRASH).text
    assert persona.post(TRASH, do="restore", entry=entry).status == 404


@pytest.mark.parametrize("path", ["/r/ML/-/settings", "/r/ml/-/x/-/settings", "/n/-x/-/settings", "/n/a..b/-/robots"])
def test_names_that_can_be_none_are_not_found(still: Inside, path: str) -> None:
    assert Persona(still, "root").get(path).status == 404


def test_file_of_a_version_is_not_taken_for_settings(still: Inside) -> None:
    answer = Persona(still, "root").get(f"/r/{NAME}:v1/files/x/-/settings")
    assert "Who reads it" not in answer.text


# Namespaces and teams ---------------------------------------------------------------------------------------------


def test_owner_opens_gives_away_and_deletes_a_namespace(hub: Inside) -> None:
    path = "/n/ops/-/settings"
    owner = Persona(hub, "ops-owner")
    assert owner.post(path, do="visibility", visibility="").status == 400
    assert owner.post(path, do="visibility", visibility="public").status == 303
    assert hub.people.namespaces.get("ops").visibility is Visibility.PUBLIC
    assert owner.post(path, do="delete", typed="oops").status == 400
    assert owner.post(path, do="give", kind="team", name="ops").headers["location"] == f"{path}?done=given"
    assert owner.post(path, do="give", kind="user", name="eve").headers["location"] == "/account?done=given"
    assert owner.get(path).status == 404
    eve = Persona(hub, "eve")
    assert eve.post(path, do="delete", typed="ops").headers["location"] == "/account?done=namespace-deleted"
    assert Persona(hub, "ml-owner").post("/n/ml/-/settings", do="delete", typed="ml").status == 409


def test_administrator_is_led_to_make_a_namespace_that_nobody_owns(hub: Inside) -> None:
    root = Persona(hub, "root")
    assert "/account/new/namespace?name=fresh" in root.get("/n/fresh/-/settings").page.links()
    assert root.get("/account/new/namespace?name=fresh").page.all("input", id="name", value="fresh")
    made = root.post("/account/new/namespace", do="namespace", name="fresh", owner="user:root", visibility="public")
    assert made.headers["location"] == "/n/fresh/-/settings?done=namespace-made"
    assert root.get(made.headers["location"]).status == 200
    for wrong in ({"name": "Fresh"}, {"name": "ml"}, {"owner": "team:none"}, {"owner": HOSTILE}):
        fields = {"name": "other", "owner": "user:root", "visibility": "private", **wrong}
        answer = root.post("/account/new/namespace", do="namespace", **fields)
        assert answer.status in {400, 404, 409}
        assert "<script>alert" not in answer.text


def test_teams_are_made_by_administrators_and_changed_by_their_owners(hub: Inside) -> None:
    root, eve = Persona(hub, "root"), Persona(hub, "eve")
    for path, name in (("/account/new/team", "team"), ("/account/new/namespace", "namespace")):
        assert eve.get(path).status == 403
        assert eve.post(path, do=name, name="mine", owner="user:eve").status == 403
    made = root.post("/account/new/team", do="team", name="crew")
    assert made.headers["location"] == "/account/teams/crew?done=team-made"
    crew = "/account/teams/crew"
    assert eve.get(crew).status == 404
    assert root.post(crew, do="member", user="eve", role="reader").status == 303
    assert eve.get(crew).status == 200
    assert eve.post(crew, do="member", user="eve", role="owner").status == 403
    assert eve.post(crew, do="remove", user="root").status == 403
    assert eve.post(crew, do="delete", typed="crew").status == 403
    assert root.post(crew, do="member", user=HOSTILE, role="reader").status == 400
    assert root.post(crew, do="remove", user="eve").headers["location"] == f"{crew}?done=member"
    assert root.post(crew, do="remove", user="eve").status == 404
    assert root.post(crew, do="delete", typed="no").status == 400
    assert root.post(crew, do="delete", typed="crew").headers["location"] == "/account?done=team-deleted"


def test_everybody_makes_teams_where_the_hub_is_set_so(make_hub: MakeHub) -> None:
    hub = furnished(make_hub(people=firm))
    hub.people.authority._self_service = True  # noqa: SLF001 -- a hub inside a test has no settings
    eve = Persona(hub, "eve")
    assert eve.post("/account/new/team", do="team", name="eves").status == 303
    fields = {"name": "eve-models", "owner": "team:eves", "visibility": "private"}
    assert eve.post("/account/new/namespace", do="namespace", **fields).status == 303
    assert hub.people.namespaces.get("eve-models").owner == Party.team(Name("eves"))
    assert eve.post("/account/new/namespace", do="namespace", name="x", owner="user:root").status == 403


@pytest.mark.parametrize("path", ["/welcome/secret", "/welcome/secret/more"])
def test_invitations_do_not_stand_in_the_log(still: Inside, path: str, caplog: pytest.LogCaptureFixture) -> None:
    usual = still.app
    still.app = Watched(usual, Meters(), log_all=True)
    with caplog.at_level(logging.INFO, LOGGER):
        assert Persona(still, None).get(path).status == 404
    still.app = usual
    (record,) = caplog.records
    assert vars(record)["orchard"]["path"] == "/welcome/..."


# Setting a hub up -------------------------------------------------------------------------------------------------


def test_new_hub_tells_its_administrator_what_is_left(make_hub: MakeHub) -> None:
    hub = make_hub(people=lambda people: people.users.create(OPERATOR, Name("admin"), password="made", site_admin=True))
    furnish(hub, Settings(data=Path("/srv/orchard"), host="0.0.0.0"))  # noqa: S104 -- for others
    admin = Persona(hub, "admin")
    assert "Set up" in admin.get("/").text
    shown = admin.get("/setup")
    assert "5 things left to do" in shown.text
    assert "printed in a terminal" in shown.text
    made = admin.post("/setup", do="invite", name="ana")
    link = secret_of(made).partition("http://127.0.0.1:5000")[2]
    assert link.startswith("/welcome/")
    ana = Persona(hub, None)
    assert "ana" in ana.get(link).page.all("input", id="username")[0]["value"]
    assert ana.get(link).headers["cache-control"] == "no-store"
    assert ana.post(link, password="a", again="b").status == 400
    assert "at least 8 characters" in ana.post(link, password="short", again="short").text
    welcome = ana.post(link, password="own words", again="own words")
    ana.session = welcome.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert ana.get("/setup").status == 403
    assert "Set up" not in ana.get("/").text
    assert ana.post("/setup", do="invite", name="eve", site_admin="on").status == 403
    assert ana.post("/setup", do="leave").status == 403
    assert "4 things left" in admin.get("/setup").text
    assert admin.post("/setup", do="invite", name="ana").status == 409
    assert admin.post("/setup", do="invite", name=HOSTILE).status == 400
    assert admin.post("/setup", do="leave").headers["location"] == "/setup?done=left"
    assert "Set up" not in admin.get("/").text
    assert admin.get("/setup").status == 200


def test_hub_that_is_set_up_reminds_nobody(make_hub: MakeHub) -> None:
    hub = furnished(make_hub(people=firm), url="https://hub.example.com")
    root = Persona(hub, "root")
    assert "Set up" not in root.get("/").text
    assert "Everything is done" in root.get("/setup").text
