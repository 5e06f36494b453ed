"""`orchard hub webhook`, `mirror` and `proxy`, beside a hub that runs."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from support.cli import HubProgram, Program
from support.faultserver import FaultServer
from support.hubclient import kind_of, manifest
from support.hubs import wait_until
from support.receivers import Receiver, receiving

PAGE = Path(__file__).parents[2] / "docs/hub-webhooks.md"
LOCAL = "http://127.0.0.1:*"


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProgram]:
    """A hub that may go to this machine."""
    with HubProgram(tmp_path_factory.mktemp("hub"), "--egress-allow", LOCAL) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


class Desk:
    """The program, about one hub."""

    def __init__(self, program: Program, hub: HubProgram) -> None:
        self._program = program
        self._hub = hub

    def __call__(self, group: str, *arguments: object, stdin: str = "") -> Any:  # noqa: ANN401 -- whatever JSON it is
        before = ("hub", f"--egress-allow={LOCAL}", group, f"--data={self._hub.data}")
        return self._program.ok(*before, *map(str, arguments), "--output", "json", stdin=stdin).document

    def told(self, group: str, *arguments: object) -> str:
        """Give what people see."""
        before = ("hub", f"--egress-allow={LOCAL}", group, f"--data={self._hub.data}")
        return self._program.ok(*before, *map(str, arguments)).stdout

    def refused(self, group: str, *arguments: object, stdin: str = "") -> str:
        before = ("hub", f"--egress-allow={LOCAL}", group, f"--data={self._hub.data}")
        ran = self._program(*before, *map(str, arguments), stdin=stdin)
        assert ran.code != 0
        return ran.complaint


@pytest.fixture
def desk(program: Program, near: HubProgram) -> Desk:
    return Desk(program, near)


def is_genuine(*arguments: object, **named: object) -> object:
    """Call what the page shows."""
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102 -- it is what the page tells people to run
    return names["is_genuine"](*arguments, **named)


def test_webhook_is_made_told_and_verified_as_the_page_says(
    desk: Desk, program: Program, project: Path, near: HubProgram, receiver: Receiver
) -> None:
    made = desk("webhook", "add", receiver.url, "--scope", "cli/hooked", "--event", "tag.set")
    program.ok("pack", project, "-t", f"{near.host}/cli/hooked:v1")
    program.ok("push", f"{near.host}/cli/hooked:v1")
    wait_until(lambda: len(receiver.got) == 1)
    (got,) = receiver.got
    assert (got.json["repository"], got.json["tag"]) == ("cli/hooked", "v1")
    assert is_genuine(made["secret"], got.headers, got.body)
    assert not is_genuine(made["secret"], got.headers, got.body + b" ")
    assert not is_genuine(made["secret"], got.headers, got.body, now=lambda: 4e9)
    wait_until(lambda: desk("webhook", "log", made["id"])[0]["state"] == "delivered")
    desk("webhook", "replay", made["id"], desk("webhook", "log", made["id"])[0]["id"])
    desk("webhook", "ping", made["id"])
    wait_until(lambda: [one.json["event"] for one in receiver.got] == ["tag.set", "tag.set", "ping"])
    assert "delivered" in desk.told("webhook", "log", made["id"], "--last", "2")
    assert desk("webhook", "disable", made["id"])["active"] is False
    assert desk("webhook", "enable", made["id"])["active"] is True
    assert [one["id"] for one in desk("webhook", "list")] == [made["id"]]
    assert "cli/hooked" in desk.told("webhook", "list")
    assert "secret" not in desk("webhook", "list")[0]
    desk("webhook", "remove", made["id"])
    assert desk("webhook", "list") == []


def test_webhook_with_a_secret_of_ones_own_does_not_show_it(desk: Desk, receiver: Receiver) -> None:
    secret = "whsec_" + "YWJj" * 10
    made = desk("webhook", "add", receiver.url, "--scope", "cli/own", "--secret-stdin", stdin=f"{secret}\n")
    assert made["secret"] is None
    desk("webhook", "remove", made["id"])
    assert "write it to stdin" in desk.refused("webhook", "add", receiver.url, "--secret-stdin")
    assert "one is made without it" in desk.refused("webhook", "add", receiver.url, "--secret-stdin", stdin="abc\n")


def test_webhook_that_cannot_be_is_refused_with_the_reason(desk: Desk) -> None:
    assert "the hub may not connect" in desk.refused("webhook", "add", "https://169.254.169.254/")
    assert "is no event" in desk.refused("webhook", "add", "http://127.0.0.1:1/", "--event", "tag.moved")
    assert "there is no webhook 4711" in desk.refused("webhook", "ping", 4711)


def fill(server: FaultServer) -> bytes:
    """Put an artifact into another registry."""
    for data in (b"{}", b"layer"):
        server.add_blob(data)
    raw = manifest(b"{}", b"layer")
    server.add_manifest(kind_of(raw), raw, "v1")
    return raw


def page(host: str, path: str) -> bytes:
    try:
        with urlopen(f"http://{host}{path}") as answer:
            return bytes(answer.read())
    except HTTPError as error:
        return str(error.code).encode()


def test_mirror_is_made_planned_and_run(desk: Desk, near: HubProgram) -> None:
    with FaultServer() as server:
        raw = fill(server)
        made = desk("mirror", "add", "pull", "cli/mirrored", f"{server.url}/team/model", "--tags", "v*")
        assert desk("mirror", "plan", made["id"]) == {"tags": ["v1"], "set": 1, "same": 0, "deleted": []}
        assert "Would set v1" in desk.told("mirror", "plan", made["id"])
        assert desk("mirror", "run", made["id"])["task"]
        wait_until(lambda: page(near.host, "/v2/cli/mirrored/manifests/v1") == raw)
        wait_until(lambda: desk("mirror", "show", made["id"])["state"] == "done")
        assert desk("mirror", "show", made["id"])["report"]["set"] == 1
        assert "cli/mirrored" in desk.told("mirror", "show", made["id"])
        assert "done" in desk.told("mirror", "list")
        assert [one["id"] for one in desk("mirror", "list")] == [made["id"]]
        desk("mirror", "remove", made["id"])
        assert desk("mirror", "list") == []


def test_mirror_that_cannot_be_is_refused_with_the_reason(desk: Desk) -> None:
    where = ("pull", "cli/refused", "http://127.0.0.1:1/team/model")
    assert "is not a time such as" in desk.refused("mirror", "add", *where, "--every", "often")
    assert "at least 60" in desk.refused("mirror", "add", *where, "--every", "5s")
    assert "belong together" in desk.refused("mirror", "add", *where, "--username", "ana")
    assert "there is no mirror 4711" in desk.refused("mirror", "run", 4711)


def test_proxy_is_made_and_pulled_through(desk: Desk, near: HubProgram) -> None:
    with FaultServer() as server:
        raw = fill(server)
        made = desk(
            "proxy", "add", "far", server.url, "--ttl", "1h", "--username", "ana", "--password-stdin", stdin="x\n"
        )
        assert (made["remote"], made["ttl"], made["username"]) == (server.url, 3600, "ana")
        wait_until(lambda: page(near.host, "/v2/far/team/model/manifests/v1") == raw)
        assert page(near.host, f"/v2/far/team/model/blobs/sha256:{hashlib.sha256(b'layer').hexdigest()}") == b"layer"
        assert [one["namespace"] for one in desk("proxy", "list")] == ["far"]
        assert server.url in desk.told("proxy", "list")
        desk("proxy", "remove", "far")
        assert desk("proxy", "list") == []
        assert "stands for no other registry" in desk.refused("proxy", "remove", "far")


def test_commands_need_a_hub_that_was_there(program: Program, tmp_path: Path) -> None:
    ran = program("hub", "webhook", "--data", tmp_path, "list")
    assert "is not the data directory of a hub" in ran.complaint
