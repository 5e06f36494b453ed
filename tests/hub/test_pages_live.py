"""Regions of pages that are told when they have changed: what is said, to whom, for how long, and to how many."""

import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from orchard.errors import DeniedError, OrchardError
from orchard.hub.access import OpenDoor, Principal
from orchard.hub.http import Guard, Site, build_app
from orchard.hub.http.meters import Meters
from orchard.hub.http.pages import Door, Link, Live, Pages, State, Stream
from orchard.hub.http.pages.live import Pace
from orchard.hub.http.pages.rendering import Renderer
from orchard.hub.http.watched import Watched
from support.hubclient import Answer as Heard
from support.hubs import Inside, MakeHub, Nursery, read_all, send_head, wait_until
from support.pages import DIGITS, push
from support.webpage import Answer

HASTE = Pace(first=0, most=0)
WORK = ("one", "one", "two\n\n", "three")


@dataclass
class Kettle:
    """Something that goes on, a step further at each look, and has ended with its last."""

    steps: Sequence[str | Exception] = WORK
    looks: int = 0

    def links(self, who: Principal) -> Sequence[Link]:
        del who
        return []

    def doors(self, renderer: Renderer | None) -> Sequence[Door | Stream]:
        del renderer
        return [Stream("/live/kettle/{name}", self.look)]

    def look(self, request: Request, who: Principal) -> State:
        del request, who
        step = self.steps[min(self.looks, len(self.steps) - 1)]
        self.looks += 1
        if isinstance(step, Exception):
            raise step
        return State(step, ended=self.looks >= len(self.steps))


@dataclass
class Cookies(OpenDoor):
    """A door at which every session is Ana's, for as many requests as it lasts."""

    lasts: int = 1_000
    asked: list[str] = field(default_factory=list)

    def visit(self, session: str) -> Principal | None:
        self.asked.append(session)
        return Principal("ana") if len(self.asked) <= self.lasts else None

    def recall(self, authorization: bytes | None) -> Principal | None:
        if authorization is None:
            return None
        self.asked.append(authorization.decode())
        return Principal("bob") if len(self.asked) <= self.lasts else None

    def login(self, authorization: bytes | None, address: str) -> Principal:
        del authorization
        raise DeniedError(f"nobody at {address} comes in")


def refuse(request: Request, error: OrchardError) -> Response:
    del request
    return PlainTextResponse(str(error), 403)


def mount(hub: Inside, live: Live, kettle: Kettle, door: OpenDoor) -> Inside:
    """Let one thing be listened to, without the pages around it, which take a while to make."""
    site = Site(routes=[live.route(stream, refuse) for stream in kettle.doors(None) if isinstance(stream, Stream)])
    hub.app = build_app(hub.registry, door, hub.threads, guard=Guard(loopback_only=True), site=site, timeout=5.0)
    return hub


@pytest.fixture(name="heard")
def _heard(make_hub: MakeHub) -> Callable[..., Answer]:
    hub = make_hub()

    def heard(
        kettle: Kettle,
        query: str = "",
        *,
        pace: Pace = HASTE,
        live: Live | None = None,
        door: OpenDoor | None = None,
        method: str = "GET",
        **headers: str,
    ) -> Answer:
        mount(hub, live or Live(pace), kettle, door or OpenDoor())
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = hub.request(method, f"/live/kettle/blue{query}", headers=sent)
        return Answer(answer.status, dict(answer.headers), answer.body)

    return heard


def events(answer: Answer | Heard) -> list[tuple[str, str]]:
    """Read what was said as a browser would: what has happened, and the mark of it."""
    found = []
    for block in answer.body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if fields:
            assert "\ndata:" in block, "browsers pass events without data over"
            found.append((fields["event"], fields["id"]))
    return found


def test_each_change_is_told_once_and_the_end_at_last(heard: Callable[..., Answer]) -> None:
    assert events(heard(Kettle())) == [
        ("changed", "one"),
        ("changed", "two"),
        ("changed", "three"),
        ("ended", "three"),
    ]


@pytest.mark.parametrize(
    ("query", "headers"),
    [("?seen=one", {}), ("", {"last_event_id": "one"}), ("?seen=none", {"last_event_id": "one"})],
    ids=["by its page", "by what it heard", "by what it heard last"],
)
def test_what_somebody_knows_is_not_told_again(
    heard: Callable[..., Answer], query: str, headers: dict[str, str]
) -> None:
    assert events(heard(Kettle(), query, **headers))[0] == ("changed", "two")


def test_nothing_keeps_or_packs_what_is_told(heard: Callable[..., Answer]) -> None:
    answer = heard(Kettle(), accept_encoding="gzip")

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert {"content-encoding", "content-length"}.isdisjoint(answer.headers)


def test_head_is_answered_with_the_head(heard: Callable[..., Answer]) -> None:
    kettle = Kettle()
    answer = heard(kettle, method="HEAD")
    assert (answer.status, answer.body, kettle.looks) == (200, b"", 1)
    assert heard(Kettle(), method="POST").status == 405


def test_connection_on_which_nothing_happens_is_kept_open(heard: Callable[..., Answer]) -> None:
    pace = Pace(first=0, most=0, heartbeat=0)
    assert b": still here\n\n" in heard(Kettle(["one", "one", "one"]), pace=pace).body


def test_listener_is_sent_away_after_a_while(heard: Callable[..., Answer]) -> None:
    pace = Pace(first=0, most=0, whole=0)
    assert events(heard(Kettle(), pace=pace)) == [("changed", "one")]


def test_who_may_not_know_is_told_so(heard: Callable[..., Answer]) -> None:
    answer = heard(Kettle([DeniedError("not for you")]))
    assert (answer.status, answer.body) == (403, b"not for you")


def test_who_may_no_longer_know_hears_nothing_more(heard: Callable[..., Answer]) -> None:
    kettle = Kettle(["one", DeniedError("no longer for you"), "two"])
    assert events(heard(kettle)) == [("changed", "one")]


@pytest.mark.parametrize("shown", [{"cookie": "orchard=s3cret"}, {"authorization": "Bearer s3cret"}], ids=str)
def test_who_is_not_who_they_were_any_longer_hears_nothing_more(
    heard: Callable[..., Answer], shown: dict[str, str]
) -> None:
    door = Cookies(lasts=3)  # for the request, and for two looks
    assert events(heard(Kettle(), door=door, **shown)) == [("changed", "one")]
    assert len(door.asked) == 4
    assert events(heard(Kettle(), door=Cookies(), **shown))[-1] == ("ended", "three")


def test_error_that_nobody_foresaw_ends_the_answer_and_is_logged(hub: Inside, caplog: pytest.LogCaptureFixture) -> None:
    mount(hub, Live(HASTE), Kettle(["one", ZeroDivisionError("a kettle of nothing")]), OpenDoor())
    hub.app = Watched(hub.app, Meters(), log_all=False)
    answer = hub.get("/live/kettle/blue")

    assert answer.body.endswith(b"event: changed\ndata:\n\n")
    assert "a kettle of nothing" in caplog.text


def test_only_so_many_listen_at_once(heard: Callable[..., Answer]) -> None:
    live = Live(HASTE, most=3, each=2)
    with ExitStack() as others:
        others.enter_context(live.listening("address 127.0.0.1"))
        assert heard(Kettle(), live=live).status == 200
        others.enter_context(live.listening("address 127.0.0.1"))
        answer = heard(Kettle(), live=live)
        assert (answer.status, answer.headers["retry-after"]) == (503, "30")
        assert heard(Kettle(), live=live, door=Cookies(), cookie="orchard=x").status == 200
        others.enter_context(live.listening("account ben"))
        assert heard(Kettle(), live=live, door=Cookies(), cookie="orchard=x").status == 503
    assert heard(Kettle(), live=live).status == 200


def test_nobody_is_let_in_where_the_hub_ends(heard: Callable[..., Answer]) -> None:
    live = Live(HASTE)
    with live.listening("account ana") as leaving:
        assert leaving is not None
        live.close()
        assert leaving.is_set()
    assert heard(Kettle(), live=live).status == 503


def test_version_that_is_looked_into_says_where_that_is_told(hub: Inside) -> None:
    live, kettle = Live(Pace(first=0, most=0, whole=0)), Kettle()
    pages = Pages(hub.registry, now=lambda: datetime.fromtimestamp(0, UTC), login=False, sections=[kettle], live=live)
    site = Site(routes=pages.routes(), problem=pages.problem, public=pages.public)
    hub.app = build_app(hub.registry, OpenDoor(), hub.threads, guard=Guard(loopback_only=True), site=site, timeout=5.0)
    digest = push(hub, "vision/digits", DIGITS)
    page = hub.get("/r/vision/digits:latest/files")
    (region,) = Answer(page.status, dict(page.headers), page.body).page.all("div", id="version")

    assert region["data-live"] == "/live/r/vision/digits:latest"
    assert region["data-seen"] == "waiting"
    for name in ("vision/digits:latest", f"vision/digits@{digest}"):
        assert events(hub.get(f"/live/r/{name}")) == [("changed", "waiting")]
    for name in ("vision/digits", "vision/digits:none", "none:latest", "vision/digits:latest/files", "A:b"):
        assert hub.get(f"/live/r/{name}").status == 404, name
    assert events(hub.get("/live/kettle/blue")) == [("changed", "one")]


# Over a real server -----------------------------------------------------------------------------------------------


@pytest.fixture(name="sockets")
def _sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_hub_lets_listeners_go_when_they_leave_and_does_not_wait_for_them_when_it_ends(
    hubs: Nursery, tmp_path: Path, sockets: ExitStack
) -> None:
    with hubs.hub(tmp_path / "data", workers=0) as hub:
        push(hub, "vision/digits", DIGITS)

        def listen() -> bytes:
            connection = sockets.enter_context(closing(hub.connect()))
            send_head(connection, "GET", "/live/r/vision/digits:latest?seen=waiting")
            heard = b""
            while b": hello" not in heard:
                heard += connection.recv(1 << 16)
            listening.append(connection)
            return heard

        def running() -> bytes:
            found = re.search(rb"^orchard_hub_running_requests (\S+)", hub.get("/metrics").body, re.MULTILINE)
            assert found is not None
            return found[1]

        listening: list[Any] = []
        assert b"HTTP/1.1 200" in listen()
        assert running() == b"2.0"
        listening.pop().close()
        wait_until(lambda: running() == b"1.0")
        listen()
        hub.signal(signal.SIGTERM)
        assert hub.wait() == 0
        assert read_all(listening.pop()).endswith(b"0\r\n\r\n")  # the end of an answer that is whole
