"""Tags: movable names of versions."""

from msgspec import UNSET, UnsetType

from orchard.errors import ConflictError, PreconditionError
from orchard.hub.access import Principal
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import (
    DigestText,
    Input,
    Moment,
    Output,
    Paged,
    PagedByNumber,
    Part,
    RepositoryName,
    TagName,
    number_of,
)
from orchard.hub.registry import Condition, Registry, TagMove, TagSummary
from orchard.oci import Digest, check_tag


class Tag(Output, frozen=True):
    """A tag: a movable name of a version.

    Attributes:
        name: Its name.
        digest: The version that it points to.
        updated_at: Since when.
        updated_by: Who let it.
    """

    name: TagName
    digest: DigestText
    updated_at: Moment
    updated_by: str


class TagTarget(Input, frozen=True):
    """Where a tag shall point.

    Attributes:
        digest: The version.
        expected: Where it must point now, so that nobody else's move is lost; null if it must not be there.
    """

    digest: DigestText
    expected: DigestText | UnsetType | None = UNSET


class Move(Output, frozen=True):
    """Once a tag was moved.

    Attributes:
        digest: Where to; null if it was removed.
        at: When.
        by: Who moved it.
    """

    digest: DigestText | None
    at: Moment
    by: str


class Tags:
    """Tags: movable names of versions, and where they have pointed."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @operation("GET", "/repositories/{+repository}/-/tags")
    def list_tags(self, who: Principal, *, repository: RepositoryName, query: Paged) -> Part[Tag]:
        """List the tags of a repository, by name."""
        readable = self._registry.readable(who, repository)
        found = self._registry.overview.tags(readable, after=query.after, limit=query.limit + 1)
        return Part.of([_shown(one) for one in found], query.limit, lambda last: last.name)

    @operation("GET", "/repositories/{+repository}/-/tags/{tag}")
    def get_tag(self, who: Principal, *, repository: RepositoryName, tag: TagName) -> Tag:
        """Show where a tag points."""
        return _shown(self._registry.overview.tag(self._registry.readable(who, repository), check_tag(tag)))

    @operation("PUT", "/repositories/{+repository}/-/tags/{tag}", PreconditionError, ConflictError)
    def put_tag(self, who: Principal, *, repository: RepositoryName, tag: TagName, body: TagTarget) -> Tag:
        """Point a tag at a version of the repository, wherever it pointed."""
        name, digest = check_tag(tag), Digest.parse(body.digest)
        writable = self._registry.writable(who, repository)
        readable = self._registry.readable(who, repository)
        manifest = readable.manifest(digest)
        writable.put_manifest(
            manifest.raw, manifest.media_type, digest=digest, tags=[name], condition=_condition(body.expected)
        )
        return _shown(self._registry.overview.tag(readable, name))

    @operation("DELETE", "/repositories/{+repository}/-/tags/{tag}", ConflictError)
    def delete_tag(self, who: Principal, *, repository: RepositoryName, tag: TagName) -> None:
        """Delete a tag; the version stays."""
        self._registry.deletable(who, repository).delete_tag(check_tag(tag))

    @operation("GET", "/repositories/{+repository}/-/tags/{tag}/history")
    def list_moves(
        self, who: Principal, *, repository: RepositoryName, tag: TagName, query: PagedByNumber
    ) -> Part[Move]:
        """List where a tag has pointed, newest first, be it there still or not."""
        before = number_of(query.after)
        readable = self._registry.readable(who, repository)
        found = readable.tag_moves(check_tag(tag), before=before, limit=query.limit + 1)
        part = Part.of(found, query.limit, lambda last: str(last.number))
        return Part([_move(one) for one in part.items], part.after)


def _shown(summary: TagSummary) -> Tag:
    return Tag(
        name=summary.name,
        digest=str(summary.digest),
        updated_at=summary.updated_at,
        updated_by=summary.updated_by,
    )


def _move(move: TagMove) -> Move:
    return Move(digest=None if move.digest is None else str(move.digest), at=move.at, by=move.account)


def _condition(expected: str | UnsetType | None) -> Condition | None:
    if expected is UNSET:
        return None
    if expected is None:
        return Condition(None, negated=True)
    return Condition(frozenset((str(Digest.parse(expected)),)))
