"""A small registry on loopback that can be told to misbehave, and remembers what it was asked.

It keeps everything in memory and follows the distribution spec, until a fault says otherwise: ``server.on("PUT",
"/blobs/uploads/", drop_after(1000))`` breaks the connection of the next matching request.
"""

import hashlib
import json
import re
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Lock, Thread
from typing import Self
from urllib.parse import parse_qs, urlsplit

FOREVER = 1 << 30
PIECE = 64 << 10


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    received: int = 0

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


Fault = Callable[["Exchange"], bool | None]


@dataclass
class Rule:
    """A fault that is waiting for its request."""

    method: str
    path: str
    fault: Fault
    left: int


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer; what a fault is given."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer with a body takes 40 ms
    registry: "FaultServer"
    seen: Seen
    server: "_Server"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the base class's
        """Say nothing."""

    def setup(self) -> None:
        super().setup()
        with self.server.registry.lock:
            self.server.registry.connections += 1

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def serve(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen = Seen(self.command, parts.path, parse_qs(parts.query, keep_blank_values=True), headers)
        self.registry = self.server.registry
        self.registry.seen.append(self.seen)
        for fault in self.registry.take(self.command, parts.path):
            if fault(self) is not False:
                return
        self.registry.answer(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = serve  # noqa: N815 -- what http.server looks for

    def body(self, limit: int | None = None) -> bytes:
        """Receive the request's body, or its first bytes."""
        parts = []
        left = int(self.headers.get("Content-Length", "0"))
        left = left if limit is None else min(left, limit)
        while left and (piece := self.rfile.read(min(PIECE, left))):
            parts.append(piece)
            left -= len(piece)
            self.seen.received += len(piece)
        return b"".join(parts)

    def reply(
        self, status: int, headers: dict[str, str] | None = None, body: bytes = b"", *, length: int | None = None
    ) -> None:
        self.send_response(status)
        sized = {"Content-Length": str(len(body) if length is None else length)}
        for name, value in {**sized, **(headers or {})}.items():
            for line in value.split("\n"):
                self.send_header(name, line)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status: int, code: str = "", message: str = "no", **headers: str) -> None:
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.reply(status, {"Content-Type": "application/json; charset=utf-8", **named}, body)

    def drop(self) -> None:
        """Break the connection with a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        raise ConnectionAbortedError


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    registry: "FaultServer"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that give up are part of the tests."""


@dataclass
class FaultServer:
    """The registry. Use it as a context; ``host`` is what to give to a client."""

    tls: ssl.SSLContext | None = None
    name: str = "127.0.0.1"
    referrers: bool = True
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    connections: int = 0
    numbers: Iterator[int] = field(default_factory=count)
    lock: Lock = field(default_factory=Lock)

    def __enter__(self) -> Self:
        self.server = _Server(("127.0.0.1", 0), Exchange)
        self.server.registry = self
        if self.tls is not None:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        self.thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.002}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def host(self) -> str:
        return f"{self.name}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'http' if self.tls is None else 'https'}://{self.host}"

    def on(self, method: str, path: str, fault: Fault, times: int = 1) -> None:
        """Apply a fault to the next requests of a method ("*" for any) whose path holds a pattern."""
        self.rules.append(Rule(method, path, fault, times))

    def take(self, method: str, path: str) -> list[Fault]:
        with self.lock:
            fitting = [r for r in self.rules if r.left and r.method in {"*", method} and re.search(r.path, path)][:1]
            for rule in fitting:
                rule.left -= 1
            return [rule.fault for rule in fitting]

    def lines(self, method: str = "") -> list[str]:
        return [seen.line for seen in self.seen if seen.method.startswith(method)]

    def add_blob(self, data: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.blobs[digest] = data
        return digest

    def add_manifest(self, media_type: str, data: bytes, tag: str | None = None) -> str:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.manifests[digest] = media_type, data
        if tag is not None:
            self.tags[tag] = digest
        return digest

    def answer(self, exchange: Exchange) -> None:
        """Do what the distribution spec says."""
        for pattern, handle in _ROUTES:
            found = re.fullmatch(pattern, exchange.seen.line)
            if found:
                handle(self, exchange, *found.groups())
                return
        exchange.refuse(404, "NAME_UNKNOWN")

    def session(self) -> str:
        name = f"s{next(self.numbers)}"
        self.uploads[name] = bytearray()
        return name


def _content(exchange: Exchange, media_type: str, digest: str, data: bytes) -> None:
    headers = {"Content-Type": media_type, "Docker-Content-Digest": digest}
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", exchange.seen.headers.get("range", ""))
    if asked:
        start, end = int(asked[1]), min(len(data), int(asked[2]) + 1 if asked[2] else len(data))
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        exchange.reply(206, headers, data[start:end])
    else:
        exchange.reply(200, headers, data)


def _blob(server: FaultServer, exchange: Exchange, digest: str) -> None:
    if digest not in server.blobs:
        return exchange.refuse(404, "BLOB_UNKNOWN")
    return _content(exchange, "application/octet-stream", digest, server.blobs[digest])


def _manifest(server: FaultServer, exchange: Exchange, target: str) -> None:
    digest = server.tags.get(target, target)
    if digest in server.manifests:
        media_type, data = server.manifests[digest]
        _content(exchange, media_type, digest, data)
    else:
        exchange.refuse(404, "MANIFEST_UNKNOWN")


def _put_manifest(server: FaultServer, exchange: Exchange, target: str) -> None:
    data = exchange.body()
    digest = server.add_manifest(exchange.seen.headers["content-type"], data, None if ":" in target else target)
    headers = {"Docker-Content-Digest": digest}
    subject = json.loads(data).get("subject")
    if subject and server.referrers:
        headers["OCI-Subject"] = subject["digest"]
    exchange.reply(201, headers)


def _delete_manifest(server: FaultServer, exchange: Exchange, target: str) -> None:
    exchange.reply(202 if server.tags.pop(target, None) or server.manifests.pop(target, None) else 404)


def _tags(server: FaultServer, exchange: Exchange) -> None:
    body = json.dumps({"name": "x", "tags": sorted(server.tags) or None}).encode()
    exchange.reply(200, {"Content-Type": "application/json"}, body)


def _catalog(_: FaultServer, exchange: Exchange) -> None:
    exchange.reply(200, {"Content-Type": "application/json"}, b'{"repositories": ["team/model", "team/other"]}')


def _referrers(server: FaultServer, exchange: Exchange, subject: str) -> None:
    if not server.referrers:
        exchange.reply(404, {"Content-Type": "text/plain"}, b"404 page not found")
        return
    entries = [
        {"mediaType": kind, "digest": digest, "size": len(data), "artifactType": json.loads(data)["artifactType"]}
        for digest, (kind, data) in server.manifests.items()
        if json.loads(data).get("subject", {}).get("digest") == subject
    ]
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}
    exchange.reply(200, {"Content-Type": "application/vnd.oci.image.index.v1+json"}, json.dumps(index).encode())


def _open_upload(server: FaultServer, exchange: Exchange, name: str) -> None:
    mount = exchange.seen.query.get("mount", [""])[0]
    if mount in server.blobs:
        exchange.reply(201, {"Location": f"/v2/{name}/blobs/{mount}", "Docker-Content-Digest": mount})
    else:
        exchange.reply(202, {"Location": f"/v2/{name}/blobs/uploads/{server.session()}?_state=secret-state"})


def _upload(server: FaultServer, exchange: Exchange, session: str) -> None:
    held = server.uploads.get(session)
    if held is None:
        exchange.refuse(404, "BLOB_UPLOAD_UNKNOWN")
    elif exchange.command == "PATCH":
        _patch(exchange, held)
    elif exchange.command == "PUT":
        held += exchange.body()
        _commit(server, exchange, session)
    elif exchange.command == "DELETE":
        del server.uploads[session]
        exchange.reply(204)
    else:
        exchange.reply(204, {"Range": f"0-{max(len(held) - 1, 0)}", "Location": exchange.path})


def _patch(exchange: Exchange, held: bytearray) -> None:
    start, end = map(int, exchange.seen.headers["content-range"].split("-"))
    if start != len(held) or end - start + 1 != int(exchange.headers["Content-Length"]):
        exchange.body()
        exchange.reply(416, {"Range": f"0-{max(len(held) - 1, 0)}", "Location": exchange.path})
        return
    held += exchange.body()
    exchange.reply(202, {"Range": f"0-{len(held) - 1}", "Location": exchange.path})


def _commit(server: FaultServer, exchange: Exchange, session: str) -> None:
    digest = exchange.seen.query["digest"][0]
    (algorithm, _, wanted), held = digest.partition(":"), bytes(server.uploads.pop(session))
    assert hashlib.new(algorithm, held).hexdigest() == wanted, "a client must never complete wrong bytes"
    server.blobs[digest] = held
    exchange.reply(201, {"Location": f"/v2/x/blobs/{digest}", "Docker-Content-Digest": digest})


_ROUTES: list[tuple[str, Callable[..., None]]] = [
    (r"GET /v2/", lambda _, exchange: exchange.reply(200)),
    (r"GET /v2/_catalog", _catalog),
    (r"(?:GET|HEAD) /v2/.+/blobs/(\w+:\w+)", _blob),
    (r"(?:GET|HEAD) /v2/.+/manifests/([\w.:-]+)", _manifest),
    (r"PUT /v2/.+/manifests/([\w.:-]+)", _put_manifest),
    (r"DELETE /v2/.+/manifests/([\w.:-]+)", _delete_manifest),
    (r"GET /v2/.+/tags/list", _tags),
    (r"GET /v2/.+/referrers/([\w:]+)", _referrers),
    (r"POST /v2/(.+)/blobs/uploads/", _open_upload),
    (r"(?:PATCH|PUT|GET|DELETE) /v2/.+/blobs/uploads/([\w-]+)", _upload),
]


def status(code: int, error: str = "", message: str = "no", **headers: str) -> Fault:
    """Answer with an error document."""

    def fault(exchange: Exchange) -> None:
        exchange.body()
        exchange.refuse(code, error, message, **headers)

    return fault


def answer(code: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Fault:
    """Answer with exactly this."""

    def fault(exchange: Exchange) -> None:
        exchange.body()
        exchange.reply(code, headers, body)

    return fault


def redirect(target: str, code: int = 307) -> Fault:
    """Send the client elsewhere."""
    return answer(code, {"Location": target})


drop: Fault = Exchange.drop
"""Break the connection before answering."""


def drop_after(count: int, *, keep: bool = True) -> Fault:
    """Break the connection when so many bytes of the request's body have come; a session keeps them, or not."""

    def fault(exchange: Exchange) -> None:
        data = exchange.body(count)
        if keep:
            exchange.registry.uploads[exchange.seen.path.rpartition("/")[2]] += data
        exchange.drop()

    return fault


def cut_after(count: int) -> Fault:
    """Announce a blob in full, send so many bytes of it, then break the connection."""

    def fault(exchange: Exchange) -> None:
        data = exchange.registry.blobs[exchange.seen.path.rpartition("/")[2]]
        asked = re.fullmatch(r"bytes=(\d+)-\d*", exchange.seen.headers.get("range", ""))
        start = int(asked[1]) if asked else 0
        headers = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if asked else {}
        exchange.reply(206 if asked else 200, headers, data[start : start + count], length=len(data) - start)
        exchange.close_connection = True

    return fault


def challenge(text: str, *, unless: str | None = None) -> Fault:
    """Demand a login, unless the request has this ``Authorization``."""

    def fault(exchange: Exchange) -> bool:
        if unless is not None and exchange.seen.headers.get("authorization") == unless:
            return False
        exchange.body()
        exchange.refuse(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate=text)
        return True

    return fault
