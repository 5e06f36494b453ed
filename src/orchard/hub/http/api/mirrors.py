"""Mirrors: repositories kept like those of other registries."""

from typing import Annotated, Literal

from msgspec import Meta, convert, json

from orchard.errors import RemoteError
from orchard.hub.access import Principal
from orchard.hub.catalog.mirrors import Mirror
from orchard.hub.db import moment
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import Bytes, Count, Created, Input, Moment, Output, Part, RepositoryName
from orchard.hub.jobs import MirrorKeeper, MirrorWish, Report

MirrorId = Annotated[int, Meta(ge=1, le=(1 << 53) - 1, description="Number of a mirror.")]
RemoteAddress = Annotated[
    str, Meta(min_length=1, max_length=2048, examples=["https://registry.example.com/team/model"])
]
TagPatternText = Annotated[
    str, Meta(min_length=1, max_length=512, description="Pattern of tags.", examples=["*", "v*,!*-rc"])
]
Interval = Annotated[int, Meta(ge=60, le=365 * 24 * 3600, description="Number of seconds.", examples=[3600])]
Login = Annotated[str, Meta(min_length=1, max_length=4096)]


class MirrorReport(Output, frozen=True):
    """What came of a run, or would come of it.

    Attributes:
        tags: Tags that were set, at most 100 of them.
        set: How many.
        same: Tags that were right already.
        deleted: Tags that were taken away.
        blobs: Blobs and documents that were copied.
        size: Their bytes.
        failed: Why a tag could not be copied, by tag; under the empty name, why the run failed.
    """

    tags: list[str]
    set: Count
    same: Count
    deleted: list[str]
    blobs: Count
    size: Bytes
    failed: dict[str, str]


class MirrorRule(Output, frozen=True):
    """A repository that is kept like one of another registry. Its password is never shown.

    Attributes:
        id: Its number.
        direction: `pull`: the hub is kept like the other registry; `push`: the other way round.
        repository: Here.
        remote: There.
        tags: Which tags.
        every: Seconds between two runs; null if the clock starts none.
        on_push: Whether a push here starts a run.
        referrers: Whether signatures and the like come along.
        deletions: Whether tags that it copied, and that are gone, are taken away.
        username: Account there; null if none is needed.
        created_at: When it was made.
        created_by: Who made it, and with whose rights it runs.
        due_at: When it runs next by the clock; null if it does not.
        state: Of the last run: `running`, `done` or `failed`; null if there was none.
        began_at: When the last run began.
        ended_at: When the last run that ended did.
        report: What came of it.
    """

    id: MirrorId
    direction: Literal["pull", "push"]
    repository: RepositoryName
    remote: RemoteAddress
    tags: TagPatternText
    every: Interval | None
    on_push: bool
    referrers: bool
    deletions: bool
    username: str | None
    created_at: Moment
    created_by: str
    due_at: Moment | None
    state: Literal["running", "done", "failed"] | None
    began_at: Moment | None
    ended_at: Moment | None
    report: MirrorReport | None


class NewMirrorRule(Input, frozen=True):
    """What is to be kept like what.

    Attributes:
        direction: `pull` or `push`.
        repository: Here.
        remote: There.
        tags: Which tags.
        every: Seconds between two runs; null if the clock starts none.
        on_push: Whether a push here starts a run.
        referrers: Whether signatures and the like come along.
        deletions: Whether tags that it copied, and that are gone, are taken away.
        username: Account there.
        password: Its password.
    """

    direction: Literal["pull", "push"]
    repository: RepositoryName
    remote: RemoteAddress
    tags: TagPatternText = "*"
    every: Interval | None = None
    on_push: bool = False
    referrers: bool = True
    deletions: bool = False
    username: Login | None = None
    password: Login | None = None


class MirrorRun(Output, frozen=True):
    """A run that was asked for.

    Attributes:
        task: The task that does it.
    """

    task: str


class Mirrors:
    """Mirrors: repositories kept like those of other registries."""

    def __init__(self, keeper: MirrorKeeper) -> None:
        self._keeper = keeper

    @operation("GET", "/mirrors")
    def list_mirrors(self, who: Principal) -> Part[MirrorRule]:
        """List the mirrors that one may keep."""
        return Part([_rule(one) for one in self._keeper.kept(who)], None)

    @operation("POST", "/mirrors")
    def create_mirror(self, who: Principal, *, body: NewMirrorRule) -> Created[MirrorRule]:
        """Keep a repository like one of another registry, or the other way round."""
        made = self._keeper.create(
            who,
            MirrorWish(
                direction=body.direction,
                repository=body.repository,
                remote=body.remote,
                tags=body.tags,
                every=body.every,
                on_push=body.on_push,
                referrers=body.referrers,
                deletions=body.deletions,
                username=body.username,
                password=body.password,
            ),
        )
        return Created(_rule(made), f"/mirrors/{made.id}")

    @operation("GET", "/mirrors/{mirror}")
    def get_mirror(self, who: Principal, *, mirror: MirrorId) -> MirrorRule:
        """Show a mirror and its last run."""
        return _rule(self._keeper.get(who, mirror))

    @operation("DELETE", "/mirrors/{mirror}")
    def delete_mirror(self, who: Principal, *, mirror: MirrorId) -> None:
        """Forget a mirror, but not what it has copied."""
        self._keeper.remove(who, mirror)

    @operation("POST", "/mirrors/{mirror}/run", status=202)
    def run_mirror(self, who: Principal, *, mirror: MirrorId) -> MirrorRun:
        """Run a mirror now."""
        return MirrorRun(task=self._keeper.run(who, mirror))

    @operation("POST", "/mirrors/{mirror}/plan", RemoteError)
    def plan_mirror(self, who: Principal, *, mirror: MirrorId) -> MirrorReport:
        """Tell what a run would do now; nothing is copied."""
        return _report(self._keeper.plan(who, mirror))


def _report(report: Report) -> MirrorReport:
    return MirrorReport(
        tags=report.tags,
        set=report.set,
        same=report.same,
        deleted=report.deleted,
        blobs=report.blobs,
        size=report.size,
        failed=report.failed,
    )


def _rule(found: Mirror) -> MirrorRule:
    return convert(
        {
            "id": found.id,
            "direction": found.direction,
            "repository": found.repository,
            "remote": found.remote,
            "tags": found.tags,
            "every": found.every,
            "onPush": found.on_push,
            "referrers": found.referrers,
            "deletions": found.deletions,
            "username": found.username,
            "createdAt": moment(found.created_at),
            "createdBy": found.created_by,
            "dueAt": None if found.due_at is None else moment(found.due_at),
            "state": found.state,
            "beganAt": None if found.began_at is None else moment(found.began_at),
            "endedAt": None if found.ended_at is None else moment(found.ended_at),
            "report": None if found.report is None else json.decode(found.report),
        },
        MirrorRule,
    )
