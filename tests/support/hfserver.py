"""A Hugging Face hub on loopback: the routes that its own client uses, a second origin for large files, and faults.

``test_hfserver`` lets the real ``huggingface_hub`` download from it, so that what our client learns here is true.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

LFS_FROM = 10_000  # bytes; the real one decides by .gitattributes and size
TOKEN = "hf_" + "t" * 30

Fault = Callable[["Exchange"], bool | None]


def git_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Repo:
    """One repository: its commits, its branches and tags, and who may read it."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    private: bool = False
    card: dict[str, Any] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], *refs: str) -> str:
        """Add a commit and let refs name it."""
        known = json.dumps([len(self.commits), sorted((name, git_oid(data)) for name, data in files.items())])
        sha = hashlib.sha1(known.encode(), usedforsecurity=False).hexdigest()
        self.commits[sha] = files
        self.refs |= dict.fromkeys(refs or ("main",), sha)
        return sha

    def find(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.refs.get(revision)


@dataclass
class Seen:
    """One request as it arrived."""

    origin: str
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


@dataclass
class Rule:
    """A fault that is waiting for its request."""

    path: str
    fault: Fault
    left: int


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer; what a fault is given."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"
    hub: "HubServer"
    seen: Seen

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the base class's
        """Say nothing."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def serve(self) -> None:
        parts = urlsplit(self.path)
        self.hub = self.server.hub
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen = Seen(self.server.role, self.command, parts.path, parse_qs(parts.query), headers)
        self.hub.seen.append(self.seen)
        for fault in self.hub.take(parts.path):
            if fault(self) is not False:
                return
        (self.hub.answer if self.server.role == "hub" else self.hub.deliver)(self)

    do_GET = do_HEAD = serve  # noqa: N815 -- what http.server looks for

    def reply(
        self, status: int, headers: dict[str, str] | None = None, body: bytes = b"", *, length: int | None = None
    ) -> None:
        self.send_response(status)
        sized = {"Content-Length": str(len(body) if length is None else length)}
        for name, value in {**sized, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def json(self, value: object, headers: dict[str, str] | None = None) -> None:
        self.reply(
            200, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, json.dumps(value).encode()
        )

    def refuse(self, status: int, code: str, message: str, **headers: str) -> None:
        named = {"X-Error-Code": code, "X-Error-Message": message, "Content-Type": "application/json", **headers}
        self.reply(status, named, json.dumps({"error": message}).encode())

    def content(self, data: bytes, headers: dict[str, str] | None = None) -> None:
        """Answer with content or the part of it that is asked for."""
        sent = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream", **(headers or {})}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.seen.headers.get("range", ""))
        if asked is None or not data:
            self.reply(200, sent, data)
            return
        start, end = int(asked[1]), int(asked[2] or len(data) - 1)
        sent["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        self.reply(206, sent, data[start : end + 1])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    role: str
    hub: "HubServer"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that give up are part of the tests."""


@dataclass
class HubServer:
    """The hub, and the storage that it redirects large files to. Use it as a context."""

    page: int = 1000
    models: dict[str, Repo] = field(default_factory=dict)
    datasets: dict[str, Repo] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def __enter__(self) -> Self:
        self._servers = [_Server(("127.0.0.1", 0), Exchange) for _ in range(2)]
        for server, role in zip(self._servers, ("hub", "storage"), strict=True):
            server.role, server.hub = role, self
        self._threads = [
            Thread(target=server.serve_forever, kwargs={"poll_interval": 0.002}, daemon=True)
            for server in self._servers
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._servers[0].server_address[1]}"

    @property
    def storage(self) -> str:
        return f"http://127.0.0.1:{self._servers[1].server_address[1]}"

    def model(self, name: str, files: dict[str, bytes], **options: Any) -> str:  # noqa: ANN401 -- fields of Repo
        """Add a commit to a model, on ``main``."""
        return self.models.setdefault(name, Repo(**options)).commit(files)

    def dataset(self, name: str, files: dict[str, bytes], **options: Any) -> str:  # noqa: ANN401 -- fields of Repo
        """Add a commit to a dataset, on ``main``."""
        return self.datasets.setdefault(name, Repo(**options)).commit(files)

    def on(self, path: str, fault: Fault, times: int = 1) -> None:
        """Apply a fault to the next requests whose path holds a pattern."""
        self.rules.append(Rule(path, fault, times))

    def take(self, path: str) -> list[Fault]:
        with self.lock:
            fitting = [rule for rule in self.rules if rule.left and re.search(rule.path, path)][:1]
            for rule in fitting:
                rule.left -= 1
            return [rule.fault for rule in fitting]

    def paths(self, pattern: str = "") -> list[str]:
        return [seen.path for seen in self.seen if re.search(pattern, seen.path)]

    def answer(self, exchange: Exchange) -> None:
        """Do what the hub does."""
        path = exchange.seen.path
        if found := re.fullmatch(r"/api/(model|dataset)s/(.+?)/revision/([^/]+)", path):
            self._info(exchange, found[1], found[2], unquote(found[3]))
        elif found := re.fullmatch(r"/api/(model|dataset)s/(.+?)/tree/([^/]+)", path):
            self._tree(exchange, found[1], found[2], unquote(found[3]))
        elif found := re.fullmatch(r"/(datasets/)?(.+?)/resolve/([^/]+)/(.+)", path):
            kind = "dataset" if found[1] else "model"
            self._file(exchange, kind, found[2], unquote(found[3]), unquote(found[4]))
        else:
            exchange.refuse(404, "RepoNotFound", "Repository not found")

    def deliver(self, exchange: Exchange) -> None:
        """Do what the storage does: whoever knows the signed address gets the bytes."""
        data = self.stored.get(exchange.seen.path.rpartition("/")[2])
        if data is None or exchange.seen.query.get("Signature") != ["signed"]:
            exchange.reply(403, {"Content-Type": "text/xml"}, b"<Error>AccessDenied</Error>")
        else:
            exchange.content(data)

    def _repo(self, exchange: Exchange, kind: str, name: str, *, content: bool) -> Repo | None:
        repo = (self.models if kind == "model" else self.datasets).get(name)
        known = exchange.seen.headers.get("authorization")
        if known not in {None, f"Bearer {TOKEN}"}:
            exchange.refuse(401, "", "Invalid credentials in Authorization header")
            return None
        if repo is None or (repo.private and known is None):
            exchange.refuse(401 if known is None else 404, "RepoNotFound", "Repository not found")
            return None
        if content and repo.gated and known is None:
            exchange.refuse(401, "GatedRepo", "Access to this model is restricted")
            return None
        return repo

    def _info(self, exchange: Exchange, kind: str, name: str, revision: str) -> None:
        repo = self._repo(exchange, kind, name, content=False)
        if repo is None:
            return
        sha = repo.find(revision)
        if sha is None:
            exchange.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        siblings = [{"rfilename": path} for path in sorted(repo.commits[sha])]
        info = {"_id": "1", "id": name, "sha": sha, "private": repo.private, "gated": repo.gated, "siblings": siblings}
        exchange.json({**info, "tags": [], "downloads": 0, "likes": 0, "cardData": repo.card})

    def _tree(self, exchange: Exchange, kind: str, name: str, revision: str) -> None:
        repo = self._repo(exchange, kind, name, content=False)
        if repo is None:
            return
        sha = repo.find(revision)
        if sha is None:
            exchange.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        entries = tree(repo.commits[sha])
        start = int(exchange.seen.query.get("cursor", ["0"])[0])
        headers = {}
        if start + self.page < len(entries):
            after = f"recursive=true&expand=false&cursor={start + self.page}"
            headers["Link"] = f'<{self.url}{exchange.seen.path}?{after}>; rel="next"'
        exchange.json(entries[start : start + self.page], headers)

    def _file(self, exchange: Exchange, kind: str, name: str, revision: str, path: str) -> None:
        repo = self._repo(exchange, kind, name, content=True)
        if repo is None:
            return
        sha = repo.find(revision)
        if sha is None:
            exchange.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        data = repo.commits[sha].get(path)
        if data is None:
            exchange.refuse(404, "EntryNotFound", "Entry not found", **{"X-Repo-Commit": sha})
            return
        common = {"X-Repo-Commit": sha}
        if len(data) < LFS_FROM:
            exchange.content(data, {**common, "ETag": f'"{git_oid(data)}"'})
            return
        digest = sha256(data)
        self.stored[digest] = data
        linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(data))}
        exchange.reply(302, {**common, **linked, "Location": f"{self.storage}/store/{digest}?Signature=signed"})


def tree(files: dict[str, bytes]) -> list[dict[str, Any]]:
    """List files and directories as the hub does."""
    directories = {path[: match.start()] for path in files for match in re.finditer("/", path)}
    entries: list[dict[str, Any]] = [
        {"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in sorted(directories)
    ]
    return entries + [entry(path, data) for path, data in sorted(files.items())]


def entry(path: str, data: bytes) -> dict[str, Any]:
    """List one file."""
    if len(data) < LFS_FROM:
        return {"type": "file", "path": path, "size": len(data), "oid": git_oid(data)}
    lfs = {"oid": sha256(data), "size": len(data), "pointerSize": 132}
    return {"type": "file", "path": path, "size": len(data), "oid": git_oid(b"pointer"), "lfs": lfs}
