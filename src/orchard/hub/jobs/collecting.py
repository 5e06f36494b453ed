"""Collecting garbage, as a task."""

from dataclasses import asdict
from typing import Final

from orchard.hub import catalog
from orchard.hub.jobs.kind import Kind, Run, counting, noting
from orchard.hub.registry import Collector, Premises, Upkeep

COLLECT: Final = "collect-garbage"
REHEARSE: Final = "rehearse"  # in the payload: only tell what would be deleted


def collecting(premises: Premises, *, trash: float, every: float) -> Kind:
    """Make the kind of task that collects garbage; what came of it is the report of its kind.

    Args:
        premises: Where.
        trash: Seconds for which what was deleted can come back; what is older is forgotten first.
        every: Seconds between two times that nobody asks for.
    """

    def collect(run: Run) -> None:
        rehearse = run.payload.get(REHEARSE) is True
        if not rehearse:
            gone = Upkeep(premises).purge(trash, counting(run, "entries"))
            run.log(f"emptied the trash of {gone} entries")
        found = Collector(premises, noting(run, "rows"), keep=premises.keep, rehearse=rehearse).collect()
        with premises.database.aside() as connection:
            catalog.upkeep.note(connection, report_of(rehearse=rehearse), asdict(found), at=premises.at)
        would = "would delete" if rehearse else "deleted"
        run.log(
            f"{would} {found.referrers} referrers, {found.links} links, {found.strays} strays, {found.objects} objects"
        )
        run.log(f"{would} {found.blobs} blobs of {found.blob_bytes} bytes, and strays of {found.stray_bytes} bytes")
        run.progress(found.blobs, found.blobs, f"{found.blobs} blobs, {found.blob_bytes} bytes", unit="blobs")

    return Kind(name=COLLECT, handler=collect, every=every)


def report_of(*, rehearse: bool) -> str:
    """Name the report that such a task leaves."""
    return f"{COLLECT}-rehearsal" if rehearse else COLLECT
