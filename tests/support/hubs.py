"""Hubs for tests: a real process, and the same parts inside the test with a clock and a policy of the test's own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from threading import Event
from typing import Any, Protocol

from orchard.hub.access import ANONYMOUS, EverybodyInside, OpenDoor, Principal
from orchard.hub.catalog import events
from orchard.hub.db import Database, migrate
from orchard.hub.db.sqlite import open_sqlite
from orchard.hub.http import Access, Guard, Site, Threads, build_app
from orchard.hub.registry import Policy, Premises, Recall, Registry
from orchard.hub.storage.filesystem import Filesystem
from orchard.oci import Digest, mediatype

CATALOG = "catalog.sqlite3"
BLOB = "application/octet-stream"
PATIENCE = 30.0

_SCRIPT = """
import json, resource, sys
from pathlib import Path
from orchard.errors import OrchardError
from orchard.hub import Settings, run
settings = json.loads(sys.argv[2])
limit = settings.pop("file_size", None)
if limit is not None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    run(Settings(data=Path(sys.argv[1]), **settings), announce=lambda line: print(line, flush=True))
except OrchardError as error:
    print(f"{type(error).__name__}: {error}", flush=True)
    sys.exit(1)
"""

_NURSERY = """
import json, os, sys
from pathlib import Path
import orchard.hub.app
from orchard.hub import Settings, run
for line in sys.stdin:
    data, settings = json.loads(line)
    pid = os.fork()
    if pid == 0:
        print("pid", os.getpid(), flush=True)
        run(Settings(data=Path(data), **settings), announce=lambda line: print(line, flush=True))
        os._exit(0)
    os.waitpid(pid, 0)
    print("ended", flush=True)
"""


@dataclass(frozen=True)
class Answer:
    """What a hub answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """Code of the error document."""
        (error,) = json.loads(self.body)["errors"]
        assert set(error) == {"code", "message", "detail"}
        assert error["message"]
        return str(error["code"])

    @property
    def json(self) -> Any:  # noqa: ANN401 -- whatever JSON it is; tests compare it
        return json.loads(self.body)


class Client:
    """What any hub can be asked, in a test's words."""

    def request(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        raise NotImplementedError

    def begin(self, name: str, query: str = "", headers: Mapping[str, str] | None = None) -> str:
        answer = self.request("POST", f"/v2/{name}/blobs/uploads/{query}", headers=headers)
        assert answer.status == 202, answer
        return answer.headers["location"]

    def push_blob(self, name: str, data: bytes, algorithm: str = "sha256") -> Digest:
        digest = Digest.of(data, algorithm)
        answer = self.request("PUT", f"{self.begin(name)}?digest={digest}", data)
        assert answer.status == 201, answer
        return digest

    def push_manifest(self, name: str, raw: bytes, reference: str | Digest | None = None) -> Digest:
        """Push a manifest under a tag, or under its digest."""
        digest = Digest.of(raw)
        answer = self.request("PUT", f"/v2/{name}/manifests/{reference or digest}", raw, {"content-type": kind_of(raw)})
        assert answer.status == 201, answer
        return digest

    def push_image(self, name: str, tag: str, *layers: bytes, **fields: object) -> bytes:
        """Push a manifest with all it names; give the manifest."""
        for data in (b"{}", *layers):
            self.push_blob(name, data)
        raw = manifest(b"{}", *layers, **fields)
        self.push_manifest(name, raw, tag)
        return raw

    def get(self, target: str, **headers: str) -> Answer:
        return self.request("GET", target, headers={name.replace("_", "-"): value for name, value in headers.items()})


@dataclass
class Hub(Client):
    """A hub that runs as a process of its own."""

    host: str
    process: "subprocess.Popen[str]"
    data: Path
    announced: list[str] = field(default_factory=list)
    authorization: str | None = None
    pid: int | None = None

    def request(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = HTTPConnection(self.host, timeout=PATIENCE)
        login = {} if self.authorization is None else {"authorization": self.authorization}
        try:
            content = body if isinstance(body, bytes) else iter(body)
            connection.request(method, target, content or None, {**login, **(headers or {})})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def stop(self) -> int:
        """Ask it to stop; give its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it without a word, as a crash does."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            return
        self.process.kill()
        self.process.wait(PATIENCE)

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
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-c", _SCRIPT, str(data), json.dumps({"port": 0, **settings})]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        try:
            announced = list(_until_ready(process.stdout))
            log.seek(0)
            ready = [line for line in announced if line.startswith("listening")]
            assert ready, f"the hub did not start: {announced} {log.read()}"
            port = ready[0].rpartition(":")[2]
            yield Hub(f"127.0.0.1:{port}", process, data, announced)
        finally:
            process.terminate()
            process.wait(PATIENCE)
            process.stdout.close()


def _until_ready(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line.strip()
        if line.startswith("listening"):
            return


class Nursery:
    """Starts hubs quickly, one after the other: a process that has loaded everything makes copies of itself."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    @contextmanager
    def hub(self, data: Path, **settings: object) -> Iterator["Hub"]:
        """Run a hub until the block ends; kill it in the block, or it is asked to stop then."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        print(json.dumps([str(data), {"port": 0, **settings}]), file=stdin, flush=True)
        found = [line.strip() for line in _until_ready(stdout)]
        pid = int(next(line for line in found if line.startswith("pid")).split()[1])
        try:
            yield Hub(found[-1].rpartition("/")[2], self._process, data, found, pid=pid)
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            next(line for line in stdout if line.startswith("ended"))


@contextmanager
def nursery() -> Iterator[Nursery]:
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-c", _NURSERY]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        with process:
            yield Nursery(process)
            assert process.stdin is not None
            process.stdin.close()


@contextmanager
def quick_directory() -> Iterator[Path]:
    """Make a directory in memory where that is possible: flushing to a disk that others use takes 10 ms a time."""
    memory = Path("/dev/shm")  # noqa: S108 -- a fresh directory below it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        yield Path(directory)


def dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311 -- repeatable, and no secret


def basic(account: str, password: str) -> str:
    return "Basic " + b64encode(f"{account}:{password}".encode()).decode()


@dataclass
class Clock:
    """A clock that the test turns."""

    time: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


class Only:
    """A policy: who may read what, and nobody anything else."""

    def __init__(self, **readable: set[str]) -> None:
        self._readable = readable

    def may_read(self, who: Principal, repository: str) -> bool:
        return repository in self._readable.get(who.name, set())

    def may_write(self, who: Principal, repository: str) -> bool:
        return repository in self._readable.get(who.name, set())


class NamedDoor:
    """A door that believes whatever name is said."""

    challenge: str | None = None

    def recall(self, authorization: bytes | None) -> Principal | None:
        return Principal((authorization or b"nobody").decode())

    def login(self, authorization: bytes | None, address: str) -> Principal:
        raise AssertionError((authorization, address))


class Inside(Client):
    """A hub inside the test, without a socket."""

    def __init__(
        self,
        data: Path,
        *,
        policy: Policy | None = None,
        access: Callable[[Database], Access] | None = None,
        site: Site | None = None,
        recall: int = 1 << 20,
        timeout: float = 5.0,
        fresh: bool = True,
    ) -> None:
        self.data = data
        self.who = ANONYMOUS
        self.clock = Clock()
        self.database = fresh_catalog(data) if fresh else open_sqlite(data / CATALOG)
        self.files = Filesystem(data)
        self.premises = Premises(
            self.database, self.files, policy or EverybodyInside(), recall=Recall(recall), now=self.clock
        )
        self.registry = Registry(self.premises)
        self.threads = Threads()
        door = OpenDoor() if access is None else access(self.database)
        guard = Guard(loopback_only=access is None)
        self.app = build_app(self.registry, door, self.threads, guard=guard, site=site or Site(), timeout=timeout)

    def request(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Mapping[str, str] | None = None,
        *,
        broken: bool = False,
        raw_headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> Answer:
        """Send a request; a broken one loses its connection where its body should go on."""
        # In a thread of its own, for coverage loses its place in a thread where an error is thrown into a coroutine.
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(
                lambda: asyncio.run(self._request(method, target, body, headers or {}, broken=broken, raw=raw_headers))
            )
            return answer.result()

    def actions(self, repository: str) -> list[tuple[str, str | None, str | None]]:
        """What the catalog says has happened to a repository."""
        with self.database.read() as connection:
            return events.actions(connection, repository)

    async def _request(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes],
        headers: Mapping[str, str],
        *,
        broken: bool,
        raw: Iterable[tuple[bytes, bytes]],
    ) -> Answer:
        pieces = [body] if isinstance(body, bytes) else list(body)
        exchange = Exchange(pieces, broken=broken)
        known = {"host": "127.0.0.1:5000", **headers}
        if isinstance(body, bytes) and not broken:
            known.setdefault("content-length", str(len(body)))
        elif "content-length" not in known:
            known["transfer-encoding"] = "chunked"
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [*((name.lower().encode(), value.encode()) for name, value in known.items()), *raw],
            "client": ("127.0.0.1", 4711),
            "scheme": "http",
            "server": ("127.0.0.1", 5000),
            "root_path": "",
        }
        await self.app(scope, exchange.receive, exchange.send)
        return exchange.answer


class MakeHub(Protocol):
    def __call__(self, **options: Any) -> Inside: ...  # noqa: ANN401 -- those of Inside, which checks them


class Exchange:
    """One request and its answer, as an ASGI server sees them."""

    def __init__(self, pieces: list[bytes], *, broken: bool) -> None:
        self._messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": piece, "more_body": broken or number < len(pieces) - 1}
            for number, piece in enumerate(pieces)
        ]
        if broken:
            self._messages.append({"type": "http.disconnect"})
        self._start: Mapping[str, Any] = {}
        self._body: list[bytes] = []
        self.pathsend = False

    async def receive(self) -> dict[str, Any]:
        if not self._messages:
            await asyncio.get_running_loop().create_future()
        return self._messages.pop(0)

    async def send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.pathsend":
            self._body.append(_read(message["path"]))
        else:
            self._body.append(message["body"])

    @property
    def answer(self) -> Answer:
        headers = {name.decode(): value.decode() for name, value in self._start["headers"]}
        return Answer(self._start["status"], headers, b"".join(self._body))


def _read(path: str) -> bytes:
    return Path(path).read_bytes()


def fresh_catalog(data: Path) -> Database:
    """Make a new, migrated catalog."""
    data.mkdir(exist_ok=True)
    (data / CATALOG).write_bytes(_migrated())
    return open_sqlite(data / CATALOG)


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / CATALOG
        database = open_sqlite(path)
        migrate(database)
        database.close()
        return path.read_bytes()


def manifest(config: bytes, /, *layers: bytes, **fields: object) -> bytes:
    """Write an image manifest; fields that are None are left out."""
    document = {
        "schemaVersion": 2,
        "mediaType": mediatype.OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **describe(config)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **describe(data)} for data in layers],
        **fields,
    }
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


def index(*manifests: bytes, **fields: object) -> bytes:
    entries = [{"mediaType": kind_of(raw), **describe(raw)} for raw in manifests]
    return json.dumps({"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": entries, **fields}).encode()


def describe(data: bytes, algorithm: str = "sha256") -> dict[str, Any]:
    return {"digest": str(Digest.of(data, algorithm)), "size": len(data)}


def subject(raw: bytes) -> dict[str, Any]:
    return {"mediaType": kind_of(raw), **describe(raw)}


def kind_of(raw: bytes) -> str:
    return str(json.loads(raw)["mediaType"])
