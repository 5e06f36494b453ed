"""Periodic work on what holds: retention, and the trash."""

from typing import Final

from orchard.hub.catalog.usage import EVERYWHERE
from orchard.hub.jobs.kind import Kind, Run, counting
from orchard.hub.registry import Registry

RETAIN: Final = "retention"
SCOPE: Final = "scope"  # in the payload: a repository or a namespace
EVERY: Final = 3600.0  # seconds


def retention(registry: Registry) -> Kind:
    """Make the task that puts into the trash what no rule keeps; with ``scope`` in its payload, only there."""

    def retain(run: Run) -> None:
        scope = run.payload.get(SCOPE)
        where = scope if isinstance(scope, str) else EVERYWHERE
        gone = registry.upkeep().retain_all(counting(run, "repositories"), run.log, scope=where)
        run.progress(gone, gone, f"{gone} manifests went to the trash", unit="manifests")

    return Kind(name=RETAIN, handler=retain, every=EVERY)


def purge_trash(registry: Registry, lifetime: float) -> Kind:
    """Make the task that forgets what was deleted more than ``lifetime`` seconds ago."""

    def purge(run: Run) -> None:
        gone = registry.upkeep().purge(lifetime, counting(run, "entries"))
        run.progress(gone, gone, f"forgot {gone} entries of the trash", unit="entries")

    return Kind(name="purge-trash", handler=purge, every=EVERY)
