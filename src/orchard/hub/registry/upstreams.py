"""Other registries that repositories here stand for: which name means which, and how to reach it."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from orchard.errors import (
    DeniedError,
    NotFoundError,
    OrchardError,
    QuotaError,
    RateLimitedError,
    StorageError,
    UpstreamError,
)
from orchard.hub.catalog import proxies
from orchard.hub.catalog.proxies import Proxy
from orchard.hub.db import Database
from orchard.hub.egress import Gate, Vault
from orchard.hub.registry.filling import Fills
from orchard.remote import ANONYMOUS, Credential, Given, Registry, RemoteRepository, Retry, Timeouts, Url

FRESH: Final = 2.0  # seconds after which another process's change of the proxies is seen
_TIMEOUTS: Final = Timeouts(connect=5.0, read=30.0, stall=30.0)
_RETRY: Final = Retry(attempts=2, deadline=20.0)
_DOCKER_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
# Seconds for which a refusal is believed: long enough for the many requests of one client, short enough for people.
_BELIEVED: Final[dict[type[OrchardError], float]] = {
    NotFoundError: 10.0,
    RateLimitedError: 30.0,
    DeniedError: 30.0,
    UpstreamError: 5.0,
}
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Upstream:
    """The repository of another registry that one of ours stands for.

    Attributes:
        proxy: How it is configured.
        name: Of our repository.
        remote: Theirs.
        refusals: What was refused lately.
        fills: Blobs on their way.
        turns: Lets many who want one manifest make one request.
    """

    proxy: Proxy
    name: str
    remote: RemoteRepository
    refusals: "Refusals"
    fills: Fills
    turns: "Turns"

    @contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """Ask it something; what it refused a moment ago is not asked again.

        Raises:
            NotFoundError: If it has no such thing.
            DeniedError: If it does not let the hub in.
            RateLimitedError: If it asks the hub to come back later.
            UpstreamError: If it cannot be asked, or gives what cannot be right.
            QuotaError: If our own namespace is full.
            StorageError: If our own disk or catalog fails.
        """
        self.refusals.repeat(self.name, what)
        try:
            yield
        except (QuotaError, StorageError):
            raise
        except OrchardError as error:
            explained = explain(error, self.remote.host)
            self.refusals.note(self.name, what, explained)
            raise explained from error


def explain(error: OrchardError, host: str) -> OrchardError:
    """Say to a client of ours what another registry's refusal means for it.

    That it wants a login is no reason for our client to log in here, and what it sends that is wrong is not our
    client's mistake.
    """
    if isinstance(error, (NotFoundError, RateLimitedError, UpstreamError)):
        return error
    if isinstance(error, DeniedError):
        return DeniedError(f"{host} does not give this to the hub: {error}")
    return UpstreamError(f"the registry behind this repository failed: {error}")


class Turns:
    """Locks by name, which are there as long as somebody needs them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._locks: dict[str, tuple[Lock, int]] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Wait until nobody else is in a block of this name."""
        with self._lock:
            mine, waiting = self._locks.get(name, (Lock(), 0))
            self._locks[name] = mine, waiting + 1
        try:
            with mine:
                yield
        finally:
            with self._lock:
                _, waiting = self._locks[name]
                self._locks[name] = mine, waiting - 1
                if waiting == 1:
                    del self._locks[name]


class Refusals:
    """What other registries refused a moment ago."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._lock = Lock()
        self._known: dict[tuple[str, str], tuple[OrchardError, float]] = {}

    def note(self, repository: str, what: str, error: OrchardError) -> None:
        """Remember a refusal for a while."""
        kind = next((kind for kind in _BELIEVED if isinstance(error, kind)), None)
        if kind is None:
            return
        with self._lock:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[repository, what] = error, self._steady() + _BELIEVED[kind]

    def repeat(self, repository: str, what: str) -> None:
        """Refuse again what is remembered.

        Raises:
            OrchardError: As it was.
        """
        with self._lock:
            found = self._known.get((repository, what))
        if found is not None and self._steady() < found[1]:
            raise type(found[0])(str(found[0]))


class Upstreams:
    """All of them. Finding one never waits; ``refresh`` reads the catalog.

    Args:
        database: The catalog's.
        vault: Knows the passwords.
        gate: Says where the hub may go.
        spool: Directory for what is on its way.
        steady: Seconds that only grow.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        gate: Gate,
        *,
        spool: Path,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._vault = vault
        self._gate = gate
        self._fills = Fills(spool)
        self._turns = Turns()
        self._steady = steady
        self._refusals = Refusals(steady)
        self._lock = Lock()
        self._proxies: dict[str, Proxy] = {}
        self._registries: dict[str, tuple[Proxy, Registry]] = {}

    def refresh(self) -> None:
        """Read which there are.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._database.read() as connection:
            found = {proxy.namespace: proxy for proxy in proxies.every(connection)}
        with self._lock:
            if found != self._proxies:
                self._refusals = Refusals(self._steady)
            self._proxies = found

    def stands(self, name: str) -> bool:
        """Tell whether a repository of this name stands for one of another registry."""
        return self._proxy(name) is not None

    def origin(self, namespace: str) -> str | None:
        """Name the registry for whose repositories those of a namespace stand, if they do."""
        found = self._proxies.get(namespace)
        return None if found is None else Url.parse(found.remote).origin.authority

    def find(self, name: str) -> Upstream | None:
        """Find what a repository stands for.

        Raises:
            StorageError: If its password cannot be read.
        """
        proxy = self._proxy(name)
        if proxy is None:
            return None
        rest = name[len(proxy.namespace) + 1 :]
        prefix = Url.parse(proxy.remote).path.strip("/")
        remote = self._registry(proxy).repository(f"{prefix}/{rest}" if prefix else rest)
        return Upstream(proxy, name, remote, refusals=self._refusals, fills=self._fills, turns=self._turns)

    def named(self, host: str, name: str) -> str | None:
        """Give our name of a repository of another registry, as clients ask for it that take us for a mirror."""
        wanted = _canonical(host)
        for proxy in self._all():
            url = Url.parse(proxy.remote)
            if url.path.strip("/") == "" and _canonical(url.origin.authority) == wanted:
                return f"{proxy.namespace}/{name}"
        return None

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            for _, registry in self._registries.values():
                registry.close()
            self._registries.clear()

    def _all(self) -> Iterable[Proxy]:
        with self._lock:
            return list(self._proxies.values())

    def _proxy(self, name: str) -> Proxy | None:
        """Find the proxy whose namespace a name is in; of several the longest."""
        known = self._proxies
        if not known:
            return None
        end = name.rfind("/")
        while end > 0:
            found = known.get(name[:end])
            if found is not None:
                return found
            end = name.rfind("/", 0, end)
        return None

    def _registry(self, proxy: Proxy) -> Registry:
        with self._lock:
            known = self._registries.get(proxy.namespace)
            if known is not None and known[0] == proxy:
                return known[1]
            if known is not None:
                known[1].close()
            made = self._made(proxy)
            self._registries[proxy.namespace] = proxy, made
            return made

    def _made(self, proxy: Proxy) -> Registry:
        origin = Url.parse(proxy.remote).origin
        options = self._gate.options(scheme=origin.scheme, timeouts=_TIMEOUTS, retry=_RETRY)
        known = ANONYMOUS
        if proxy.username is not None and proxy.password is not None:
            known = Given(origin.authority, Credential(proxy.username, self._vault.unseal(proxy.password)))
        return Registry(origin.authority, options=options, credentials=known)


def _canonical(host: str) -> str:
    return "docker.io" if host.lower() in _DOCKER_HUB else host.lower()
