"""Forgetting uploads that nobody goes on with, as a task."""

from typing import Final

from orchard.hub.jobs.kind import Kind, Run
from orchard.hub.registry import Registry

_HOUR: Final = 3600.0


def sweeping(registry: Registry, *, lifetime: float) -> Kind:
    """Make the kind of task that forgets uploads for which nothing came in ``lifetime`` seconds."""

    def sweep(_: Run) -> None:
        registry.sweep_uploads(lifetime)

    return Kind(name="clean-uploads", handler=sweep, every=_HOUR)
