"""Tricks with a visitor's browser, and what is sent along with every page."""

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from orchard.errors import OrchardError
from orchard.hub.http import Site, is_loopback
from support.hubinside import Inside, MakeHub, NamedDoor

LOOPBACK = ["127.0.0.1", "127.0.0.1:5000", "127.8.9.1:80", "localhost", "LocalHost:5000", "[::1]", "[::1]:5000"]
FOREIGN = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:5000", "192.0.2.1", "[2001:db8::1]:5000"]
MALFORMED = ["", "127.0.0.1:x", "127.0.0.1:", "[::1", "[::1]x", "::1", "127.0.0.1:80@evil.example", "127.1", "0x7f.1"]


@pytest.mark.parametrize("host", LOOPBACK)
def test_open_hub_answers_to_names_of_its_own_machine(hub: Inside, host: str) -> None:
    assert hub.get("/v2/", host=host).status == 200
    assert hub.get("/v2/", host=host).status == 200


@pytest.mark.parametrize("host", FOREIGN + MALFORMED)
@pytest.mark.parametrize("path", ["/v2/", "/v2/_catalog", "/"])
def test_open_hub_refuses_other_names(hub: Inside, host: str, path: str) -> None:
    answer = hub.get(path, host=host)
    assert answer.status == 403
    assert b"http://127.0.0.1" in answer.body


def test_open_hub_remembers_few_hosts(hub: Inside) -> None:
    for number in range(300):
        assert hub.get("/v2/", host=f"name{number}.example").status == 403
    assert hub.get("/v2/", host="localhost").status == 200


CROSS = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:8000"},
    {"origin": "http://localhost:5000"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]


@pytest.mark.parametrize("headers", CROSS, ids=str)
@pytest.mark.parametrize("login", [False, True], ids=["open", "login"])
def test_request_that_changes_something_is_refused_from_another_site(
    make_hub: MakeHub, headers: dict[str, str], *, login: bool
) -> None:
    hub = make_hub(access=(lambda _: NamedDoor()) if login else None)
    target = "/v2/team/model/blobs/uploads/"
    assert hub.request("POST", target, headers={**headers, "authorization": "ana"}).status == 403
    assert hub.request("GET", "/v2/", headers={**headers, "authorization": "ana"}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:5000"},
        {"origin": "http://127.0.0.1:5000", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
    ids=str,
)
def test_request_of_the_same_site_or_of_no_browser_passes(hub: Inside, headers: dict[str, str]) -> None:
    assert hub.request("POST", "/v2/team/model/blobs/uploads/", headers=headers).status == 202


@pytest.mark.parametrize(
    ("name", "expected"),
    [("localhost", True), ("127.0.0.1", True), ("::1", True), ("192.0.2.1", False), ("::", False), ("example", False)],
)
def test_only_addresses_of_this_machine_are_loopback(name: str, *, expected: bool) -> None:
    assert is_loopback(name) is expected


# Pages ------------------------------------------------------------------------------------------------------------


def hello(request: Request) -> Response:
    return PlainTextResponse(f"hello {request.state.who.name}")


def style(request: Request) -> Response:
    return PlainTextResponse(request.url.path, headers={"referrer-policy": "origin"})


def problem(request: Request, error: OrchardError) -> Response:
    return PlainTextResponse(f"{request.url.path}: {error}", 403)


SITE = Site(routes=[Route("/", hello), Route("/static/a.css", style)], problem=problem, public=("/static/",))


@pytest.mark.parametrize("path", ["/", "/static/a.css", "/nothing"])
def test_every_page_is_sent_with_headers_that_keep_a_browser_safe(make_hub: MakeHub, path: str) -> None:
    headers = make_hub(site=SITE).get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == ("origin" if path.startswith("/static/") else "no-referrer")


def test_page_knows_who_asks(make_hub: MakeHub) -> None:
    assert make_hub(site=SITE).get("/").body == b"hello anonymous"
    hub = make_hub(site=SITE, access=lambda _: NamedDoor())
    assert hub.get("/", authorization="ana").body == b"hello ana"


def test_site_says_why_somebody_may_not_come_in(make_hub: MakeHub) -> None:
    answer = make_hub(site=SITE).get("/", host="evil.example")
    assert answer.status == 403
    assert answer.body.startswith(b"/: this hub is open to its own machine only")


def test_public_parts_of_the_site_are_for_everybody(make_hub: MakeHub) -> None:
    assert make_hub(site=SITE).get("/static/a.css", host="evil.example").body == b"/static/a.css"
