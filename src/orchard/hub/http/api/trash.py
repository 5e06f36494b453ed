"""What was deleted and can come back."""

from orchard.errors import ConflictError, QuotaError
from orchard.hub.access import Principal
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.rules import Number
from orchard.hub.http.api.shapes import (
    Count,
    DigestText,
    Moment,
    Output,
    PagedByNumber,
    Part,
    RepositoryName,
    number_of,
)
from orchard.hub.registry import Registry, Trashed


class TrashedTag(Output, frozen=True):
    """A tag that was deleted.

    Attributes:
        name: The tag.
        digest: Where it pointed.
    """

    name: str
    digest: DigestText


class TrashEntry(Output, frozen=True):
    """What was deleted at once.

    Attributes:
        id: Its number.
        kind: `tag`, `manifest`, `repository`; or `referrer`, which comes back with what it is about.
        what: The tag, the digest, or the name.
        why: For people.
        deleted_at: When.
        deleted_by: Who deleted it.
        manifests: How many manifests went.
        tags: Tags that went.
    """

    id: Count
    kind: str
    what: str
    why: str
    deleted_at: Moment
    deleted_by: str
    manifests: Count
    tags: list[TrashedTag]


class Restoration(Output, frozen=True):
    """What was put back.

    Attributes:
        manifests: Those that were not there.
        tags: Tags that point again to what they pointed to.
        taken: Tags that stay as they are, because they point to something else by now.
    """

    manifests: list[DigestText]
    tags: list[str]
    taken: list[str]


class Trash:
    """The trash: what was deleted in a repository, for as long as it can come back."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @operation("GET", "/repositories/{+repository}/-/trash")
    def list_trash(self, who: Principal, *, repository: RepositoryName, query: PagedByNumber) -> Part[TrashEntry]:
        """List what was deleted in a repository, the newest first."""
        deletable = self._registry.deletable(who, repository)
        before = number_of(query.after)
        found = deletable.trash(before=before, limit=query.limit + 1)
        return Part.of([_entry(one) for one in found], query.limit, lambda last: str(last.id))

    @operation("POST", "/repositories/{+repository}/-/trash/{number}/restore", ConflictError, QuotaError, status=200)
    def restore(self, who: Principal, *, repository: RepositoryName, number: Number) -> Restoration:
        """Put back what was deleted, and those of its tags whose names nothing else has."""
        done = self._registry.deletable(who, repository).restore(number)
        return Restoration(
            manifests=[str(digest) for digest in done.manifests], tags=list(done.tags), taken=list(done.taken)
        )

    @operation("DELETE", "/repositories/{+repository}/-/trash/{number}")
    def purge(self, who: Principal, *, repository: RepositoryName, number: Number) -> None:
        """Forget for good what was deleted."""
        self._registry.governed(who, repository).purge(number)


def _entry(found: Trashed) -> TrashEntry:
    return TrashEntry(
        id=found.id,
        kind=found.kind,
        what=found.what,
        why=found.why,
        deleted_at=found.deleted_at,
        deleted_by=found.deleted_by,
        manifests=found.manifests,
        tags=[TrashedTag(name=tag, digest=str(digest)) for tag, digest in found.tags],
    )
