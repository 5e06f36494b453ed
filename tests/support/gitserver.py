"""A Git host on loopback: Git's own HTTP backend behind a login, and Git LFS beside it."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit


@dataclass
class GitHost:
    """Serves the repositories in a directory to whoever has the token.

    Attributes:
        root: The directory.
        token: What is demanded, as a password.
        url: Where it is.
        shown: Every ``Authorization`` that arrived.
        fetched: Names of the large files that were fetched.
        seen: Command lines of all processes, at each request.
    """

    root: Path
    token: str
    url: str = ""
    shown: list[str | None] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    seen: list[bytes] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the base class's
        """Say nothing."""

    def serve(self) -> None:
        host = self.server.host
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        shown = self.headers.get("Authorization")
        host.shown.append(shown)
        host.seen += _command_lines()
        password = base64.b64decode((shown or "").removeprefix("Basic ")).partition(b":")[2].decode()
        path = urlsplit(self.path).path
        if password != host.token:
            self._reply(401, b"", **{"WWW-Authenticate": 'Basic realm="git"'})
        elif path.endswith("/info/lfs/objects/batch"):
            self._batch(json.loads(body))
        elif "/lfs-objects/" in path:
            oid = path.rpartition("/")[2]
            host.fetched.append(oid)
            (found,) = host.root.rglob(f".git/lfs/objects/*/*/{oid}")
            self._reply(200, found.read_bytes(), **{"Content-Type": "application/octet-stream"})
        else:
            self._backend(body)

    do_GET = do_POST = serve  # noqa: N815 -- what http.server looks for

    def _reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _batch(self, asked: dict[str, list[dict[str, object]]]) -> None:
        header = {"Authorization": self.headers["Authorization"]}
        objects = [
            {
                **wanted,
                "actions": {
                    "download": {"href": f"{self.server.host.url}/lfs-objects/{wanted['oid']}", "header": header}
                },
            }
            for wanted in asked["objects"]
        ]
        answer = json.dumps({"transfer": "basic", "objects": objects}).encode()
        self._reply(200, answer, **{"Content-Type": "application/vnd.git-lfs+json"})

    def _backend(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        environ = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.server.host.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "somebody",
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environ, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode().split("\r\n")]
        headers = {name: value for name, _, value in lines}
        status = int(headers.pop("Status", "200").split()[0])
        self._reply(status, content, **headers)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    host: GitHost


def _command_lines() -> list[bytes]:
    """Read what everybody on the machine can see of the processes that run now."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes())
    return lines


@contextmanager
def git_host(root: Path, token: str) -> Iterator[GitHost]:
    """Serve the repositories below a directory."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        host = GitHost(root, token, f"http://127.0.0.1:{server.server_address[1]}")
        server.host = host
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield host
        server.shutdown()
        thread.join()
