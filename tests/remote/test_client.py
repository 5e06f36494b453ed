import logging
import socket
from base64 import b64encode
from dataclasses import replace
from itertools import count

import pytest

from orchard.errors import (
    DeniedError,
    NotFoundError,
    OrchardError,
    RateLimitedError,
    RemoteError,
    UnauthenticatedError,
)
from orchard.remote import Credential, Given, RemoteRepository, Retry, Timeouts, Timing
from orchard.store import Bytes
from support.clients import Connect, FakeTime, blob, pull
from support.faultserver import FOREVER, Exchange, FaultServer, answer, challenge, drop, redirect, status

ANA = Credential("ana", "canary")
BASIC = "Basic " + b64encode(b"ana:canary").decode()
DATA = bytes(range(256)) * 1000


def test_ping_when_the_registry_answers_says_nothing(connect: Connect, server: FaultServer) -> None:
    connect(user_agent="orchard/test").ping()

    assert server.lines() == ["GET /v2/"]
    assert server.seen[0].headers["user-agent"] == "orchard/test"
    assert "authorization" not in server.seen[0].headers


def test_ping_of_something_else_says_so(connect: Connect, server: FaultServer) -> None:
    server.on("GET", "/v2/", status(404))

    with pytest.raises(RemoteError, match=r"is no registry \(GET /v2/: 404\)"):
        connect().ping()


def test_ping_logs_in_with_the_credential(connect: Connect, server: FaultServer) -> None:
    server.on("*", "/", challenge('Basic realm="x"', unless=BASIC), FOREVER)

    connect(credentials=Given(server.host, ANA)).ping()

    assert [seen.headers.get("authorization") for seen in server.seen] == [None, BASIC]


@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        (None, "login required; run: orchard login 127"),
        (Credential("ana", "wrong"), "the stored credential was refused"),
    ],
)
def test_ping_with_the_wrong_credential_asks_for_a_login(
    connect: Connect, server: FaultServer, credential: Credential | None, reason: str
) -> None:
    server.on("*", "/", challenge('Basic realm="x"', unless=BASIC), FOREVER)

    with pytest.raises(UnauthenticatedError, match=reason):
        connect(credentials=Given(server.host, credential)).ping()

    assert len(server.seen) <= 2


def test_second_request_sends_the_credential_at_once(connect: Connect, server: FaultServer) -> None:
    server.on("*", "/", challenge('Basic realm="x"', unless=BASIC), FOREVER)
    registry = connect(credentials=Given(server.host, ANA))
    registry.ping()

    registry.ping()

    assert [seen.headers.get("authorization") for seen in server.seen] == [None, BASIC, BASIC]


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_busy_registry_is_asked_again(connect: Connect, server: FaultServer, clock: FakeTime, code: int) -> None:
    server.on("GET", "/v2/", status(code), 3)

    connect().ping()

    assert clock.slept == [1, 2, 4]


@pytest.mark.parametrize("code", [400, 403, 404, 405, 409, 501, 507])
def test_refusal_is_final(connect: Connect, server: FaultServer, clock: FakeTime, code: int) -> None:
    server.on("GET", "/v2/", status(code), FOREVER)

    with pytest.raises(OrchardError, match=r"127\.0\.0\.1"):
        connect().ping()

    assert (len(server.seen), clock.slept) == (1, [])


def test_busy_registry_is_given_up_after_the_last_try(connect: Connect, server: FaultServer, clock: FakeTime) -> None:
    server.on("GET", "/v2/", status(503, "UNAVAILABLE", "maintenance"), FOREVER)

    with pytest.raises(RemoteError, match="503: UNAVAILABLE: maintenance"):
        connect().ping()

    assert (len(server.seen), clock.slept) == (4, [1, 2, 4])


def test_retry_after_is_obeyed(connect: Connect, server: FaultServer, clock: FakeTime) -> None:
    server.on("GET", "/v2/", status(429, Retry_After="100"))
    server.on("GET", "/v2/", status(503, Retry_After="Thu, 01 Jan 1970 00:20:00 GMT"))

    connect().ping()

    assert clock.slept == [100, 100]


def test_retry_after_beyond_the_deadline_is_reported(connect: Connect, server: FaultServer, clock: FakeTime) -> None:
    server.on("GET", "/v2/", status(429, "TOOMANYREQUESTS", "quota", Retry_After="86400"))

    with pytest.raises(RateLimitedError, match="too many requests; it asks to wait 86400 s: TOOMANYREQUESTS: quota"):
        connect(retry=Retry(deadline=60)).ping()

    assert clock.slept == []


def test_broken_connection_is_tried_again(connect: Connect, server: FaultServer, clock: FakeTime) -> None:
    server.on("GET", "/v2/", drop, 2)

    connect().ping()

    assert len(clock.slept) == 2


def test_connection_that_always_breaks_is_reported(connect: Connect, server: FaultServer) -> None:
    server.on("GET", "/v2/", drop, FOREVER)

    with pytest.raises(RemoteError, match=r"127\.0\.0\.1:\d+: the connection broke"):
        connect().ping()


def test_silent_registry_is_a_timeout(connect: Connect, server: FaultServer) -> None:
    def hang(exchange: Exchange) -> None:
        exchange.connection.settimeout(5)
        exchange.connection.recv(1)

    server.on("GET", "/v2/", hang, FOREVER)

    with pytest.raises(RemoteError, match="silent for too long"):
        connect(timeouts=Timeouts(read=0.1), retry=Retry(attempts=2)).ping()


def test_answer_that_is_not_http_says_so(connect: Connect, server: FaultServer) -> None:
    def babble(exchange: Exchange) -> None:
        exchange.wfile.write(b"SSH-2.0-OpenSSH\r\n")
        exchange.close_connection = True

    server.on("GET", "/v2/", babble)

    with pytest.raises(RemoteError, match="the answer is not HTTP"):
        connect().ping()


def test_closed_port_is_reported_at_once(connect: Connect, clock: FakeTime) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"

        with pytest.raises(RemoteError, match=rf"{host}: connection refused; is the registry running"):
            connect(host).ping()

    assert clock.slept == []


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirect_of_a_download_leaves_the_credential_behind(connect: Connect, server: FaultServer, code: int) -> None:
    wanted = blob(DATA)
    with FaultServer() as storage:
        storage.add_blob(DATA)
        target = f"{storage.url}/v2/storage/blobs/{wanted.digest}?signature=canary"
        server.on("GET", "/blobs/", challenge('Basic realm="x"', unless=BASIC))
        server.on("GET", "/blobs/", redirect(target, code))

        data = pull(connect(credentials=Given(server.host, ANA)).repository("x"), wanted)

    assert data == DATA
    assert [seen.headers.get("authorization") for seen in server.seen] == [None, BASIC]
    assert "authorization" not in storage.seen[0].headers
    assert storage.seen[0].query == {"signature": ["canary"]}


def test_redirect_back_to_the_registry_does_not_get_the_credential_back(connect: Connect, server: FaultServer) -> None:
    wanted = blob(DATA)
    server.add_blob(DATA)
    with FaultServer() as other:
        back = f"{server.url}/v2/y/blobs/{wanted.digest}"
        other.on("GET", "/", redirect(back))
        server.on("*", "/v2/x/", challenge('Basic realm="x"', unless=BASIC))
        server.on("GET", "/v2/x/", redirect(f"{other.url}/hop"))

        pull(connect(credentials=Given(server.host, ANA)).repository("x"), wanted)

    assert [seen.headers.get("authorization") for seen in server.seen] == [None, BASIC, None]


def test_redirect_within_the_registry_keeps_the_credential(connect: Connect, server: FaultServer) -> None:
    wanted = blob(DATA)
    server.add_blob(DATA)
    server.on("*", "/v2/x/", challenge('Basic realm="x"', unless=BASIC))
    server.on("GET", "/v2/x/", redirect(f"/v2/y/blobs/{wanted.digest}"))

    pull(connect(credentials=Given(server.host, ANA)).repository("x"), wanted)

    assert [seen.headers.get("authorization") for seen in server.seen] == [None, BASIC, BASIC]


def test_challenge_of_the_storage_is_not_answered(connect: Connect, server: FaultServer, clock: FakeTime) -> None:
    with FaultServer() as storage:
        storage.on("*", "/", challenge('Basic realm="give me your password"'), FOREVER)
        server.on("GET", "/blobs/", redirect(f"{storage.url}/x"), FOREVER)

        with pytest.raises(RemoteError, match="sent on to http://127"):
            pull(connect(credentials=Given(server.host, ANA)).repository("x"), blob(DATA))

    assert all("authorization" not in seen.headers for seen in storage.seen)
    assert len(clock.slept) == 3


def test_redirects_without_end_are_cut(connect: Connect, server: FaultServer) -> None:
    server.on("GET", "/", redirect("/v2/again"), FOREVER)

    with pytest.raises(RemoteError, match="more than 5 redirects"):
        connect().ping()

    assert len(server.seen) == 6


@pytest.mark.parametrize("target", ["", "ftp://x/", "http://user:canary@x/"])
def test_redirect_to_nowhere_is_an_error(connect: Connect, server: FaultServer, target: str) -> None:
    server.on("GET", "/v2/", answer(302, {"Location": target}))

    with pytest.raises(RemoteError, match=r"unusable address|not a URL") as caught:
        connect().ping()

    assert "canary" not in str(caught.value)


def test_redirect_inwards_is_refused(connect: Connect, server: FaultServer) -> None:
    server.on("GET", "/v2/", redirect("http://169.254.169.254/latest/meta-data"))
    registry = connect(f"localhost:{server.port}")

    with pytest.raises(DeniedError, match=r"redirects to 169\.254\.169\.254"):
        registry.ping()


def test_redirect_of_an_upload_is_refused(connect: Connect, server: FaultServer, repo: RemoteRepository) -> None:
    del connect
    with FaultServer() as other:
        server.on("DELETE", "/manifests/", redirect(f"{other.url}/v2/x"))

        with pytest.raises(RemoteError, match=r"is redirected to http://127.*; use that host"):
            repo.delete("v1")

    assert other.seen == []


def test_one_connection_serves_many_requests(connect: Connect, server: FaultServer) -> None:
    registry = connect(credentials=Given(server.host, ANA))
    server.on("*", "/", challenge("Basic", unless=BASIC), FOREVER)
    repo = registry.repository("x")

    repo.push(blob(DATA), Bytes(DATA))
    assert pull(repo, blob(DATA)) == DATA
    with pytest.raises(NotFoundError, match="does not exist"):
        repo.resolve("v1")
    registry.ping()

    assert len(server.seen) == 7
    assert server.connections == 1


def test_unknown_host_is_named(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object) -> None:
        del args
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(RemoteError, match=r"registry\.invalid: unknown host; check its name"):
        connect("registry.invalid").ping()


def test_host_that_no_resolver_accepts_is_named(connect: Connect, clock: FakeTime) -> None:
    with pytest.raises(RemoteError, match="cannot be a host"):
        connect("a" * 64 + ".example").ping()

    assert clock.slept == []


def test_host_that_does_not_accept_is_a_timeout(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        host = f"127.0.0.1:{full.getsockname()[1]}"
        with socket.create_connection(full.getsockname()):
            timeouts = Timeouts(connect=0.1)

            with pytest.raises(RemoteError, match=r"no connection within 0\.1 s"):
                connect(host, timeouts=timeouts, retry=Retry(attempts=2)).ping()


def test_error_document_larger_than_we_read_does_no_harm(connect: Connect, server: FaultServer) -> None:
    server.on("GET", "/v2/", answer(400, {"Content-Type": "application/json"}, b'{"errors": "' + b"x" * 1_000_000))

    with pytest.raises(RemoteError, match=r"GET /v2/: 400$"):
        connect().ping()


def test_warnings_reach_the_caller_and_are_harmless(connect: Connect, server: FaultServer) -> None:
    lines = '299 - "going \x07 away"\n199 - "other"\n299 - "second"'
    server.on("GET", "/v2/", answer(200, {"Warning": lines}), FOREVER)
    heard: list[str] = []
    registry = connect(warn=heard.append)

    registry.ping()
    registry.ping()

    assert [text.partition(": ")[2] for text in heard] == [r"going \x07 away", "second"]


def test_trace_tells_each_request_without_its_query(connect: Connect, server: FaultServer) -> None:
    server.on("GET", "/v2/", redirect("/v2/x?signature=canary"))
    server.on("GET", "/v2/x", drop)
    told: list[str] = []

    connect(trace=told.append).ping()

    assert [line.partition("/v2/")[2].partition(" (")[0] for line in told] == [
        " -> 307",
        "x?… -> TransientError",
        " -> 200",
    ]


def test_stalled_answer_is_given_up(connect: Connect, server: FaultServer) -> None:
    def drip(exchange: Exchange) -> None:
        exchange.reply(200, length=1000)
        for _ in range(1000):
            exchange.wfile.write(b"x")
            exchange.wfile.flush()

    server.on("GET", "/blobs/", drip, FOREVER)
    ticks = count(step=70)
    timing = replace(FakeTime().timing, monotonic=lambda: float(next(ticks)))
    registry = connect(timing=timing, retry=Retry(attempts=2, deadline=1e9))

    with pytest.raises(RemoteError, match=r"stalled: \d+ bytes in \d+ s"):
        pull(registry.repository("x"), blob(b"x" * 1000))


def test_slow_but_steady_answer_is_read_to_its_end(connect: Connect, server: FaultServer) -> None:
    server.add_blob(DATA)
    ticks = count(step=50)
    timing = Timing(monotonic=lambda: float(next(ticks)))

    assert pull(connect(timing=timing, retry=Retry(deadline=1e9)).repository("x"), blob(DATA)) == DATA


def test_secrets_are_in_no_message_log_or_trace(
    connect: Connect, server: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    server.on("GET", "^/token", answer(200, {}, b'{"token": "canary-token"}'), FOREVER)
    bearer = f'Bearer realm="{server.url}/token?session=canary",service="s"'
    server.on("*", "/v2/", challenge(bearer))
    server.on("GET", "/v2/", redirect("/v2/x?signature=canary"))

    def echo(exchange: Exchange) -> None:
        exchange.refuse(403, "DENIED", f"you sent {exchange.seen.headers['authorization']} and {BASIC}")

    server.on("GET", "/v2/x", echo)
    registry = connect(credentials=Given(server.host, ANA), trace=told.append, warn=told.append)

    with pytest.raises(DeniedError, match=r"you sent Bearer \(hidden\) and Basic \(hidden\)") as caught:
        registry.ping()

    assert [seen.path for seen in server.seen] == ["/v2/", "/token", "/v2/", "/v2/x"]
    everything = [str(caught.value), repr(caught.value), caplog.text, *told, repr(registry), repr(ANA)]
    assert all("canary" not in text for text in everything)


def test_not_found_has_no_secret_of_the_url(connect: Connect, server: FaultServer) -> None:
    server.on("GET", "/v2/", redirect("/v2/x?signature=canary"))

    with pytest.raises(RemoteError, match="is no registry") as caught:
        connect().ping()

    assert isinstance(caught.value.__cause__, NotFoundError)
    assert "canary" not in f"{caught.value} {caught.value.__cause__}"
