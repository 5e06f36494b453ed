"""What the hub tells those who run it: logs, metrics, health, and that it is going (docs/hub-operations.md)."""

import asyncio
import json
import logging
import re
import signal
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPException
from pathlib import Path

import pytest
import trustme

from orchard.errors import StorageError, UsageError
from orchard.hub import Settings, run
from orchard.hub.http.asgi import Message, Receive, Scope, Send
from orchard.hub.http.logs import log_to_stderr, noted
from orchard.hub.http.meters import BUCKETS, Gauge, Meters
from orchard.hub.http.watch import Readiness
from orchard.hub.http.watched import Watched
from support.hubs import Hub, Nursery, basic, running_hub, send_head, wait_until

PASSWORD = "only for this test"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with running_hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


# Health and readiness ---------------------------------------------------------------------------------------------


def test_hub_lives_and_is_ready(hub: Hub) -> None:
    assert (hub.get("/healthz").status, hub.get("/healthz").body) == (200, b"ok\n")
    answer = hub.get("/readyz")
    assert (answer.status, answer.json) == (200, {"ready": True, "checks": {"catalog": "ok"}})
    assert hub.request("HEAD", "/readyz").body == b""
    assert hub.request("POST", "/readyz").status == 405


def test_part_that_fails_is_named() -> None:
    def fail() -> None:
        raise StorageError("the disk is on strike")

    readiness = Readiness({"catalog": lambda: None, "storage": fail})
    assert readiness.ask() == {"catalog": "ok", "storage": "the disk is on strike"}


def test_hub_that_was_asked_to_stop_still_answers_and_says_that_it_goes(hubs: Nursery, tmp_path: Path) -> None:
    with hubs.hub(tmp_path / "data", drain=30.0) as hub:
        hub.signal(signal.SIGTERM)
        wait_until(lambda: hub.get("/readyz").status == 503)
        assert hub.get("/readyz").json == {"ready": False, "checks": {"catalog": "ok", "hub": "stopping"}}
        assert hub.get("/healthz").status == 200
        hub.push_blob("team/model", b"in the last minute")
        hub.signal(signal.SIGTERM)
        assert hub.wait() == 0


# Metrics ----------------------------------------------------------------------------------------------------------


def metrics(hub: Hub, **headers: str) -> dict[str, float]:
    lines = hub.get("/metrics", **headers).body.decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def test_requests_are_counted_by_endpoint_method_and_status(hub: Hub) -> None:
    digest = hub.push_blob("team/counted", b"x" * 1000)
    hub.get(f"/v2/team/counted/blobs/{digest}")
    hub.get("/v2/team/counted/manifests/absent")
    found = metrics(hub)
    labels = 'endpoint="blob",method="GET",status="200"'
    assert found[f"orchard_hub_request_seconds_count{{{labels}}}"] >= 1
    assert found[f"orchard_hub_sent_bytes_total{{{labels}}}"] >= 1000
    assert found['orchard_hub_received_bytes_total{endpoint="upload",method="PUT",status="201"}'] >= 1000
    assert found['orchard_hub_request_seconds_count{endpoint="manifest",method="GET",status="404"}'] >= 1
    assert found["orchard_hub_running_requests"] == 1  # this one
    assert found["process_resident_memory_bytes"] > 1e6


def test_strange_methods_make_no_new_series(hub: Hub) -> None:
    for method in ("BREW", "PROPFIND"):
        hub.request(method, "/v2/")
    assert metrics(hub)['orchard_hub_request_seconds_count{endpoint="ping",method="other",status="405"}'] >= 2


def test_buckets_hold_all_before_them() -> None:
    meters = Meters()
    for seconds in (*BUCKETS, 1e9):
        meters.request("page", "GET", 200, seconds=seconds, sizes=(0, 0))
    text = meters.write().decode()
    counts = [float(count) for count in re.findall(r"request_seconds_bucket\{.*\} (\S+)", text)]
    assert counts == [float(number) for number in range(1, len(BUCKETS) + 2)]


def test_tasks_and_numbers_of_others_are_told() -> None:
    meters = Meters([Gauge("open_uploads", "Uploads", "", lambda: {"": 3.0})])
    meters.add(Gauge("tasks", "Tasks", "state", lambda: {"waiting": 2.0}))
    meters.task("collect-garbage", "done", 1.5)
    text = meters.write().decode()
    assert "orchard_hub_open_uploads 3.0" in text
    assert 'orchard_hub_tasks{state="waiting"} 2.0' in text
    assert 'orchard_hub_task_seconds_total{kind="collect-garbage",outcome="done"} 1.5' in text


@pytest.mark.parametrize(("setting", "stranger", "admin"), [("admin", 401, 200), ("open", 200, 200), ("off", 404, 404)])
def test_metrics_are_for_whom_the_setting_says(
    hubs: Nursery, tmp_path: Path, setting: str, stranger: int, admin: int
) -> None:
    with hubs.hub(tmp_path / "data", login="required", admin_password=PASSWORD, metrics=setting) as hub:
        assert hub.get("/metrics").status == stranger
        assert hub.get("/metrics", authorization=basic("admin", PASSWORD)).status == admin


# Logs -------------------------------------------------------------------------------------------------------------


def test_every_answer_has_a_name_and_keeps_the_one_it_came_with(hub: Hub) -> None:
    first, second = (hub.get("/v2/").headers["x-request-id"] for _ in range(2))
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert first != second
    assert hub.get("/v2/", x_request_id="from.a-proxy_1").headers["x-request-id"] == "from.a-proxy_1"
    assert hub.get("/v2/", x_request_id="a" * 65).headers["x-request-id"] != "a" * 65
    assert hub.get("/v2/", x_request_id='"><b>').headers["x-request-id"] != '"><b>'


async def _answer(message: Message) -> None:
    del message


async def _ask() -> Message:
    return {"type": "http.request", "body": b"12345", "more_body": False}


def watched(app: object, path: str = "/v2/") -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Mapping[str, object] = {"type": "http", "method": "GET", "path": path, "headers": [], "client": ("::1", 1)}
    asyncio.run(Watched(app, Meters(), log_all=True)(dict(scope), _ask, send))  # type: ignore[arg-type] # see callers
    return sent


async def _breaks(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive, send
    raise ZeroDivisionError("a bug")


async def _breaks_late(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ZeroDivisionError("a bug")


async def _good(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    scope["orchard.account"] = "ana"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"7")]})
    await send({"type": "http.response.body", "body": b"ignored"})


def test_bug_is_logged_with_the_name_of_the_request_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    start, body = watched(_breaks)
    assert start["status"] == 500
    assert json.loads(body["body"])["errors"][0]["message"] == "something broke in the hub; it is in its log"
    name = dict(start["headers"])[b"x-request-id"].decode()
    broken, request = caplog.records
    assert broken.exc_info is not None
    assert broken.orchard["id"] == request.orchard["id"] == name  # type: ignore[attr-defined] # noted() puts it there


def test_bug_in_the_middle_of_an_answer_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    assert [message["type"] for message in watched(_breaks_late)] == ["http.response.start"]
    assert "something broke" in caplog.text


def test_request_is_logged_with_what_people_look_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "orchard.hub")
    watched(_good, "/v2/team/model/tags/list")
    (record,) = caplog.records
    noticed = record.orchard  # type: ignore[attr-defined] # as above
    assert noticed.pop("milliseconds") >= 0
    assert noticed.pop("id")
    assert noticed == {
        "method": "GET",
        "path": "/v2/team/model/tags/list",
        "status": 200,
        "received": 5,
        "sent": 7,
        "endpoint": "other",
        "account": "ana",
        "address": "::1",
    }


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
def test_line_of_a_log_cannot_be_forged(capfd: pytest.CaptureFixture[str], *, as_json: bool) -> None:
    log = logging.getLogger("orchard.hub")
    before = (log.handlers, log.propagate, log.level)
    try:
        log_to_stderr(as_json=as_json)
        log.info("pushed\n2026-01-01T00:00:00.000Z info forged", extra=noted(path="/v2/\x1b[31m\nred"))
        try:
            _ = 1 // 0
        except ZeroDivisionError:
            log.exception("broken")
    finally:
        log.handlers, log.propagate = before[:2]
        log.setLevel(before[2])
    lines = capfd.readouterr().err.splitlines()
    assert "\x1b" not in "".join(lines)
    if as_json:
        first, second = map(json.loads, lines)
        assert first["message"].endswith("forged")
        assert first["path"] == "/v2/\x1b[31m\nred"
        assert (second["level"], "ZeroDivisionError" in second["error"]) == ("error", True)
    else:
        assert re.fullmatch(r"\S+Z info pushed\\n2026.* forged path=/v2/\\x1b\[31m\\nred", lines[0])
        assert lines[-1].startswith("ZeroDivisionError")


def test_running_hub_logs_one_object_a_request(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data", log_format="json", access_log=True) as hub:
        hub.get("/v2/_catalog", x_request_id="mine")
        wait_until(lambda: "mine" in hub.log())
        (line,) = [json.loads(line) for line in hub.log().splitlines() if '"mine"' in line]
        assert (line["message"], line["endpoint"], line["status"]) == ("request", "catalog", 200)
        assert line["account"] == "anonymous"


# HTTPS and a quick end --------------------------------------------------------------------------------------------


def test_hub_serves_https(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    settings = {"tls_cert": str(tmp_path / "chain.pem"), "tls_key": str(tmp_path / "key.pem")}
    data = bytes(3_000_000)
    with running_hub(tmp_path / "data", **settings) as hub:
        assert hub.announced[-1].startswith("listening on https://127.0.0.1:")
        plain = Hub(hub.host, hub.process, hub.data)
        context = ssl.create_default_context()
        authority.configure_trust(context)
        hub.context = context
        digest = hub.push_blob("team/model", data)
        assert hub.get(f"/v2/team/model/blobs/{digest}").body == data
        with pytest.raises((HTTPException, OSError)):
            plain.get("/v2/")


def test_key_that_is_not_the_certificates_stops_the_start(tmp_path: Path) -> None:
    authority = trustme.CA()
    first, second = (authority.issue_cert("localhost") for _ in range(2))
    first.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    second.private_key_pem.write_to_path(tmp_path / "key.pem")
    settings = Settings(data=tmp_path / "data", port=0, tls_cert=tmp_path / "chain.pem", tls_key=tmp_path / "key.pem")
    with pytest.raises(UsageError, match="cannot serve HTTPS with"):
        run(settings, announce=print)


def test_second_signal_shortens_the_end(hubs: Nursery, tmp_path: Path) -> None:
    with hubs.hub(tmp_path / "data", grace=60.0) as hub, closing(hub.connect()) as connection:
        location = hub.begin("team/model")
        send_head(connection, "PATCH", location, "Content-Length: 9999999")
        connection.sendall(bytes(1_500_000))
        hub.wait_for_upload()
        start = time.monotonic()
        hub.signal(signal.SIGTERM)
        wait_until(lambda: _refuses(hub))
        hub.signal(signal.SIGTERM)
        assert hub.wait() == 0
        assert time.monotonic() - start < 30


def _refuses(hub: Hub) -> bool:
    try:
        hub.connect().close()
    except ConnectionRefusedError:
        return True
    return False
