"""A receiver of webhooks: a real HTTP server on loopback that keeps what it gets and answers as it is told."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

Reply = Callable[["Handler"], None]


@dataclass(frozen=True)
class Got:
    """One message as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 -- whatever JSON it is; tests compare it
        return json.loads(self.body)


class Handler(BaseHTTPRequestHandler):
    """One message and its answer."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.receiver.got.append(Got(self.path, headers, body))
        self.server.receiver.reply(self)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the base class's
        """Say nothing."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    receiver: "Receiver"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: senders that give up are part of the tests."""


@dataclass
class Receiver:
    """What arrived, and what is answered next."""

    port: int
    got: list[Got] = field(default_factory=list)
    reply: Reply = field(default=lambda handler: handler.answer(204))
    never: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def answers(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer so from now on."""
        self.reply = lambda handler: handler.answer(status, body, **headers)

    def hang(self) -> None:
        """Answer nothing from now on, until the end of the test."""

        def wait(_handler: Handler) -> None:
            self.never.wait(30)

        self.reply = wait


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Run a receiver until the block ends."""
    server = _Server(("127.0.0.1", port), Handler)
    receiver = server.receiver = Receiver(int(server.server_address[1]))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.never.set()
        server.shutdown()
        server.server_close()
        thread.join()
