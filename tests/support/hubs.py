"""Hubs for tests: processes of their own here, the parts of one inside the test in ``hubinside``."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from random import Random
from ssl import SSLContext
from threading import Event, Timer

from support.hubclient import Answer, Client, describe, index, kind_of, manifest, subject
from support.hubinside import CATALOG, Clock, Inside, MakeHub, NamedDoor, Only, fresh_catalog, quick_directory
from support.measuring import measured

__all__ = [
    "BLOB",
    "CATALOG",
    "Answer",
    "Client",
    "Clock",
    "Hub",
    "Inside",
    "MakeHub",
    "NamedDoor",
    "Nursery",
    "Only",
    "Twin",
    "basic",
    "describe",
    "dice",
    "fresh_catalog",
    "index",
    "kind_of",
    "manifest",
    "nursery",
    "quick_directory",
    "read_all",
    "running_hub",
    "send_head",
    "subject",
    "wait_until",
]

BLOB = "application/octet-stream"
PATIENCE = 60.0

_SCRIPT = """
import json, sys
from pathlib import Path
from orchard.errors import OrchardError
from orchard.hub import run
from orchard.hub.settings import load_settings
settings = json.loads(sys.argv[2])
try:
    run(load_settings({}, settings, data=Path(sys.argv[1])), announce=lambda line: print(line, flush=True))
except OrchardError as error:
    print(f"{type(error).__name__}: {error}", flush=True)
    sys.exit(1)
"""

_NURSERY = """
import json, os, resource, sys
from pathlib import Path
import orchard.hub.app.running
from orchard.hub import run
from orchard.hub.settings import load_settings
for line in sys.stdin:
    data, settings, environ = json.loads(line)
    pid = os.fork()
    if pid == 0:
        os.environ.clear()
        os.environ.update(environ)
        print("pid", os.getpid(), flush=True)
        limit = settings.pop("file_size", None)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        run(load_settings({}, settings, data=Path(data)), announce=lambda line: print(line, flush=True))
        sys.exit(0)
    print("ended", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@dataclass
class Hub(Client):
    """A hub that runs as a process of its own."""

    host: str
    process: "subprocess.Popen[str]"
    data: Path
    announced: list[str] = field(default_factory=list)
    authorization: str | None = None
    context: SSLContext | None = None
    stderr: Path | None = None

    def request(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = self._connection()
        login = {} if self.authorization is None else {"authorization": self.authorization}
        try:
            content = body if isinstance(body, bytes) else iter(body)
            connection.request(method, target, content or None, {**login, **(headers or {})})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def _connection(self) -> HTTPConnection:
        if self.context is None:
            return HTTPConnection(self.host, timeout=PATIENCE)
        return HTTPSConnection(self.host, timeout=PATIENCE, context=self.context)

    def log(self) -> str:
        """What it has written to stderr."""
        return "" if self.stderr is None else self.stderr.read_text()

    @property
    def port(self) -> int:
        return int(self.host.rpartition(":")[2])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def wait_for_upload(self) -> None:
        """Wait until bytes of an unfinished upload have arrived."""
        wait_until(lambda: any(size > 0 for size in self.uploads().values()))

    def uploads(self) -> dict[str, int]:
        """Unfinished uploads with their sizes."""
        sizes: dict[str, int] = {}
        for path in (self.data / "uploads").glob("*"):
            with suppress(FileNotFoundError):
                sizes[path.name] = path.stat().st_size
        return sizes


def wait_until(met: Callable[[], bool]) -> None:
    never = Event()
    for _ in range(round(PATIENCE / 0.01)):
        if met():
            return
        never.wait(0.01)
    raise AssertionError("waited in vain")


@contextmanager
def running_hub(data: Path, **settings: object) -> Iterator[Hub]:
    """Run a hub on a free port until the block ends, or until it is killed in it."""
    with tempfile.NamedTemporaryFile("w+") as log:
        command = [sys.executable, "-c", _SCRIPT, str(data), json.dumps({"port": 0, **settings})]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        try:
            announced = list(_until_ready(process.stdout))
            log.seek(0)
            ready = [line for line in announced if line.startswith("listening")]
            assert ready, f"the hub did not start: {announced} {log.read()}"
            port = ready[0].rpartition(":")[2]
            yield Hub(f"127.0.0.1:{port}", process, data, announced, stderr=Path(log.name))
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()
                process.stdout.close()


def _until_ready(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line.strip()
        if line.startswith("listening"):
            return


@dataclass
class Twin(Hub):
    """A hub that is a copy of another process, which knows how it ended."""

    pid: int = 0
    code: int | None = None

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Wait for its end, which it is helped to if it takes too long; give its exit code.

        Raises:
            AssertionError: If it did not end by itself.
        """
        if self.code is None:
            assert self.process.stdout is not None
            late = Event()

            def kill() -> None:
                late.set()
                self.signal(signal.SIGKILL)

            help_out = Timer(PATIENCE, kill)
            help_out.start()
            ended = next(line for line in self.process.stdout if line.startswith("ended"))
            help_out.cancel()
            self.code = int(ended.split()[1])
            assert not late.is_set(), f"the hub did not end within {PATIENCE} s"
        return self.code


class Nursery:
    """Starts hubs quickly, one after the other: a process that has loaded everything makes copies of itself."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    @contextmanager
    def hub(self, data: Path, **settings: object) -> Iterator[Twin]:
        """Run a hub until the block ends; kill it in the block, or it is asked to stop then."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        print(json.dumps([str(data), {"port": 0, **settings}, dict(os.environ)]), file=stdin, flush=True)
        found = [line.strip() for line in _until_ready(stdout)]
        pid = int(next(line for line in found if line.startswith("pid")).split()[1])
        twin = Twin("127.0.0.1:" + found[-1].rpartition(":")[2], self._process, data, found[1:], pid=pid)
        try:
            yield twin
        finally:
            if twin.code is None:
                with suppress(ProcessLookupError):
                    twin.signal(signal.SIGTERM)
                twin.wait()


@contextmanager
def nursery() -> Iterator[Nursery]:
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-c", _NURSERY]
        environ = {**os.environ, **measured()}
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environ
        )
        with process:
            yield Nursery(process)
            assert process.stdin is not None
            process.stdin.close()


def send_head(connection: socket.socket, method: str, target: str, *headers: str) -> None:
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode("latin-1"))


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311 -- repeatable, and no secret


def basic(account: str, password: str) -> str:
    return "Basic " + b64encode(f"{account}:{password}".encode()).decode()
