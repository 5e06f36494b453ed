"""What the hub does by itself, beside requests: handlers of tasks, and the workers that run them."""

from orchard.hub.jobs.kind import Handler, Kind, Run, StoppedError

__all__ = ["Handler", "Kind", "Run", "StoppedError"]
