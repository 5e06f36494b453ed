"""What needs somebody's attention, in words, each with the page where something can be done about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from orchard.hub.catalog.mirrors import FAILED, Mirror
from orchard.hub.catalog.webhooks import Webhook
from orchard.hub.http.pages import text
from orchard.hub.http.pages.admin.means import Space
from orchard.hub.jobs.caretaking import Reports
from orchard.hub.queue import State
from orchard.hub.settings import Settings

_BACKUP: Final = timedelta(days=7)
_TIGHT: Final = 0.1  # of a disk
_SLACK: Final = 2  # times an interval after which what should have happened is late
_DEEP: Final = 1000  # tasks


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that needs attention.

    Attributes:
        text: What is so, and what to do about it.
        url: Where that is done.
        grave: Whether something is broken already; else it may be soon.
    """

    text: str
    url: str
    grave: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How the hub is.

    Attributes:
        damaged: Blobs that are known to be damaged.
        reports: What upkeep last came to.
        counts: Tasks of each kind and state.
        hooks: Webhooks.
        mirrors: Mirrors.
        space: Room on the disk, if blobs are on one.
        full: Namespaces that keep as much as they may, as far as they were looked at.
        empty: Whether nothing was pushed yet: then nothing is late.
    """

    damaged: int
    reports: Reports
    counts: Mapping[tuple[str, State], int]
    hooks: Sequence[Webhook]
    mirrors: Sequence[Mirror]
    space: Space | None
    full: Sequence[str]
    empty: bool


def concerns(found: Condition, settings: Settings, now: datetime) -> list[Concern]:
    """Name what needs attention, the worst first."""
    all_of_them = [
        *_bytes(found),
        *_quotas(found),
        *_tasks(found, settings),
        *_outside(found),
        *_late(found, settings, now),
    ]
    return sorted(all_of_them, key=lambda concern: not concern.grave)


def _bytes(found: Condition) -> Iterator[Concern]:
    if found.damaged:
        blobs = text.count(found.damaged, "blob")
        yield Concern(
            f"{blobs} damaged or missing: nobody gets them until they are pushed again.", "/admin/storage", grave=True
        )
    space = found.space
    if space is not None and space.free < space.total * _TIGHT:
        left = f"{text.size(space.free)} of {text.size(space.total)}"
        yield Concern(f"The disk is nearly full: {left} are free. Collect garbage, or add room.", "/admin/storage")


def _quotas(found: Condition) -> Iterator[Concern]:
    if len(found.full) == 1:
        name = text.clip(found.full[0], 64)
        yield Concern(
            f"The namespace {name} is full: nobody can push there.", f"/admin/namespaces/{quote(found.full[0])}"
        )
    elif found.full:
        yield Concern(f"{text.count(len(found.full), 'namespace')} full: nobody can push there.", "/admin/namespaces")


def _tasks(found: Condition, settings: Settings) -> Iterator[Concern]:
    failed = sum(number for (_, state), number in found.counts.items() if state is State.FAILED)
    waiting = sum(number for (_, state), number in found.counts.items() if state is State.WAITING)
    if failed:
        yield Concern(
            f"{text.count(failed, 'job')} given up in the last 7 days. See why, and try again.",
            "/admin/jobs?state=failed",
            grave=True,
        )
    if waiting > _DEEP:
        yield Concern(f"{text.count(waiting, 'job')} waiting. More workers would help.", "/admin/jobs?state=waiting")
    if not settings.workers:
        yield Concern("This process does no jobs (--workers 0): another one has to.", "/admin/jobs")


def _outside(found: Condition) -> Iterator[Concern]:
    off = [hook for hook in found.hooks if not hook.active and hook.reason]
    failing = [hook for hook in found.hooks if hook.active and hook.failures]
    broken = [mirror for mirror in found.mirrors if mirror.state == FAILED]
    if off:
        yield Concern(f"{text.count(len(off), 'webhook')} switched off by the hub.", "/admin/webhooks", grave=True)
    if failing:
        yield Concern(f"{text.count(len(failing), 'webhook')} whose receiver does not answer.", "/admin/webhooks")
    if broken:
        yield Concern(f"{text.count(len(broken), 'mirror')} whose last run failed.", "/admin/mirrors", grave=True)


def _late(found: Condition, settings: Settings, now: datetime) -> Iterator[Concern]:
    if found.empty:
        return
    reports = found.reports
    if reports.backup is None:
        yield Concern("No backup was ever made of this hub: orchard hub backup DIRECTORY.", "/admin/storage")
    elif now - reports.backup.ended_at > _BACKUP:
        yield Concern(f"The last backup was made {text.ago(reports.backup.ended_at, now)}.", "/admin/storage")
    every = timedelta(seconds=settings.collect_every * _SLACK)
    if reports.garbage is not None and now - reports.garbage.ended_at > every:
        ago = text.ago(reports.garbage.ended_at, now)
        yield Concern(
            f"Garbage was collected {ago}; it should be every {_span(settings.collect_every)}.", "/admin/storage"
        )


def _span(seconds: float) -> str:
    hours = round(seconds / 3600)
    return text.count(hours, "hour") if hours else text.count(round(seconds / 60), "minute")
