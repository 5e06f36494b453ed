"""The page of a namespace: its repositories, whose it is, what it keeps, and what holds there."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from orchard.errors import DeniedError, InvalidError, NotFoundError
from orchard.hub.access import Grant, Namespace, PartyKind, Principal, Target, check_name
from orchard.hub.http.pages import answers, text
from orchard.hub.http.pages.addresses import namespace_url
from orchard.hub.http.pages.finding.ports import Directory, Keeping, Scope
from orchard.hub.http.pages.glances import Shelf, news
from orchard.hub.http.pages.rendering import Renderer
from orchard.hub.registry import Quota, Usage

MEMBERS: Final = 200  # that are listed
_RECENT: Final = 6
_FULL: Final = 100


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who has a role.

    Attributes:
        kind: ``user`` or ``team``.
        where: In which repository; empty for all of the namespace.
    """

    kind: str
    name: str
    role: str
    where: str


@dataclass(frozen=True, slots=True)
class Store:
    """What a namespace keeps.

    Attributes:
        share: Hundredths of the quota; none if there is no limit.
    """

    usage: Usage
    quota: Quota | None
    share: int | None

    @classmethod
    def of(cls, usage: Usage, quota: Quota | None) -> "Store":
        """Compare it with the quota."""
        if quota is None or quota.bytes is None:
            return cls(usage, quota, None)
        used = usage.bytes + usage.reserved
        return cls(usage, quota, min(_FULL, round(used * _FULL / quota.bytes)) if quota.bytes else _FULL)


class NamespacePage:
    """Makes the page of a namespace."""

    def __init__(self, keeping: Keeping, directory: Directory, renderer: Renderer, *, login: bool) -> None:
        self._keeping = keeping
        self._directory = directory
        self._renderer = renderer
        self._login = login

    def show(self, request: Request, who: Principal) -> Response:
        """Show a namespace as far as somebody may see it; what nobody may see looks like what is not there."""
        name = request.path_params["namespace"]
        try:
            check_name(name, "a namespace")
        except InvalidError:
            return self._hidden(request, name)
        known = self._known(who, name)
        shelf = Shelf.of(self._keeping, request, who, namespace=name)
        if known is None and not shelf.count and not shelf.glances:
            return self._hidden(request, name)
        scope = self._scope(who, name)
        first = bool(shelf.glances) and not {"after", "before"} & set(request.query_params)
        return self._renderer.page(
            request,
            "namespace.html",
            name=name,
            namespace=known,
            shelf=shelf,
            recent=[news(one) for one in self._keeping.showcase.lately(who, name, limit=_RECENT)] if first else [],
            members=self._members(who, known)[:MEMBERS],
            store=None if scope is None else Store.of(*scope.usage()),
            rules=[] if scope is None else scope.tag_rules(),
            retention=None if scope is None else scope.retention(),
            governs=scope is not None,
            stands=self._keeping.stands(name),
            settings=f"{namespace_url(name)}/-/settings",
            login=self._login,
        )

    def _known(self, who: Principal, name: str) -> Namespace | None:
        """Find out whose a namespace is, if that concerns somebody."""
        try:
            return self._directory.namespace(who, name)
        except (DeniedError, NotFoundError):
            return None

    def _scope(self, who: Principal, name: str) -> Scope | None:
        """Open a namespace, if somebody looks after it."""
        try:
            return self._keeping.governed(who, name)
        except DeniedError:
            return None

    def _members(self, who: Principal, known: Namespace | None) -> Sequence[Member]:
        """List who has a role, as far as somebody may see that: the team to its members, all else to owners."""
        if known is None:
            return []
        found: list[Member] = []
        if known.owner is not None and known.owner.kind is PartyKind.USER:
            found.append(Member("user", known.owner.name, "owner", ""))
        elif known.owner is not None:
            found += self._of_team(who, known.owner.name)
        with suppress(DeniedError):
            found += [_granted(grant) for grant in self._directory.grants_in(who, Target(check_name(known.name)))]
        return found

    def _of_team(self, who: Principal, team: str) -> Sequence[Member]:
        try:
            members = self._directory.team(who, team).members
        except (DeniedError, NotFoundError):
            return []
        ranked = sorted(members.items(), key=lambda one: (-one[1].rank, one[0]))
        return [Member("user", name, str(role), "") for name, role in ranked]

    def _hidden(self, request: Request, name: str) -> Response:
        said = text.clip(name, 80)
        what = f"There is no namespace {said} that you can see. It may hold nothing public, or have another name."
        login = self._renderer.login_url(request)
        steps = (answers.Step("Log in, if you have an account here.", login),) if login else ()
        return self._renderer.problem(request, answers.missing(what, *steps))


def _granted(grant: Grant) -> Member:
    return Member(str(grant.party.kind), grant.party.name, str(grant.role), grant.target.repository or "")
