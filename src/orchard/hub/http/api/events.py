"""What happened."""

from typing import Annotated

from msgspec import Meta, Raw

from orchard.hub.access import People, Principal
from orchard.hub.catalog import EventFilter
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import (
    DigestText,
    Moment,
    Output,
    PagedByNumber,
    Part,
    RepositoryName,
    number_of,
)
from orchard.hub.registry import Event, Registry


class Happening(Output, frozen=True):
    """Something that happened.

    Attributes:
        number: Its place in the order of events.
        at: When.
        account: Who did it.
        action: What was done.
        repository: Where; a namespace, or `*` for the whole hub, if that is meant; null if it is about none.
        digest: To which content.
        tag: To which tag, or to which tags, as a pattern.
        subject: Who or what else it is about: an account, a team, a token.
        detail: More about it.
    """

    number: Annotated[int, Meta(ge=1)]
    at: Moment
    account: str
    action: Annotated[str, Meta(examples=["manifest.push", "tag.set"])]
    repository: str | None
    digest: DigestText | None
    tag: str | None
    subject: str | None
    detail: Annotated[Raw, Meta(extra_json_schema={"type": ["object", "null"]})]


class EventsWanted(PagedByNumber, frozen=True):
    """Which events are wanted.

    Attributes:
        account: Only what this account did.
        action: Only this; `tag.*` is all that begins alike.
        repository: Only in this repository, or in all of this namespace.
        since: Only what happened then or later.
        until: Only what happened before.
    """

    account: Annotated[str, Meta(max_length=255)] = ""
    action: Annotated[str, Meta(max_length=64, examples=["tag.set", "tag.*"])] = ""
    repository: Annotated[str, Meta(max_length=255)] = ""
    since: Moment | None = None
    until: Moment | None = None


class Events:
    """What happened, and who did it."""

    def __init__(self, registry: Registry, people: People) -> None:
        self._registry = registry
        self._people = people

    @operation("GET", "/events")
    def list_events(self, who: Principal, *, query: EventsWanted) -> Part[Happening]:
        """List what happened to this hub, newest first; for administrators of the site."""
        by = self._people.authority.site(who)
        wanted = EventFilter(
            account=query.account,
            action=query.action,
            repository=query.repository,
            since=query.since,
            until=query.until,
        )
        found = self._registry.overview.all_events(
            by, before=number_of(query.after), limit=query.limit + 1, wanted=wanted
        )
        return Part.of([_shown(one) for one in found], query.limit, lambda last: str(last.number))

    @operation("GET", "/repositories/{+repository}/-/events")
    def list_repository_events(
        self, who: Principal, *, repository: RepositoryName, query: PagedByNumber
    ) -> Part[Happening]:
        """List what happened to a repository, newest first; for those who look after it."""
        deletable = self._registry.deletable(who, repository)
        found = self._registry.overview.events(deletable, before=number_of(query.after), limit=query.limit + 1)
        return Part.of([_shown(one) for one in found], query.limit, lambda last: str(last.number))


def _shown(event: Event) -> Happening:
    return Happening(
        number=event.number,
        at=event.at,
        account=event.account,
        action=event.action,
        repository=None if event.repository in {"", "*"} else event.repository,
        digest=event.digest,
        tag=event.tag,
        subject=event.subject or None,
        detail=Raw((event.detail or "null").encode()),
    )
