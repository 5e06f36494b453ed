"""The parts of a hub inside the test, with a clock and a policy of the test's own."""

import asyncio
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from orchard.hub.access import (
    ANONYMOUS,
    TOKEN_PATH,
    Action,
    Door,
    EverybodyInside,
    OpenDoor,
    People,
    Principal,
    Sight,
    Tickets,
)
from orchard.hub.catalog import events, proxies
from orchard.hub.catalog.proxies import Proxy
from orchard.hub.db import Database, migrate
from orchard.hub.db.sqlite import open_sqlite
from orchard.hub.egress import Gate, Vault
from orchard.hub.http import Access, Guard, Site, Surface, Threads, build_app
from orchard.hub.http.tickets import TokenEndpoint
from orchard.hub.http.watch import health_surface
from orchard.hub.queue import Queue
from orchard.hub.registry import Policy, Premises, Reach, Recall, Registry, Upstreams, boundless
from orchard.hub.storage.filesystem import Filesystem
from support.hubclient import Answer, Client

CATALOG = "catalog.sqlite3"


@contextmanager
def quick_directory() -> Iterator[Path]:
    """Make a directory in memory where that is possible: flushing to a disk that others use takes 10 ms a time."""
    memory = Path("/dev/shm")  # noqa: S108 -- a fresh directory below it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        yield Path(directory)


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

    def knows(self, who: Principal, action: Action, repository: str) -> bool | None:
        return self.allows(who, action, repository) or None  # so that both ways are gone

    def allows(self, who: Principal, action: Action, repository: str) -> bool:  # noqa: ARG002 -- all or nothing
        return repository in self._readable.get(who.name, set())

    def prepare(self, who: Principal, repositories: Collection[str]) -> None:
        """Know everything already."""

    def sight(self, who: Principal) -> Sight | None:
        return None if who.name == "asked" else Sight(repositories=frozenset(self._readable.get(who.name, set())))


class NamedDoor:
    """A door that believes whatever name is said."""

    challenge: str | None = None

    def recall(self, authorization: bytes | None) -> Principal | None:
        return Principal((authorization or b"nobody").decode())

    def login(self, authorization: bytes | None, address: str) -> Principal:
        raise AssertionError((authorization, address))

    def is_slow(self, authorization: bytes | None) -> bool:
        raise AssertionError(authorization)

    def visit(self, session: str) -> Principal | None:
        raise AssertionError(session)

    def lapsed(self, authorization: bytes | None) -> Principal | None:
        raise AssertionError(authorization)

    def invite(self, origin: str, scopes: Sequence[str], error: str | None = None) -> str | None:  # noqa: ARG002
        return None


def new_door(found: People, *, lifetime: float = 300.0, url: str | None = None, late: float = 0.0) -> Door:
    """Make the door of a hub whose clock is that of its accounts."""
    return Door(found, new_tickets(found, lifetime=lifetime), found.ledger.now, url=url, late=late)


def new_tickets(found: People, *, lifetime: float = 300.0, service: str = "orchard") -> Tickets:
    return Tickets(
        found.keys,
        found.rights,
        users=found.users,
        tokens=found.tokens,
        service=service,
        lifetime=lifetime,
        now=found.ledger.now,
    )


class Inside(Client):
    """A hub inside the test, without a socket."""

    def __init__(
        self,
        data: Path,
        *,
        policy: Policy | None = None,
        access: Callable[[Database], Access] | None = None,
        reach: Callable[[Principal, str], Reach] = boundless,
        people: Callable[[People], None] | None = None,
        url: str | None = None,
        site: Site | None = None,
        surfaces: Callable[["Inside"], Sequence[Surface]] = lambda _: (),
        recall: int = 1 << 20,
        timeout: float = 5.0,
        min_chunk: int = 0,
        fresh: bool = True,
        allow: Sequence[str] = (),
        database: Database | None = None,
        queue: Callable[[Database], Queue | None] = lambda _: None,
    ) -> None:
        self.data = data
        self.who = ANONYMOUS
        self.clock = Clock()
        self.database = database or (fresh_catalog(data) if fresh else open_sqlite(data / CATALOG))
        self.files = Filesystem(data, now=self.clock)
        self.people = People.of(self.database, self.clock)
        self.threads = Threads()
        door = OpenDoor() if access is None else access(self.database)
        served: tuple[Surface, ...] = ()
        if people is not None:
            people(self.people)
            door, policy = new_door(self.people, url=url, late=3600), self.people.rights
            endpoint = TokenEndpoint(door, new_tickets(self.people), self.threads, timeout)
            served = (Surface(TOKEN_PATH, endpoint, open=True),)
        self.premises = Premises(
            self.database,
            self.files,
            policy or EverybodyInside(),
            recall=Recall(recall),
            now=self.clock,
            reach=reach,
            queue=queue(self.database),
        )
        self.vault = Vault("only for tests " * 3, None)
        self.gate = Gate.of(allow, ["443"])
        self.upstreams = Upstreams(self.database, self.vault, self.gate, spool=data / "spool", steady=self.clock)
        self.registry = Registry(self.premises, self.upstreams)
        guard = Guard(loopback_only=access is None and people is None)
        self.app = build_app(
            self.registry,
            door,
            self.threads,
            guard=guard,
            site=site or Site(),
            timeout=timeout,
            min_chunk=min_chunk,
            surfaces=(health_surface(self.threads), *served, *surfaces(self)),
        )

    def proxy(self, namespace: str, remote: str, *, login: tuple[str, str] | None = None, **options: int) -> None:
        """Let repositories stand for those of another registry."""
        user, password = (None, None) if login is None else login
        made = Proxy(
            namespace=namespace,
            remote=remote,
            username=user,
            password=None if password is None else self.vault.seal(password),
            ttl=options.get("ttl", 300),
            largest=options.get("largest"),
            created_at=0,
            created_by="ana",
        )
        with self.database.write() as connection:
            proxies.put(connection, made)
        self.upstreams.refresh()

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
