"""Rules for tags, retention, quotas."""

from typing import Annotated, Final

from msgspec import Meta

from orchard.errors import ConflictError, NotFoundError, QuotaError
from orchard.hub.access import Principal
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import (
    Bytes,
    Count,
    Created,
    DigestText,
    Input,
    Output,
    PagedByNumber,
    Part,
    RepositoryName,
    number_of,
)
from orchard.hub.registry import Decision, KeepRule, Kind, Movers, Plan, Quota, Registry, Retention, TagRule, Usage

_COMPONENT: Final = r"[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*"
ScopeName = Annotated[
    str,
    Meta(
        description="A repository, a namespace (which means all that is in it), or `*` for the whole hub.",
        examples=["team/model", "team", "*"],
        extra_json_schema={"pattern": rf"^(?:[*]|{_COMPONENT}(?:/{_COMPONENT})*)$", "minLength": 1, "maxLength": 255},
    ),
]
QuotaScope = Annotated[
    str,
    Meta(
        description="A namespace, or `*` for all that have no quota of their own.",
        examples=["team"],
        extra_json_schema={"pattern": rf"^(?:[*]|{_COMPONENT})$", "minLength": 1, "maxLength": 255},
    ),
]
PatternText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=512,
        description="`*` any characters, `?` one, `[a-c]` one of these, `,` or, `!` but not.",
        examples=["v*,!v0.*"],
    ),
]
Number = Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]
Days = Annotated[float, Meta(gt=0, le=1_000_000)]
Names = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...], Meta(max_length=100)]


class NewTagRule(Input, frozen=True):
    """A rule for tags.

    Attributes:
        kind: Whether tags that exist are neither moved nor deleted, or only some may do that.
        pattern: Which tags.
        role: Of what protects, the role that is enough (`writer`, `maintainer`, `owner`).
        users: Accounts that may as well.
        teams: Teams whose members may.
    """

    kind: Kind
    pattern: PatternText
    role: str | None = None
    users: Names = ()
    teams: Names = ()


class ShownTagRule(Output, frozen=True):
    """A rule for tags.

    Attributes:
        id: Its number.
        scope: Where it is said.
        kind: Whether tags that exist are neither moved nor deleted, or only some may do that.
        pattern: Which tags.
        role: The role that is enough to set, move or delete them.
        users: Accounts that may as well.
        teams: Teams whose members may.
        text: The rule in words.
    """

    id: Count
    scope: str
    kind: Kind
    pattern: str
    role: str | None
    users: list[str]
    teams: list[str]
    text: str


class Keep(Input, frozen=True):
    """A reason to keep versions: those of these tags, else any, that meet a condition, or all if there is none.

    Attributes:
        tags: Which tags; null means all versions, those without tags too.
        last: So many of them, those pushed last.
        pushed_days: Those pushed within so many days.
        pulled_days: Those asked for within so many days.
    """

    tags: PatternText | None = None
    last: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    pushed_days: Days | None = None
    pulled_days: Days | None = None


class NewRetention(Input, frozen=True):
    """What is kept.

    Attributes:
        rules: A version stays if any of them keeps it; none leaves it to wider scopes.
    """

    rules: Annotated[list[Keep], Meta(max_length=100)]


class ShownRetention(Output, frozen=True):
    """What is kept.

    Attributes:
        scope: Where it is said; null if nothing is said, and everything is kept.
        rules: A version stays if any of them keeps it.
    """

    scope: str | None
    rules: list[Keep]


class Fate(Output, frozen=True):
    """What becomes of a manifest.

    Attributes:
        digest: Which one.
        tags: Tags that point to it.
        reasons: Why it stays; nothing if it goes.
    """

    digest: DigestText
    tags: list[str]
    reasons: list[str]


class ShownPlan(Output, frozen=True):
    """What retention does to a repository.

    Attributes:
        scope: Where its rules are said; null if nothing is said, and everything is kept.
        mark: Names this outcome: a run that is given it does this or nothing.
        goes: What goes to the trash.
        stays: What is kept, and why.
    """

    scope: str | None
    mark: str
    goes: list[Fate]
    stays: list[Fate]


class RetentionRun(Input, frozen=True):
    """How to apply retention.

    Attributes:
        mark: Of the plan that was looked at; if anything else would go now, nothing does.
    """

    mark: Annotated[str, Meta(max_length=64)] | None = None


class NewQuota(Input, frozen=True):
    """How much a namespace may keep; null is no limit.

    Attributes:
        bytes: Bytes of blobs, each once, and of manifests.
        repositories: How many.
    """

    bytes: Number | None = None
    repositories: Number | None = None


class ShownQuota(Output, frozen=True):
    """How much a namespace keeps, and may keep; null is no limit.

    Attributes:
        bytes: Bytes that it may keep.
        repositories: How many it may have.
        used_bytes: Bytes of blobs, each once, and of manifests.
        reserved_bytes: Bytes that running uploads have announced or sent.
        used_repositories: How many it has.
    """

    bytes: Number | None
    repositories: Number | None
    used_bytes: Bytes
    reserved_bytes: Bytes
    used_repositories: Count


class Rules:
    """Rules: which tags last, what is kept, and how much of it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @operation("GET", "/scopes/{+scope}/-/tag-rules")
    def list_tag_rules(self, who: Principal, *, scope: ScopeName, query: PagedByNumber) -> Part[ShownTagRule]:
        """List the rules that hold for tags here, be they said here or in a wider scope."""
        after = number_of(query.after) or 0
        rules = sorted(self._registry.governed(who, scope).tag_rules(), key=lambda rule: rule.id)
        part = Part.of([rule for rule in rules if rule.id > after], query.limit, lambda last: str(last.id))
        return Part([_rule(rule) for rule in part.items], part.after)

    @operation("POST", "/scopes/{+scope}/-/tag-rules")
    def add_tag_rule(self, who: Principal, *, scope: ScopeName, body: NewTagRule) -> Created[ShownTagRule]:
        """Let a rule hold for tags in this scope."""
        movers = Movers(role=body.role, users=body.users, teams=body.teams)
        made = self._registry.governed(who, scope).add_tag_rule(body.kind, body.pattern, movers)
        return Created(_rule(made), f"/scopes/{scope}/-/tag-rules/{made.id}")

    @operation("DELETE", "/scopes/{+scope}/-/tag-rules/{number}")
    def remove_tag_rule(self, who: Principal, *, scope: ScopeName, number: Number) -> None:
        """Let a rule that is said in this very scope hold no longer."""
        self._registry.governed(who, scope).remove_tag_rule(number)

    @operation("GET", "/scopes/{+scope}/-/retention")
    def get_retention(self, who: Principal, *, scope: ScopeName) -> ShownRetention:
        """Show what is kept here, be it said here or in a wider scope."""
        return _retention(self._registry.governed(who, scope).retention())

    @operation("PUT", "/scopes/{+scope}/-/retention")
    def set_retention(self, who: Principal, *, scope: ScopeName, body: NewRetention) -> ShownRetention:
        """Say what is kept in this scope, in place of what wider scopes say."""
        governed = self._registry.governed(who, scope)
        governed.set_retention(
            [
                KeepRule(tags=keep.tags, last=keep.last, pushed_days=keep.pushed_days, pulled_days=keep.pulled_days)
                for keep in body.rules
            ]
        )
        return _retention(governed.retention())

    @operation("GET", "/repositories/{+repository}/-/retention/plan")
    def plan_retention(self, who: Principal, *, repository: RepositoryName) -> ShownPlan:
        """Show what retention would do to a repository now, and why everything else stays."""
        return _plan(self._registry.governed(who, repository).plan())

    @operation("POST", "/repositories/{+repository}/-/retention/run", ConflictError, status=200)
    def run_retention(self, who: Principal, *, repository: RepositoryName, body: RetentionRun) -> ShownPlan:
        """Put into the trash what no rule keeps in a repository."""
        return _plan(self._registry.governed(who, repository).retain(mark=body.mark))

    @operation("GET", "/quotas/{namespace}", NotFoundError)
    def get_quota(self, who: Principal, *, namespace: QuotaScope) -> ShownQuota:
        """Show how much a namespace keeps, and how much it may."""
        return _quota(*self._registry.governed(who, namespace).usage())

    @operation("PUT", "/quotas/{namespace}", QuotaError)
    def set_quota(self, who: Principal, *, namespace: QuotaScope, body: NewQuota) -> ShownQuota:
        """Say how much a namespace may keep. What it has already stays, even if it is more."""
        allotment = self._registry.allotment(who)
        allotment.set(namespace, Quota(body.bytes, body.repositories))
        return _quota(*allotment.get(namespace))

    @operation("DELETE", "/quotas/{namespace}")
    def remove_quota(self, who: Principal, *, namespace: QuotaScope) -> None:
        """Leave it to the quota for all how much a namespace may keep."""
        self._registry.allotment(who).set(namespace, None)


def _rule(rule: TagRule) -> ShownTagRule:
    movers = rule.movers
    return ShownTagRule(
        id=rule.id,
        scope=rule.scope,
        kind=rule.kind,
        pattern=rule.pattern.text,
        role=movers.role,
        users=list(movers.users),
        teams=list(movers.teams),
        text=str(rule),
    )


def _retention(found: Retention | None) -> ShownRetention:
    if found is None:
        return ShownRetention(scope=None, rules=[])
    rules = [Keep(tags=r.tags, last=r.last, pushed_days=r.pushed_days, pulled_days=r.pulled_days) for r in found.rules]
    return ShownRetention(scope=found.scope, rules=rules)


def _plan(plan: Plan) -> ShownPlan:
    return ShownPlan(
        scope=plan.scope,
        mark=plan.mark,
        goes=[_fate(one) for one in plan.goes],
        stays=[_fate(one) for one in plan.stays],
    )


def _fate(decision: Decision) -> Fate:
    return Fate(digest=str(decision.digest), tags=list(decision.tags), reasons=list(decision.reasons))


def _quota(usage: Usage, quota: Quota | None) -> ShownQuota:
    return ShownQuota(
        bytes=None if quota is None else quota.bytes,
        repositories=None if quota is None else quota.repositories,
        used_bytes=usage.bytes,
        reserved_bytes=usage.reserved,
        used_repositories=usage.repositories,
    )
