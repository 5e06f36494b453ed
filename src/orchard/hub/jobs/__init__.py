"""What the hub does by itself, beside requests: handlers of tasks, and the workers that run them."""

from orchard.hub.jobs import signing
from orchard.hub.jobs.courier import Courier
from orchard.hub.jobs.delivering import Deliverer
from orchard.hub.jobs.kind import Handler, HopelessError, Kind, Run, StoppedError
from orchard.hub.jobs.mirroring import Mirroring
from orchard.hub.jobs.spreading import Spreader
from orchard.hub.jobs.worker import Worker

__all__ = [
    "Courier",
    "Deliverer",
    "Handler",
    "HopelessError",
    "Kind",
    "Mirroring",
    "Run",
    "Spreader",
    "StoppedError",
    "Worker",
    "signing",
]
