"""Jobs: what the hub does by itself, how far it is, and what it told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from orchard.hub.access import Principal
from orchard.hub.http.pages import text
from orchard.hub.http.pages.admin.frame import HOME, ROWS, Frame, Take, Visit, back, next_url
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.live import State as Change
from orchard.hub.http.pages.live import Stream
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import NO_TROUBLE, Trouble, take
from orchard.hub.queue import Record, State
from orchard.oci import JSON, dumps

PATH: Final = f"{HOME}/jobs"
_LIVE: Final = f"/live{PATH}"
_LIVING: Final = frozenset({State.WAITING, State.RUNNING})
_BYTES: Final = "bytes"
# What kinds of jobs do, in the words of people.
KINDS: Final[Mapping[str, str]] = {
    "collect-garbage": "Collect garbage",
    "scrub": "Read blobs again",
    "clean-uploads": "Forget unfinished uploads",
    "retention": "Apply retention",
    "purge-trash": "Empty the trash",
    "understand": "Understand a version",
    "find-versions": "Find versions to understand",
    "hash-files": "Hash files in archives",
    "mirror": "Run a mirror",
    "schedule-mirrors": "Look which mirrors are due",
    "forget-tasks": "Forget old jobs",
    "forget-deliveries": "Forget old deliveries",
}


@dataclass(frozen=True, slots=True)
class Job:
    """A task as a page shows it.

    Attributes:
        title: What it does.
        about: What it is about, in short.
        width: How far it is, in hundredths; none if that is not known.
        count: How far it is, in words; empty if nothing is counted.
        alive: Whether it has not ended.
    """

    record: Record
    title: str
    about: str
    width: int | None
    count: str
    alive: bool

    @classmethod
    def of(cls, record: Record) -> "Job":
        """Show a task."""
        progress = record.progress
        width = None
        if progress.total:
            width = min(100, 100 * progress.done // progress.total)
        title = KINDS.get(record.kind, record.kind)
        alive = record.state in _LIVING
        return cls(record, title, _about(record.payload), width, _count(record) if record.attempt else "", alive)

    @property
    def url(self) -> str:
        """Its page."""
        return f"{PATH}/{quote(self.record.id)}"

    @property
    def live(self) -> str:
        """Where is told that it has changed."""
        return f"{_LIVE}/{quote(self.record.id)}"

    @property
    def mark(self) -> str:
        """Another one whenever its page would say something else."""
        return mark_of(self.record)


class JobPages:
    """Makes the pages about jobs."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._foreman = frame.means.foreman
        self._deeds: dict[str, Take] = {"cancel": self._cancel, "again": self._again}

    def doors(self) -> list[Door | Stream]:
        """Give the pages, and where one job's progress is told."""
        return [
            self._frame.door(PATH, self.list),
            self._frame.door(f"{PATH}/{{job}}", self.one, self.change),
            Stream(f"{_LIVE}/{{job}}", self.look),
        ]

    def list(self, visit: Visit) -> Response:
        """List jobs, youngest first: those only of one kind, or in one state."""
        state, kind, before = visit.asked("state"), visit.asked("kind"), visit.asked("before")
        states = [State(state)] if state in set(State) else None
        found = self._foreman.tasks(
            kinds=[kind] if kind else None, states=states, before=before or None, limit=ROWS + 1
        )
        counts = self._foreman.counts()
        kinds = sorted({of for of, _ in counts} | ({kind} if kind else set()))
        return self._frame.page(
            visit,
            "jobs.html",
            "jobs",
            jobs=[Job.of(one) for one in found[:ROWS]],
            state=state if states else "",
            kind=kind,
            kinds=[(one, KINDS.get(one, one)) for one in kinds],
            states=[(one.value, sum(many for (_, of), many in counts.items() if of is one)) for one in State],
            following=next_url(visit, before=found[ROWS - 1].id) if len(found) > ROWS else "",
            first=not before,
        )

    def one(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show a job, how far it is, and what it told."""
        record = self._foreman.task(visit.place("job"))
        return self._frame.page(
            visit,
            "job.html",
            "jobs",
            trouble=trouble,
            job=Job.of(record),
            lines=self._foreman.lines(record.id),
            payload=dumps(dict(record.payload)).decode() if record.payload else "",
        )

    def change(self, visit: Visit, form: Form) -> Response:
        """Do what a form of a job's page says."""
        return take(self._deeds, self.one, visit, form=form)

    def look(self, request: Request, who: Principal) -> Change:
        """Tell how far a job is."""
        self._frame.means.admit(who)
        return change_of(self._foreman.task(request.path_params["job"]))

    def _cancel(self, visit: Visit, _: Form) -> Response:
        name = visit.place("job")
        self._foreman.cancel(name)
        return back(f"{PATH}/{quote(name)}", "cancelled")

    def _again(self, visit: Visit, _: Form) -> Response:
        return back(f"{PATH}/{quote(self._foreman.again(visit.place('job')))}", "again")


def change_of(record: Record) -> Change:
    """Tell how far a job is, to those who listen."""
    return Change(mark_of(record), ended=record.state not in _LIVING)


def mark_of(record: Record) -> str:
    """Mark what a job's page says."""
    said = (record.state, record.attempt, record.progress.done, record.progress.total, record.cancelling)
    return "-".join(map(str, said)) + f"-{hash_of(record.progress.note)}"


def hash_of(note: str) -> int:
    """Give a small number that tells notes apart, the same in all processes."""
    return sum(place * ord(letter) for place, letter in enumerate(note[:200], 1)) % 9973


def _about(payload: Mapping[str, JSON]) -> str:
    """Say in short what a job is about."""
    repository, digest, mirror = payload.get("repository"), payload.get("digest"), payload.get("mirror")
    if isinstance(repository, str):
        return f"{repository}@{digest[:19]}" if isinstance(digest, str) else repository
    if isinstance(mirror, int):
        return f"mirror {mirror}"
    if payload.get("rehearse") is True:
        return "rehearsal"
    return "everything" if payload.get("all") is True else ""


def _count(record: Record) -> str:
    progress = record.progress
    if not progress.done and not progress.total:
        return ""
    if progress.unit == _BYTES:
        of = "" if progress.total is None else f" of {text.size(progress.total)}"
        return f"{text.size(progress.done)}{of}"
    of = "" if progress.total is None else f" of {progress.total:,}"
    return f"{progress.done:,}{of} {progress.unit or 'steps'}"
