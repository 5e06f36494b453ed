"""What goes out of the hub and what it fetches: webhooks, mirrors, other registries that repositories stand for."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final, TypedDict

from orchard.errors import NotFoundError, StorageError
from orchard.hub.access import ANONYMOUS, EverybodyInside, Principal
from orchard.hub.app.drivers import catalog_file, open_catalog, open_files, open_queue
from orchard.hub.db import Database
from orchard.hub.egress import VAULT, Gate, Vault
from orchard.hub.http.api import Mirrors, Proxies, Webhooks
from orchard.hub.jobs import (
    Courier,
    Deliverer,
    HookKeeper,
    Kind,
    Mirroring,
    MirrorKeeper,
    ProxyKeeper,
    Run,
    Spreader,
)
from orchard.hub.queue import Queue
from orchard.hub.registry import FRESH, Policy, Premises, Recall, Registry, Upstreams
from orchard.hub.settings import Settings

_SPOOL: Final = "spool"


class Means(TypedDict):
    """What every keeper works with."""

    vault: Vault
    gate: Gate
    now: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Outside:
    """How the hub goes out.

    Attributes:
        gate: Says where it may go.
        vault: Knows the secrets that it shows there.
        upstreams: Other registries that repositories here stand for.
        deliverer: Tells webhooks.
    """

    database: Database
    gate: Gate
    vault: Vault
    upstreams: Upstreams
    deliverer: Deliverer

    def mirroring(self, registry: Registry, queue: Queue) -> Mirroring:
        """Make what runs mirrors."""
        return Mirroring(self.database, registry, vault=self.vault, gate=self.gate, queue=queue, now=time.time)

    def resources(self, policy: Policy, mirroring: Mirroring) -> Sequence[object]:
        """Make the parts of the JSON API that are about it."""
        kept = self.keepers(policy, mirroring)
        return (Webhooks(kept.hooks), Mirrors(kept.mirrors), Proxies(kept.proxies))

    def keepers(self, policy: Policy, mirroring: Mirroring, who: Principal = ANONYMOUS) -> "Keepers":
        """Make those who keep what is about it; ``who`` is whoever runs the hub, if it is asked on its own machine."""
        means: Means = {"vault": self.vault, "gate": self.gate, "now": time.time}
        return Keepers(
            who,
            HookKeeper(self.database, policy, self.deliverer, **means),
            MirrorKeeper(self.database, policy, mirroring, **means),
            ProxyKeeper(self.database, policy, self.upstreams, **means),
        )

    def courier(self, mirroring: Mirroring) -> Courier:
        """Make what carries events out, from ``with`` on."""
        listeners = [self.deliverer.listen, mirroring.listen]
        return Courier(Spreader(self.database, listeners), self.deliverer)

    def kinds(self, mirroring: Mirroring) -> Sequence[Kind]:
        """Name what workers do about it."""

        def prune(run: Run) -> None:
            gone = self.deliverer.prune()
            run.progress(gone, gone, f"forgot {gone} old deliveries")

        return (*mirroring.kinds(), Kind(name="forget-deliveries", handler=prune, every=3600.0))


@dataclass(frozen=True, slots=True)
class Keepers:
    """What whoever runs a hub keeps on its own machine.

    Attributes:
        who: As whom.
        hooks: Webhooks.
        mirrors: Mirrors.
        proxies: Names that stand for other registries.
    """

    who: Principal
    hooks: HookKeeper
    mirrors: MirrorKeeper
    proxies: ProxyKeeper


@contextmanager
def open_keepers(settings: Settings, account: str) -> Iterator[Keepers]:
    """Open the catalog of a hub for its administrator; a running hub learns of what is changed within seconds.

    Raises:
        NotFoundError: If no hub has used the data directory.
        ConflictError: If a newer Orchard made it.
        UsageError: If the settings cannot be read.
        StorageError: If it cannot be used.
    """
    if settings.database is None and not catalog_file(settings.data).is_file():
        raise NotFoundError(
            f"{settings.data} is not the data directory of a hub; name it with --data, or start the hub there once"
        )
    with open_catalog(settings) as database:
        outside, policy = _outside(settings, database), EverybodyInside()
        premises = Premises(database, open_files(settings, database), policy, recall=Recall(0), now=time.time)
        mirroring = outside.mirroring(Registry(premises, outside.upstreams), open_queue(database))
        yield outside.keepers(policy, mirroring, Principal(account))
        outside.upstreams.close()


def _outside(settings: Settings, database: Database) -> Outside:
    gate = Gate.of(settings.egress_allow, settings.egress_ports)
    vault = Vault(settings.secret_key, settings.data / VAULT if settings.database is None else None)
    upstreams = Upstreams(database, vault, gate, spool=settings.data / _SPOOL)
    return Outside(database, gate, vault, upstreams, Deliverer(database, vault, gate, now=time.time, url=settings.url))


@contextmanager
def open_outside(settings: Settings, database: Database) -> Iterator[Outside]:
    """Find out how the hub goes out, and keep up with what is changed about it until the block ends.

    Raises:
        UsageError: If the settings cannot be read, or the key that they give is too short.
        StorageError: If the catalog fails.
    """
    outside = _outside(settings, database)
    if settings.database is None:
        outside.deliverer.begin_anew()
    with _watching(outside.upstreams):
        yield outside


@contextmanager
def _watching(upstreams: Upstreams) -> Iterator[None]:
    """Learn within seconds what other processes change, while the block runs."""
    upstreams.refresh()
    ended = Event()

    def watch() -> None:
        while not ended.wait(FRESH):
            with suppress(StorageError):  # others say that the catalog fails
                upstreams.refresh()

    watcher = Thread(target=watch, name="hub-proxies", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        upstreams.close()
