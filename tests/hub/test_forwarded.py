"""Behind a proxy: whom the hub believes, and what it makes of it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from orchard.errors import UsageError
from orchard.hub.http.asgi import Receive, Scope, Send
from orchard.hub.http.forwarded import Forwarded
from support.hubs import Nursery, send_head

PROXY = "10.1.2.3"
TRUSTED = ("10.0.0.0/8", "fd00::1")


def seen(
    *headers: tuple[str, str], client: tuple[str, int] | None = (PROXY, 4711), trusted: tuple[str, ...] = TRUSTED
) -> tuple[Any, str, list[str]]:
    """Pass a request on; give the client, the scheme and the hosts that the application sees."""
    found: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 -- the shape of ASGI
        found.append(scope)

    async def nothing(*_: object) -> Any:  # noqa: ANN401 -- never called
        raise AssertionError

    listed = [(b"host", b"inside:8080"), *((name.encode(), value.encode("latin-1")) for name, value in headers)]
    scope = {"type": "http", "client": client, "scheme": "http", "headers": listed}
    asyncio.run(Forwarded(app, trusted)(scope, nothing, nothing))
    (got,) = found
    hosts = [value.decode() for name, value in got["headers"] if name == b"host"]
    return got["client"] and got["client"][0], got["scheme"], hosts


SAME = (PROXY, "http", ["inside:8080"])
FULL = (("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "hub.example"))


def test_trusted_proxy_says_who_asks_for_what() -> None:
    assert seen(*FULL) == ("192.0.2.7", "https", ["hub.example"])
    assert seen() == SAME


@pytest.mark.parametrize("client", [("192.0.2.1", 1), ("10.1.2.3.example", 1), ("11.0.0.1", 1), None])
def test_nobody_else_is_believed(client: tuple[str, int] | None) -> None:
    address = client and client[0]
    assert seen(*FULL, client=client) == (address, "http", ["inside:8080"])
    assert seen(("forwarded", "for=192.0.2.7;proto=https"), client=client) == (address, "http", ["inside:8080"])


CHAINS = {
    "192.0.2.7": "192.0.2.7",
    "6.6.6.6, 192.0.2.7": "192.0.2.7",  # the first was written by the client
    "192.0.2.7, 10.9.9.9": "192.0.2.7",
    "6.6.6.6, 10.9.9.9, 192.0.2.7, 10.8.8.8, fd00::1": "192.0.2.7",
    "192.0.2.7:5555": "192.0.2.7",
    "[2001:db8::7]:5555": "2001:db8::7",
    "2001:db8::7": "2001:db8::7",
    "10.9.9.9": PROXY,
    "": PROXY,
    ",,": PROXY,
    "unknown": PROXY,
    "6.6.6.6, <script>": PROXY,
    "6.6.6.6," * 1000 + "192.0.2.7": "192.0.2.7",
}


@pytest.mark.parametrize(("chain", "client"), CHAINS.items(), ids=[name[:20] for name in CHAINS])
def test_client_is_the_last_address_that_is_no_proxy(chain: str, client: str) -> None:
    assert seen(("x-forwarded-for", chain))[0] == client


def test_header_that_was_sent_twice_is_one_list() -> None:
    assert seen(("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "192.0.2.7"))[0] == "192.0.2.7"


@pytest.mark.parametrize("host", ["evil.example/x", "a b", "<script>", "a@b", "", "a:b", "a:999999", "x" * 300, "[::1"])
def test_host_that_is_none_changes_nothing(host: str) -> None:
    assert seen(("x-forwarded-host", host)) == SAME


@pytest.mark.parametrize("host", ["hub.example", "hub.example:8443", "[2001:db8::1]:8443", "192.0.2.9"])
def test_host_replaces_the_one_that_the_proxy_sent(host: str) -> None:
    assert seen(("x-forwarded-host", host))[2] == [host]


@pytest.mark.parametrize("scheme", ["ftp", "HTTPS", "javascript", ""])
def test_scheme_that_is_none_changes_nothing(scheme: str) -> None:
    assert seen(("x-forwarded-proto", scheme)) == SAME


FORWARDED = {
    "for=192.0.2.7;proto=https;host=hub.example": ("192.0.2.7", "https", ["hub.example"]),
    'For="[2001:db8::7]:4711"; Proto=https': ("2001:db8::7", "https", ["inside:8080"]),
    "for=6.6.6.6;host=evil.example, for=192.0.2.7;host=hub.example": ("192.0.2.7", "http", ["hub.example"]),
    "for=_hidden": SAME,
    "by=1.2.3.4": SAME,
    "for=": SAME,
    ";;,;": SAME,
}


@pytest.mark.parametrize(("header", "expected"), FORWARDED.items(), ids=[name[:20] for name in FORWARDED])
def test_standard_header_is_read(header: str, expected: tuple[str, str, list[str]]) -> None:
    assert seen(("forwarded", header)) == expected


def test_standard_header_of_a_client_is_ignored_where_the_proxy_writes_the_others() -> None:
    assert seen(("forwarded", "for=6.6.6.6;host=evil.example"), *FULL) == ("192.0.2.7", "https", ["hub.example"])
    assert seen(("forwarded", "for=6.6.6.6;host=evil.example"), FULL[1]) == (PROXY, "https", ["inside:8080"])


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.0/33", "10.0.0.1/8", ""])
def test_proxy_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no address and no network"):
        seen(trusted=(text,))


@pytest.mark.parametrize("trusted", [True, False])
def test_hub_tells_pages_where_the_reader_is(hubs: Nursery, tmp_path: Path, *, trusted: bool) -> None:
    settings = {"trusted_proxies": ["127.0.0.1"]} if trusted else {}
    headers = ("X-Forwarded-Host: localhost:9443", "X-Forwarded-Proto: https", "Connection: close")
    with hubs.hub(tmp_path / "data", **settings) as hub:
        hub.push_image("team/model", "v1", b"layer")
        with hub.connect() as connection:
            send_head(connection, "GET", "/r/team/model:v1", *headers)
            page = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert (b"localhost:9443/team/model" in page) is trusted
    assert page.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("way", ["POST", "PATCH"])
def test_addresses_in_answers_hold_no_host_so_that_every_proxy_may_pass_them_on(
    hubs: Nursery, tmp_path: Path, way: str
) -> None:
    with hubs.hub(tmp_path / "data", trusted_proxies=["127.0.0.1"]) as hub:
        headers = {"x-forwarded-host": "localhost:9443", "x-forwarded-proto": "https"}
        location = hub.request("POST", "/v2/a/b/blobs/uploads/", headers=headers).headers["location"]
        if way == "PATCH":
            location = hub.request("PATCH", location, b"x", headers).headers["location"]
        assert location.startswith("/v2/a/b/")
