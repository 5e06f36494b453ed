"""Logging in by a browser, and by a CI job: a running hub, a real provider (docs/hub-single-sign-on.md)."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from orchard.hub.http.cookies import cookie, read_cookie
from orchard.hub.http.pages.signing import local, login_url
from support.cli import Program
from support.hubs import Answer, Hub, basic, running_hub
from support.oidc import SECRET, Provider, oidc_provider
from support.projects import make_project

PASSWORD = "only for this test"
ADMIN = basic("admin", PASSWORD)
FORM = {"content-type": "application/x-www-form-urlencoded"}
JOB = {"sub": "repo:acme/models:ref:refs/heads/main", "repository": "acme/models", "preferred_username": None}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with oidc_provider() as running:
        yield running


@pytest.fixture(scope="module")
def hub(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    oidc = [{"name": "Our Company", "issuer": provider.url, "client-id": "orchard", "client-secret": SECRET}]
    settings = {"login": "required", "admin_password": PASSWORD, "oidc": oidc, "egress_allow": ["http://127.0.0.1:*"]}
    with running_hub(tmp_path_factory.mktemp("hub"), **settings) as running:
        yield running


class Browser:
    """Keeps cookies, follows nothing by itself."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.cookies: dict[str, str] = {}
        self.flags = ""

    def get(self, target: str, **headers: str) -> Answer:
        return self.send("GET", target, headers={"accept": "text/html", **headers})

    def post(self, target: str, *, origin: str | None = "", **fields: str) -> Answer:
        here = f"http://{self._hub.host}" if origin == "" else origin
        said = {} if here is None else {"origin": here}
        return self.send("POST", target, urlencode(fields).encode(), {**FORM, **said})

    def send(self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        kept = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        connection = HTTPConnection(self._hub.host)
        try:
            connection.request(method, target, body or None, {**kept, **(headers or {})})
            response = connection.getresponse()
            for line in response.headers.get_all("set-cookie") or ():
                pair, _, self.flags = line.partition("; ")
                name, _, value = pair.partition("=")
                self.cookies[name] = value
                if not value:
                    del self.cookies[name]
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()


@pytest.fixture
def browser(hub: Hub) -> Browser:
    return Browser(hub)


# With a password --------------------------------------------------------------------------------------------------


def is_stranger(answer: Answer) -> bool:
    return answer.status == 200 and b">Log out<" not in answer.body and b'href="/login"' in answer.body


def test_visitor_is_led_to_the_form_and_back_to_the_page(browser: Browser) -> None:
    hidden = browser.get("/r/acme/models?page=2")
    assert hidden.status == 404
    assert b"There is no repository acme/models that you can see." in hidden.body
    there = "/login?next=%2Fr%2Facme%2Fmodels%3Fpage%3D2"
    assert f'href="{there}"'.encode() in hidden.body
    form = browser.get(there)
    assert form.status == 200
    assert b'href="/login/our-company?next=%2Fr%2Facme%2Fmodels%3Fpage%3D2"' in form.body
    done = browser.post(there, name="admin", password=PASSWORD)
    assert (done.status, done.headers["location"]) == (303, "/r/acme/models?page=2")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(browser.flags.split("; "))
    home = browser.get("/")
    assert home.status == 200
    assert b"Log out" in home.body
    assert b">admin<" in home.body


def test_wrong_password_is_told_without_saying_which_part_is_wrong(browser: Browser) -> None:
    bodies = []
    for name in ("admin", "nobody"):
        answer = browser.post("/login", name=name, password="wrong")
        assert answer.status == 401
        bodies.append(answer.body.replace(name.encode(), b""))
    assert bodies[0] == bodies[1]
    assert b"No account has this name and this password" in bodies[0]
    assert browser.cookies == {}


def test_logging_out_ends_the_session_at_the_hub_too(browser: Browser) -> None:
    browser.post("/login", name="admin", password=PASSWORD)
    stolen = dict(browser.cookies)
    assert browser.post("/logout").status == 303
    assert browser.cookies == {}
    browser.cookies = stolen
    assert is_stranger(browser.get("/"))


def test_login_gives_a_new_session_and_ends_the_one_before(browser: Browser, hub: Hub) -> None:
    browser.post("/login", name="admin", password=PASSWORD)
    first = dict(browser.cookies)
    browser.post("/login", name="admin", password=PASSWORD)
    assert browser.cookies != first
    planted = Browser(hub)
    planted.cookies = first
    assert is_stranger(planted.get("/"))


def test_session_of_an_attackers_choice_is_not_taken(browser: Browser) -> None:
    browser.cookies = {"orchard": "chosen"}
    browser.post("/login", name="admin", password=PASSWORD)
    assert browser.cookies["orchard"] != "chosen"


@pytest.mark.parametrize("target", ["/login", "/logout", "/welcome/x"])
def test_page_of_another_site_cannot_log_anybody_in_or_out(browser: Browser, target: str) -> None:
    for origin in ("https://evil.example.com", "null"):
        assert browser.post(target, origin=origin, name="admin", password=PASSWORD).status == 403


def test_program_logs_in_with_a_token_and_not_with_a_session(browser: Browser, hub: Hub) -> None:
    browser.post("/login", name="admin", password=PASSWORD)
    assert browser.get("/api/v1/whoami").json["name"] == "admin"
    body = {"content-type": "application/json"}
    made = browser.send("POST", "/api/v1/users", b'{"name": "made-by-nobody"}', body)
    assert made.status == 403
    assert browser.send("GET", "/v2/").status == 401
    same = {**body, "origin": f"http://{hub.host}"}
    assert browser.send("POST", "/api/v1/users", b'{"name": "made-by-a-page"}', same).status == 201


def test_token_opens_no_session(browser: Browser, hub: Hub) -> None:
    wanted = b'{"name": "laptop", "scopes": ["pull"]}'
    login = {"authorization": ADMIN, "content-type": "application/json"}
    secret = hub.request("POST", "/api/v1/users/admin/tokens", wanted, login).json["secret"]
    assert browser.post("/login", name="admin", password=secret).status == 401


def test_invited_person_chooses_a_password_once(browser: Browser, hub: Hub) -> None:
    login = {"authorization": ADMIN, "content-type": "application/json"}
    hub.request("POST", "/api/v1/users", b'{"name": "bea"}', login)
    answer = hub.request("POST", "/api/v1/users/bea/invitations", headers=login)
    assert answer.status == 201, answer
    path = f"/welcome/{answer.json['secret']}"
    assert b"Choose a password" in browser.get(path).body
    assert b"not the same" in browser.post(path, password="a", again="b").body
    assert browser.post(path, password="good enough", again="good enough").status == 303
    assert b">bea<" in browser.get("/").body
    assert browser.post(path, password="another", again="another").status == 404


@pytest.mark.parametrize(
    "onward",
    [
        "//evil.example.com",
        "https://evil.example.com",
        "/\\evil.example.com",
        "\\\\evil",
        "javascript:x",
        "",
        "/a\nb",
        "/\tx",
    ],
)
def test_login_leads_nowhere_else(browser: Browser, onward: str) -> None:
    answer = browser.post("/login?" + urlencode({"next": onward}), name="admin", password=PASSWORD)
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert local(onward) == "/"
    assert login_url("/") == "/login"


def test_large_and_strange_forms_are_refused(browser: Browser) -> None:
    assert browser.post("/login", name="x" * 20_000).status in {400, 413}
    many = browser.send("POST", "/login", b"a=1&" * 100, FORM)
    assert many.status == 400
    assert browser.send("POST", "/login", b"name=%ff", FORM).status in {400, 401}


def test_cookies_are_ours_alone_over_https() -> None:
    written = cookie("orchard", "secret", secure=True, seconds=60)
    assert written == "__Host-orchard=secret; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60"
    assert cookie("orchard", "", secure=False) == "orchard=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
    planted = {b"cookie": b"orchard=planted"}
    assert read_cookie(planted, "orchard", secure=True) is None
    assert read_cookie(planted, "orchard", secure=False) == "planted"
    both = {b"cookie": b"a=b; __Host-orchard=secret; orchard=other"}
    assert read_cookie(both, "orchard", secure=True) == "secret"
    assert read_cookie(both, "orchard", secure=False) == "secret"
    assert read_cookie({b"cookie": b"orchard=" + b"x" * 20_000}, "orchard", secure=False) is None
    assert read_cookie({b"cookie": b"\xff\xfe=;;;"}, "orchard", secure=False) is None
    assert read_cookie({}, "orchard", secure=True) is None


def test_session_that_another_host_planted_is_not_taken_over_https(browser: Browser) -> None:
    browser.post("/login", name="admin", password=PASSWORD)
    assert browser.get("/").status == 200
    assert is_stranger(browser.get("/", **{"x-forwarded-proto": "https"}))


# At another place -------------------------------------------------------------------------------------------------


def go_there_and_back(browser: Browser, provider: Provider) -> Answer:
    away = browser.get("/login/our-company?next=%2Fr%2Facme%2Fmodels")
    assert away.status == 303
    code, state = provider.approve(away.headers["location"])
    return browser.get("/login/our-company/callback?" + urlencode({"code": code, "state": state}))


def test_somebody_whom_the_company_knows_comes_in(browser: Browser, provider: Provider) -> None:
    provider.user = {"sub": "7", "preferred_username": "Carla"}
    back = go_there_and_back(browser, provider)
    assert (back.status, back.headers["location"]) == (303, "/r/acme/models")
    assert set(browser.cookies) == {"orchard"}
    assert b">carla<" in browser.get("/").body


def test_callback_without_its_beginning_is_refused(browser: Browser, hub: Hub, provider: Provider) -> None:
    other = Browser(hub)
    away = other.get("/login/our-company")
    code, state = provider.approve(away.headers["location"])
    planted = browser.get("/login/our-company/callback?" + urlencode({"code": code, "state": state}))
    assert planted.status == 403
    assert browser.cookies == {}


def test_refusal_of_the_other_place_is_told_and_escaped(browser: Browser) -> None:
    said = {"error": "access_denied", "error_description": "<script>alert(1)</script>"}
    answer = browser.get("/login/our-company/callback?" + urlencode(said))
    assert answer.status == 401
    assert b"<script>alert" not in answer.body
    assert b"did not let you in" in answer.body


def test_place_that_is_unknown_is_told(browser: Browser) -> None:
    assert browser.get("/login/elsewhere").status == 404


# CI jobs ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "home")


@pytest.fixture(scope="module")
def trusted(hub: Hub, provider: Provider) -> str:
    login = {"authorization": ADMIN, "content-type": "application/json"}
    hub.request("POST", "/api/v1/namespaces", b'{"name": "acme", "owner": "user:admin"}', login)
    claims = {"repository": "acme/models"}
    wanted = {"name": "release", "issuer": provider.url, "claims": claims, "scopes": ["pull", "push"]}
    made = hub.request("POST", "/api/v1/namespaces/acme/trusts", json.dumps(wanted).encode(), login)
    assert made.status == 201, made
    return str(hub.get("/api/v1/ci").json["audience"])


def test_job_pushes_without_a_stored_secret(
    hub: Hub, provider: Provider, trusted: str, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.user = {}
    project = make_project(tmp_path / "project")
    monkeypatch.setenv("ORCHARD_ID_TOKEN", provider.token(trusted, **JOB))
    assert program.ok("login", hub.host, "--ci", "--plain-http").stdout == "Log in successful\n"
    reference = f"{hub.host}/acme/models:v1"
    program.ok("pack", project, "-t", reference)
    program.ok("push", reference, "--plain-http")
    refused = program("push", reference, f"{hub.host}/admin/models:v1", "--plain-http")
    assert refused.code == 4


@pytest.mark.parametrize(
    ("claims", "said"),
    [({"repository": "evil/models"}, "no trust of this hub fits"), ({"aud": "other"}, "not meant for")],
)
def test_job_that_is_not_trusted_is_told_why(
    hub: Hub,
    provider: Provider,
    trusted: str,
    program: Program,
    monkeypatch: pytest.MonkeyPatch,
    claims: dict[str, str],
    said: str,
) -> None:
    monkeypatch.setenv("ORCHARD_ID_TOKEN", provider.token(trusted, **{**JOB, **claims}))
    ran = program("login", hub.host, "--ci", "--plain-http")
    assert ran.code == 4
    assert said in ran.complaint


def test_machine_that_is_no_job_is_told_what_is_missing(hub: Hub, program: Program) -> None:
    ran = program("login", hub.host, "--ci", "--plain-http")
    assert ran.code == 2
    assert "ORCHARD_ID_TOKEN" in ran.complaint
    assert program("login", hub.host, "--ci", "-u", "x").code == 2
    assert program("login", hub.host, "--trust", "a/b").code == 2


def test_api_shows_trusts_to_owners_alone(hub: Hub, trusted: str) -> None:
    assert trusted == "orchard"
    shown = hub.get("/api/v1/namespaces/acme/trusts/release", authorization=ADMIN).json
    assert (shown["claims"], shown["repositories"]) == ({"repository": "acme/models"}, ["acme/**"])
    assert hub.get("/api/v1/namespaces/acme/trusts").status == 401
    gone = hub.request("DELETE", "/api/v1/namespaces/acme/trusts/absent", headers={"authorization": ADMIN})
    assert gone.status == 404
