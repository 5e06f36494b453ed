"""What goes out of the hub and what it fetches: webhooks, mirrors, other registries that repositories stand for."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final

from orchard.errors import StorageError
from orchard.hub.db import Database
from orchard.hub.egress import VAULT, Gate, Vault
from orchard.hub.jobs import Courier, Deliverer, Kind, Mirroring, Run, Spreader
from orchard.hub.queue import Queue
from orchard.hub.registry import FRESH, Registry, Upstreams
from orchard.hub.settings import Settings

_SPOOL: Final = "spool"


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


@contextmanager
def open_outside(settings: Settings, database: Database) -> Iterator[Outside]:
    """Find out how the hub goes out, and keep up with what is changed about it until the block ends.

    Raises:
        UsageError: If the settings cannot be read, or the key that they give is too short.
        StorageError: If the catalog fails.
    """
    gate = Gate.of(settings.egress_allow, settings.egress_ports)
    vault = Vault(settings.secret_key, settings.data / VAULT if settings.database is None else None)
    upstreams = Upstreams(database, vault, gate, spool=settings.data / _SPOOL)
    deliverer = Deliverer(database, vault, gate, now=time.time, url=settings.url)
    if settings.database is None:
        deliverer.begin_anew()
    with _watching(upstreams):
        yield Outside(database, gate, vault, upstreams, deliverer)


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
