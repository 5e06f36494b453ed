"""Periodic work on what holds: retention, and the trash."""

from typing import Final

from orchard.hub.jobs.kind import Kind, Run, counting
from orchard.hub.registry import Registry

EVERY: Final = 3600.0  # seconds


def retention(registry: Registry) -> Kind:
    """Make the task that puts into the trash what no rule keeps. Of a payload ``repository``, only that one."""

    def retain(run: Run) -> None:
        name = run.payload.get("repository")
        if isinstance(name, str):
            gone = len(registry.upkeep().retain(name, tell=counting(run, "manifests")).goes)
            run.log(f"{name}: {gone} manifests went to the trash")
        else:
            gone = registry.upkeep().retain_all(counting(run, "repositories"), run.log)
        run.progress(gone, gone, f"{gone} manifests went to the trash", unit="manifests")

    return Kind(name="retention", handler=retain, every=EVERY)


def purge_trash(registry: Registry, lifetime: float) -> Kind:
    """Make the task that forgets what was deleted more than ``lifetime`` seconds ago."""

    def purge(run: Run) -> None:
        gone = registry.upkeep().purge(lifetime, counting(run, "entries"))
        run.progress(gone, gone, f"forgot {gone} entries of the trash", unit="entries")

    return Kind(name="purge-trash", handler=purge, every=EVERY)
