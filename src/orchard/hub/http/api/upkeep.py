"""Upkeep: garbage, and bytes that are read again."""

from collections.abc import Callable

from orchard.hub.access import Principal
from orchard.hub.catalog.upkeep import Report
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import Bytes, Count, DigestText, Input, Moment, Output, Paged, Part
from orchard.hub.jobs.caretaking import Caretaker
from orchard.hub.queue import Record
from orchard.hub.registry import Page


class GarbageReport(Output, frozen=True):
    """What a collection of garbage deleted, or a rehearsal would have.

    Attributes:
        ended_at: When it was done.
        referrers: Manifests about something that is not there.
        links: Blobs that a repository had, that no manifest there names, and that nobody asked for lately.
        blobs: Blobs that no repository has.
        blob_bytes: Their bytes.
        strays: Blobs that the catalog did not know, from crashes.
        stray_bytes: Their bytes.
        objects: Objects of an object store that belonged to nothing; a rehearsal does not look for them.
    """

    ended_at: Moment
    referrers: Count
    links: Count
    blobs: Count
    blob_bytes: Bytes
    strays: Count
    stray_bytes: Bytes
    objects: Count


class ScrubReport(Output, frozen=True):
    """What was read again, and found.

    Attributes:
        ended_at: When it was done.
        blobs: Blobs that were read.
        read_bytes: Their bytes.
        damaged: Blobs that are not what their digests say, or cannot be read.
        healed: Blobs that were damaged before, and are sound.
    """

    ended_at: Moment
    blobs: Count
    read_bytes: Bytes
    damaged: Count
    healed: Count


class UpkeepReports(Output, frozen=True):
    """What upkeep last came to; null where it never ran.

    Attributes:
        garbage: The last collection of garbage.
        rehearsal: The last rehearsal of one.
        scrub: The last time that blobs were read again.
    """

    garbage: GarbageReport | None
    rehearsal: GarbageReport | None
    scrub: ScrubReport | None


class GarbageOrder(Input, frozen=True):
    """How garbage is to be collected.

    Attributes:
        rehearse: Whether only to tell what would be deleted.
    """

    rehearse: bool = False


class ScrubOrder(Input, frozen=True):
    """Which blobs are to be read again.

    Attributes:
        everything: All of them, and not only those that were not read for long.
    """

    everything: bool = False


class UpkeepTask(Output, frozen=True):
    """Something that was asked for.

    Attributes:
        id: Its name.
        state: waiting, running, done, failed or cancelled.
        done: How far it is, in whatever it counts.
        total: How far it has to go, if that is known.
        note: What is being done, or what came of it.
        reason: Why it failed the last time that it was tried.
    """

    id: str
    state: str
    done: Count
    total: Count | None
    note: str
    reason: str | None


class DamagedBlob(Output, frozen=True):
    """A blob whose bytes are damaged or missing; pushing it again heals it.

    Attributes:
        digest: What it is called.
        size: Bytes that it should have.
        since: When that was found.
        repositories: Some repositories that have it.
    """

    digest: DigestText
    size: Bytes
    since: Moment
    repositories: list[str]


class Upkeep:
    """Garbage, and bytes that are read again. For administrators of the site."""

    def __init__(self, caretaker: Caretaker, admit: Callable[[Principal], object]) -> None:
        """Make the resource.

        Args:
            caretaker: Does it.
            admit: Refuses whoever does not administer the site.
        """
        self._caretaker = caretaker
        self._admit = admit

    @operation("GET", "/upkeep")
    def get_upkeep(self, who: Principal) -> UpkeepReports:
        """Tell what upkeep last came to."""
        self._admit(who)
        found = self._caretaker.reports()
        return UpkeepReports(
            garbage=_garbage(found.garbage),
            rehearsal=_garbage(found.rehearsal),
            scrub=None if found.scrub is None else ScrubReport(found.scrub.ended_at, **found.scrub.counts),
        )

    @operation("POST", "/upkeep/garbage", status=202)
    def collect_garbage(self, who: Principal, *, body: GarbageOrder) -> UpkeepTask:
        """Have garbage collected, beside everything else."""
        self._admit(who)
        return _task(self._caretaker.task(self._caretaker.collect_garbage(rehearse=body.rehearse)))

    @operation("POST", "/upkeep/scrub", status=202)
    def scrub(self, who: Principal, *, body: ScrubOrder) -> UpkeepTask:
        """Have blobs read again, to see whether they are still what their digests say."""
        self._admit(who)
        return _task(self._caretaker.task(self._caretaker.scrub(everything=body.everything)))

    @operation("GET", "/upkeep/tasks/{task}")
    def get_upkeep_task(self, who: Principal, *, task: str) -> UpkeepTask:
        """Tell how far something is that was asked for."""
        self._admit(who)
        return _task(self._caretaker.task(task))

    @operation("GET", "/upkeep/damaged")
    def list_damaged(self, who: Principal, *, query: Paged) -> Part[DamagedBlob]:
        """List the blobs that are known to be damaged, by digest."""
        self._admit(who)
        found = [
            DamagedBlob(str(one.digest), one.size, one.since, list(one.repositories))
            for one in self._caretaker.damages(Page(query.after, query.limit + 1))
        ]
        return Part.of(found, query.limit, lambda last: last.digest)


def _garbage(report: Report | None) -> GarbageReport | None:
    return None if report is None else GarbageReport(report.ended_at, **report.counts)


def _task(record: Record) -> UpkeepTask:
    progress = record.progress
    return UpkeepTask(record.id, record.state.value, progress.done, progress.total, progress.note, record.reason)
