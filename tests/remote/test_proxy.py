import base64
import select
import socket
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import trustme

from orchard.errors import RemoteError, UsageError
from orchard.remote import Credential, Given
from orchard.store import Bytes
from support.clients import SMALL, Connect, FakeTime, blob, pull
from support.faultserver import FOREVER, FaultServer, challenge, drop_after

DATA = bytes(range(256)) * 2000


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Proxy"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the base class's
        """Say nothing."""

    def do_CONNECT(self) -> None:
        self.server.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if self.server.refuse:
            self.send_error(407)
            return
        host, _, port = self.path.rpartition(":")
        del host  # every name leads to this machine
        with socket.create_connection(("127.0.0.1", int(port))) as there:
            self.send_response(200)
            self.end_headers()
            pipes = {self.connection: there, there: self.connection}
            while all(_pump(source, pipes[source]) for source in select.select(list(pipes), [], [])[0]):
                pass
        self.close_connection = True


def _pump(source: socket.socket, sink: socket.socket) -> bool:
    data = source.recv(1 << 16)
    sink.sendall(data)
    return bool(data)


class Proxy(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    refuse = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, dict[str, str]]] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def url(proxy: Proxy, user: str = "") -> str:
    return f"http://{user}127.0.0.1:{proxy.server_address[1]}"


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[FaultServer, Path]]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("registry.example").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with FaultServer(tls=context, name="registry.example") as running:
        yield running, tmp_path / "ca.pem"


def test_https_goes_through_a_tunnel_and_shows_the_proxy_nothing(
    proxy: Proxy, secure: tuple[FaultServer, Path], connect: Connect
) -> None:
    server, ca_file = secure
    basic = "Basic " + base64.b64encode(b"ana:canary").decode()
    server.on("*", "/", challenge("Basic", unless=basic), FOREVER)
    registry = connect(
        server.host,
        proxy=url(proxy, "bob:secret%21@"),
        ca_files=(ca_file,),
        credentials=Given(server.host, Credential("ana", "canary")),
    )

    registry.repository("x").push(blob(DATA), Bytes(DATA))

    wanted = "Basic " + base64.b64encode(b"bob:secret!").decode()
    assert pull(registry.repository("x"), blob(DATA)) == DATA
    assert {target for target, _ in proxy.seen} == {server.host}
    assert all(headers.get("proxy-authorization") == wanted for _, headers in proxy.seen)
    assert all("authorization" not in headers for _, headers in proxy.seen)
    assert all("proxy-authorization" not in seen.headers for seen in server.seen)


def test_proxy_of_the_environment_is_used(proxy: Proxy, secure: tuple[FaultServer, Path], connect: Connect) -> None:
    server, ca_file = secure
    environ = {"HTTPS_PROXY": url(proxy)}

    connect(server.host, proxies=SMALL.with_environment(environ).proxies, ca_files=(ca_file,)).ping()

    assert len(proxy.seen) == 1


def test_http_is_forwarded(server: FaultServer, connect: Connect) -> None:
    registry = connect("registry.example", proxy=server.url, plain_http=True)

    registry.ping()

    assert server.seen[0].headers["host"] == "registry.example"


def test_proxy_without_a_scheme_is_http(server: FaultServer, connect: Connect) -> None:
    connect("registry.example", proxy=server.host, plain_http=True).ping()

    assert len(server.seen) == 1


def test_proxy_that_refuses_is_named_without_its_password(
    proxy: Proxy, secure: tuple[FaultServer, Path], connect: Connect, clock: FakeTime
) -> None:
    proxy.refuse = True

    with pytest.raises(RemoteError, match=r"registry\.example:\d+: the proxy failed: .*407") as caught:
        connect(secure[0].host, proxy=url(proxy, "bob:canary@")).ping()

    assert "canary" not in repr(caught.value) + repr(caught.value.__cause__)
    assert clock.slept == []


def test_proxy_that_is_not_there_is_reported(connect: Connect, clock: FakeTime) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))

        with pytest.raises(RemoteError, match=r"registry\.example: the proxy failed: [Cc]onnection refused$"):
            connect("registry.example", proxy=f"http://127.0.0.1:{free.getsockname()[1]}").ping()

    assert clock.slept == []


@pytest.mark.parametrize("text", ["socks5://127.0.0.1:1", "", "http://", "http://[::1", "ftp://x"])
def test_proxy_that_is_none_is_refused(connect: Connect, text: str) -> None:
    with pytest.raises(UsageError, match="proxy"):
        connect("registry.example", proxy=text).ping()


def test_connection_that_breaks_behind_a_proxy_is_tried_again(server: FaultServer, connect: Connect) -> None:
    server.on("PUT", "/uploads/", drop_after(100_000))
    repo = connect("registry.example", proxy=server.url, plain_http=True).repository("x")

    repo.push(blob(DATA), Bytes(DATA))

    assert server.blobs == {str(blob(DATA).digest): DATA}
