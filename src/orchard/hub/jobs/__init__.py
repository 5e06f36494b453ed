"""What the hub does by itself, beside requests: handlers of tasks, and the workers that run them."""

from orchard.hub.jobs.kind import Handler, HopelessError, Kind, Run, StoppedError
from orchard.hub.jobs.worker import Worker

__all__ = ["Handler", "HopelessError", "Kind", "Run", "StoppedError", "Worker"]
