"""What the hub does by itself, beside requests: handlers of tasks, and the workers that run them."""

from orchard.hub.jobs import signing
from orchard.hub.jobs.courier import Courier
from orchard.hub.jobs.delivering import Deliverer
from orchard.hub.jobs.keeping_hooks import EVENTS, HookKeeper, Wish
from orchard.hub.jobs.keeping_mirrors import MirrorKeeper, MirrorWish
from orchard.hub.jobs.keeping_proxies import ProxyKeeper, ProxyWish
from orchard.hub.jobs.kind import Handler, HopelessError, Kind, Run, StoppedError
from orchard.hub.jobs.mirroring import Mirroring, Report
from orchard.hub.jobs.spreading import Spreader
from orchard.hub.jobs.worker import Worker

__all__ = [
    "EVENTS",
    "Courier",
    "Deliverer",
    "Handler",
    "HookKeeper",
    "HopelessError",
    "Kind",
    "MirrorKeeper",
    "MirrorWish",
    "Mirroring",
    "ProxyKeeper",
    "ProxyWish",
    "Report",
    "Run",
    "Spreader",
    "StoppedError",
    "Wish",
    "Worker",
    "signing",
]
