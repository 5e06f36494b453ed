"""Sections of the site: who comes to their pages, and how their forms are taken."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from orchard.errors import DeniedError, NotFoundError
from orchard.hub.access import Kind, OpenDoor, Principal
from orchard.hub.http import Guard, Site, build_app
from orchard.hub.http.meters import Meters
from orchard.hub.http.pages import Door, Link, Pages
from orchard.hub.http.pages.forms import Form, onward
from orchard.hub.http.pages.rendering import Renderer
from orchard.hub.http.watched import Watched
from support.hubs import Inside, MakeHub
from support.webpage import Answer

BASKET = "application/x-www-form-urlencoded"


class Orchard:
    """Apples for whoever has a name."""

    def __init__(self) -> None:
        self.basket: list[str] = []

    def links(self, who: Principal) -> Sequence[Link]:
        return [Link("Apples", "/apples")] if who.kind is Kind.ANONYMOUS else []

    def doors(self, renderer: Renderer) -> Sequence[Door]:
        del renderer
        return [
            Door("/apples", self.show, self.pick),
            Door("/apples/worm", self.rot),
            Door("/apples/{sort}", self.refuse),
        ]

    def rot(self, request: Request, who: Principal) -> Response:
        raise ZeroDivisionError(f"{who.name} bit into {request.url.path}")

    def show(self, request: Request, who: Principal) -> Response:
        del request, who
        return PlainTextResponse(",".join(self.basket))

    def pick(self, request: Request, who: Principal, form: Form) -> Response:
        del request, who
        if not form.ticked("ripe"):
            raise NotFoundError("there is no ripe apple")
        self.basket += [form.word("sort"), form.text("sort"), *form.all("more"), form.text("none")]
        return onward("/apples")

    def refuse(self, request: Request, who: Principal) -> Response:
        del who
        raise DeniedError(f"no {request.path_params['sort']} for you")


@pytest.fixture(name="hub")
def _hub(make_hub: MakeHub) -> Inside:
    hub = make_hub()
    pages = Pages(hub.registry, now=lambda: datetime.fromtimestamp(0, UTC), login=False, sections=[Orchard()])
    site = Site(routes=pages.routes(), problem=pages.problem, public=pages.public)
    guard = Guard(loopback_only=True)
    hub.app = build_app(hub.registry, OpenDoor(), hub.threads, guard=guard, site=site, timeout=5.0)
    return hub


def test_links_of_sections_stand_in_the_head_of_pages(hub: Inside) -> None:
    answer = hub.get("/")
    assert Answer(answer.status, dict(answer.headers), answer.body).page.all("a", href="/apples")


def test_form_is_taken_and_leads_to_the_page_that_shows_it(hub: Inside) -> None:
    taken = hub.request("POST", "/apples", b"ripe=&sort=+Boskop+&more=a&more=b", headers={"content-type": BASKET})
    assert (taken.status, taken.headers["location"]) == (303, "/apples")
    assert hub.get("/apples").body == b"Boskop, Boskop ,a,b,"


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (b"sort=Boskop", 404, b"There is no ripe apple."),
        (b"\xff", 400, b"The form cannot be read."),
        (b"&".join([b"a=b"] * 100), 400, b"The form cannot be read."),
        (b"a" * 20_000, 400, b"more than 16384 bytes"),
    ],
)
def test_form_that_cannot_be_taken_is_answered_with_a_page(hub: Inside, sent: bytes, status: int, said: bytes) -> None:
    answer = hub.request("POST", "/apples", sent, headers={"content-type": BASKET})
    assert answer.status == status
    assert said in answer.body


def test_page_of_another_site_cannot_send_forms(hub: Inside) -> None:
    answer = hub.request("POST", "/apples", b"ripe=", headers={"origin": "http://evil.example", "content-type": BASKET})
    assert answer.status == 403
    assert hub.get("/apples").body == b""


def test_page_that_somebody_may_not_see_says_so(hub: Inside) -> None:
    answer = hub.get("/apples/red")
    assert answer.status == 403
    assert b"No red for you." in answer.body


def test_error_that_nobody_foresaw_is_a_page_and_stands_in_the_log(
    hub: Inside, caplog: pytest.LogCaptureFixture
) -> None:
    hub.app = Watched(hub.app, Meters(), log_all=False)
    answer = hub.get("/apples/worm")

    assert answer.status == 500
    assert b"Something went wrong here" in answer.body
    (record, request) = [one for one in caplog.records if one.name == "orchard.hub"]
    assert record.exc_info is not None
    assert "anonymous bit into /apples/worm" in caplog.text
    assert request.getMessage() == "request"
