"""Tasks: what the hub does by itself."""

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, Raw, json

from orchard.errors import ConflictError
from orchard.hub.access import Principal
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import Count, Moment, Output, PagedByNumber, Part, number_of
from orchard.hub.jobs.tending import Foreman
from orchard.hub.queue import Line, Record, State

TaskName = Annotated[str, Meta(min_length=1, max_length=18, pattern="^[0-9]+$", examples=["17"])]
Words = Annotated[str, Meta(max_length=64, examples=["collect-garbage"])]


class TasksWanted(PagedByNumber, frozen=True):
    """Which tasks are wanted.

    Attributes:
        kind: Only those of this kind.
        state: Only those in this state.
    """

    kind: Words | None = None
    state: State | None = None


class TaskSummary(Output, frozen=True):
    """Something that the hub does by itself, or was asked to.

    Attributes:
        id: Its name.
        kind: What is done.
        state: Where it stands.
        payload: What it is about.
        attempt: How often it was tried.
        asked_at: When it was asked for.
        due_at: When it is tried next, if it waits.
        started_at: When it was tried last.
        ended_at: When it ended.
        worker: Who does it, or did last.
        cancelling: Whether it runs and was asked to stop.
        done: How far it is, in `unit`.
        total: How far it has to go, if that is known.
        unit: What is counted: `bytes`, or the plural of a noun; empty if nothing is.
        note: What is being done, or what came of it.
        reason: Why it failed the last time that it was tried.
    """

    id: TaskName
    kind: Words
    state: State
    payload: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
    attempt: Count
    asked_at: Moment
    due_at: Moment | None
    started_at: Moment | None
    ended_at: Moment | None
    worker: str | None
    cancelling: bool
    done: Count
    total: Count | None
    unit: str
    note: str
    reason: str | None


class TaskLine(Output, frozen=True):
    """A line of a task's log.

    Attributes:
        number: Its place in the log; lines before the first one here were dropped.
        at: When it was written down.
        text: What the task told.
    """

    number: Count
    at: Moment
    text: str


class Tasks:
    """Tasks: what the hub does by itself. Those that ended are kept for a week. For administrators of the site."""

    def __init__(self, foreman: Foreman, admit: Callable[[Principal], object]) -> None:
        """Make the resource.

        Args:
            foreman: Knows them.
            admit: Refuses whoever does not administer the site.
        """
        self._foreman = foreman
        self._admit = admit

    @operation("GET", "/tasks")
    def list_tasks(self, who: Principal, *, query: TasksWanted) -> Part[TaskSummary]:
        """List tasks, those first that were asked for last."""
        self._admit(who)
        before = number_of(query.after)
        found = self._foreman.tasks(
            kinds=None if query.kind is None else [query.kind],
            states=None if query.state is None else [query.state],
            before=None if before is None else str(before),
            limit=query.limit + 1,
        )
        return Part.of([_shown(one) for one in found], query.limit, lambda last: last.id)

    @operation("GET", "/tasks/{task}")
    def get_task(self, who: Principal, *, task: TaskName) -> TaskSummary:
        """Show a task."""
        self._admit(who)
        return _shown(self._foreman.task(task))

    @operation("GET", "/tasks/{task}/lines")
    def list_task_lines(self, who: Principal, *, task: TaskName) -> Part[TaskLine]:
        """List what a task has told, the oldest line first; the last 200 lines are kept."""
        self._admit(who)
        self._foreman.task(task)
        return Part([_line(one) for one in self._foreman.lines(task)], None)

    @operation("POST", "/tasks/{task}/cancel", ConflictError, status=204)
    def cancel_task(self, who: Principal, *, task: TaskName) -> None:
        """Take a task back: one that waits is gone, one that runs stops at its next step."""
        self._admit(who)
        self._foreman.cancel(task)

    @operation("POST", "/tasks/{task}/retry", ConflictError, status=202)
    def retry_task(self, who: Principal, *, task: TaskName) -> TaskSummary:
        """Have a task done now: one that waits, at once; one that failed or was cancelled, once more.

        Answers the task that will do it.
        """
        self._admit(who)
        return _shown(self._foreman.task(self._foreman.again(task)))


def _shown(found: Record) -> TaskSummary:
    progress = found.progress
    return TaskSummary(
        id=found.id,
        kind=found.kind,
        state=found.state,
        payload=Raw(json.encode(dict(found.payload))),
        attempt=found.attempt,
        asked_at=found.asked_at,
        due_at=found.due_at,
        started_at=found.started_at,
        ended_at=found.ended_at,
        worker=found.worker,
        cancelling=found.cancelling,
        done=progress.done,
        total=progress.total,
        unit=progress.unit,
        note=progress.note,
        reason=found.reason,
    )


def _line(line: Line) -> TaskLine:
    return TaskLine(line.number, line.at, line.text)
