"""Periodic work on what holds: retention, and the trash."""

from typing import Final

from orchard.hub.jobs.kind import Kind, Run
from orchard.hub.registry import Registry

EVERY: Final = 3600.0  # seconds


def retention(registry: Registry) -> Kind:
    """Make the task that puts into the trash what no rule keeps. Of a payload ``repository``, only that one."""

    def retain(run: Run) -> None:
        name = run.payload.get("repository")
        if isinstance(name, str):
            registry.upkeep().retain(name, tell=run.progress)
        else:
            registry.upkeep().retain_all(run.progress)

    return Kind(name="retention", handler=retain, every=EVERY)


def purge_trash(registry: Registry, lifetime: float) -> Kind:
    """Make the task that forgets what was deleted more than ``lifetime`` seconds ago."""

    def purge(run: Run) -> None:
        registry.upkeep().purge(lifetime, run.progress)

    return Kind(name="purge-trash", handler=purge, every=EVERY)
