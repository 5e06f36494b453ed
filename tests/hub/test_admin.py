"""``orchard hub admin``: a hub looked after from its own machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchard.hub import Settings, open_desk
from support.admins import Admin, Fails, make_admin, make_data, make_fails
from support.hubinside import Inside
from support.hubs import Nursery, basic
from support.versions import bring, plain_artifact

__all__ = ["make_admin", "make_data", "make_fails"]
PASSWORD = "correct horse: battery staple"


def test_accounts_are_made_changed_and_removed(admin: Admin, data: Path) -> None:
    made = admin("user", "add", "ana", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert (made["name"], made["siteAdmin"], made["hasPassword"]) == ("ana", False, True)
    admin("user", "add", "root", "--site-admin", "--no-password")
    with open_desk(Settings(data=data)) as desk:
        assert desk.people.users.verify("ana", PASSWORD)
    assert admin("user", "disable", "ana")["disabled"] is True
    assert admin("user", "enable", "ana")["disabled"] is False
    assert admin("user", "admin", "ana")["siteAdmin"] is True
    assert admin("user", "admin", "ana", "--revoke")["siteAdmin"] is False
    assert admin("user", "password", "root", "--password-stdin", stdin="new")["hasPassword"] is True
    bound = admin("user", "bind", "ana", "https://id.example.com", "1001")
    assert bound == {"user": "ana", "issuer": "https://id.example.com", "subject": "1001"}
    invited = admin("user", "invite", "ana")
    secret = invited["secret"]
    assert invited["link"] == f"/welcome/{secret}"
    with open_desk(Settings(data=data)) as desk:
        assert desk.people.invitations.accept(secret, "chosen") == "ana"
    assert [one["name"] for one in admin("user", "list")] == ["ana", "root"]
    admin("user", "remove", "ana")
    assert admin("user", "list", text=True).splitlines()[1].split()[:4] == ["root", "yes", "no", "yes"]


def test_teams_own_namespaces_and_are_given_roles(admin: Admin) -> None:
    admin("user", "add", "root", "--site-admin", "--no-password")
    admin("user", "add", "ana", "--no-password")
    assert admin("team", "add", "research", "--owner", "ana")["members"] == [{"user": "ana", "role": "owner"}]
    admin("team", "join", "research", "root", "--role", "reader")
    assert [one["name"] for one in admin("team", "list")] == ["research"]
    made = admin("namespace", "add", "vision", "--owner", "team:research", "--public")
    assert made == {"name": "vision", "owner": "team:research", "visibility": "public"}
    assert admin("namespace", "visibility", "vision", "private")["visibility"] == "private"
    assert [one["name"] for one in admin("namespace", "list")] == ["ana", "root", "vision"]
    expected = {"party": "team:research", "target": "ana/model", "role": "reader"}
    assert admin("grant", "team:research", "ana/model", "reader") == expected
    assert admin("access") == [expected]
    assert admin("access", "--namespace", "vision") == []
    assert admin("access", "--party", "team:research") == [expected]
    admin("revoke", "team:research", "ana/model")
    assert admin("access") == []
    assert admin("namespace", "give", "vision", "nobody")["owner"] is None
    admin("namespace", "remove", "vision")
    assert admin("team", "leave", "research", "root")["members"] == [{"user": "ana", "role": "owner"}]
    assert "research   ana      owner" in admin("team", "list", text=True)
    admin("team", "remove", "research")


def test_tokens_are_made_listed_and_revoked(admin: Admin, data: Path) -> None:
    admin("user", "add", "ana", "--no-password")
    made = admin("token", "create", "ana", "laptop", "--scope", "pull, push", "--days", "90")
    assert (made["owner"], made["scopes"], made["repositories"]) == ("ana", ["pull", "push"], ["**"])
    robot = admin("token", "create", "ana", "ci", "--robot", "--repository", "ana/x*")
    assert (robot["name"], robot["repositories"]) == ("ana+ci", ["ana/x*"])
    with open_desk(Settings(data=data)) as desk:
        assert desk.people.tokens.find(made["secret"]) is not None
    assert [one["id"] for one in admin("token", "list", "ana")] == [made["id"]]
    assert [one["id"] for one in admin("token", "list", "ana", "--robot")] == [robot["id"]]
    assert admin("token", "revoke", made["id"])["revokedAt"] is not None
    assert admin("token", "create", "ana", "other", text=True).startswith("orch_")


def test_repositories_are_looked_after(admin: Admin, data: Path, hubs: Nursery) -> None:
    with hubs.hub(data) as hub:
        hub.push_image("ana/model", "v1", b"data")
        hub.push_image("vision/other", "v1")
    assert [one["name"] for one in admin("repository", "list", "--filter", "ana/")] == ["ana/model"]
    assert "vision/other" in admin("repository", "list", text=True)
    assert admin("repository", "visibility", "ana/model", "public") == {"name": "ana/model", "visibility": "public"}
    assert admin("repository", "visibility", "ana/model", "namespace")["visibility"] is None
    assert admin("repository", "remove", "ana/model") == {"name": "ana/model"}
    assert [one["name"] for one in admin("repository", "list")] == ["vision/other"]


def test_running_hub_learns_of_changes_and_keeps_what_it_remembers(
    admin: Admin, data: Path, hubs: Nursery, fails: Fails
) -> None:
    with hubs.hub(data, login="required", admin_password="first") as hub:
        admin("user", "add", "ana", "--password-stdin", stdin="secret")
        hub.authorization = basic("ana", "secret")
        assert hub.push_image("ana/model", "v1")
        code, said = fails("repository", "remove", "ana/model")
        assert (code, "stop the hub first" in said) == (8, True)
        assert hub.get("/v2/ana/model/manifests/v1").status == 200


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("user", "add", "Ana", "--no-password"), 7, "is not an account name"),
        (("user", "add", "ana"), 2, "--password-stdin"),
        (("user", "add", "ana", "--password-stdin"), 2, "is empty"),
        (("user", "password", "ana", "--password-stdin"), 3, "there is no account ana"),
        (("user", "remove", "ana"), 3, "there is no account ana"),
        (("team", "add", "art", "--owner", "ana"), 3, "there is no account ana"),
        (("namespace", "add", "art", "--owner", "robot:ana"), 7, "neither user:NAME nor team:NAME"),
        (("grant", "ana", "art/x", "reader"), 3, "there is no user ana"),
        (("grant", "ana", "art/x", "king"), 2, "king"),
        (("access", "--namespace", "a", "--party", "b"), 2, "one of them"),
        (("token", "list", "ana"), 3, "there is no account ana"),
        (("token", "revoke", ""), 2, "token list"),
        (("token", "create", "ana", "x", "--scope", "everything"), 7, "is not a scope"),
        (("token", "create", "ana", "x", "--repository", "//"), 7, "is not a pattern"),
        (("repository", "visibility", "a/b", "public"), 3, "there is no repository a/b"),
        (("repository", "remove", "a/b"), 3, "a/b"),
        (("--data", "/nowhere", "user", "list"), 3, "is not the data directory of a hub"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistake_is_told_in_words(data: Path, fails: Fails, words: tuple[str, ...], code: int, message: str) -> None:
    assert data.is_dir()
    found, said = fails(*words)
    assert (found, message in said) == (code, True), said


# Pages ------------------------------------------------------------------------------------------------------------

DOCS = Path(__file__).parents[2] / "docs"


def shell(script: str, home: Path) -> str:
    """Run what a page shows in a shell."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    environ = {**os.environ, "PATH": path, "ORCHARD_HOME": str(home)}
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def blocks(page: str) -> str:
    (block,) = re.findall(r"^```sh\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    return str(block)


@pytest.mark.timeout(300)  # it runs the program fifteen times
def test_what_the_page_about_looking_after_a_hub_shows_works(data: Path) -> None:
    said = shell(blocks("hub-admin.md"), data.parent)
    assert "ben    no      no         no" in said
    assert "vision+ci" in said


@pytest.mark.peer("curl")
def test_what_the_page_about_the_api_shows_works(data: Path, hubs: Nursery) -> None:
    with hubs.hub(data) as hub:
        hub.push_image("demo/digits", "v1", b"data")
        said = shell(blocks("hub-api.md").replace("localhost:8080", hub.host), data.parent)
    assert said.count('"name":"demo/digits"') == 2
    assert said.count('"updatedBy":"anonymous"') == 2


def test_understanding_is_shown_and_repeated(admin: Admin, fails: Fails, data: Path) -> None:
    assert admin("understand") == {"states": {}, "pending": 0, "unhashed": 0, "asked": 0, "version": None}
    hub = Inside(data, fresh=False)
    digest = str(bring(hub, "team/model", "v1", plain_artifact(("text/plain", b"x", {}))))
    hub.database.close()
    assert admin("understand")["pending"] == 1
    found = admin("understand", "team/model:v1")["version"]
    assert (found["digest"], found["state"], found["gaps"]) == (digest, "waiting", [])
    assert "waiting" in admin("understand", f"team/model@{digest}", text=True)
    assert admin("understand", "team/model", "--again")["asked"] == 1
    assert admin("understand", "--again", "--all")["asked"] == 0
    assert "Pending: 1" in admin("understand", text=True)
    for words in (["--again"], ["--all"], ["team/model", "--again", "--all"], ["team/model"]):
        assert fails("understand", *words)[0] == 2
    assert "team/none" in fails("understand", "team/none:v1")[1]
