"""Repositories."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from orchard.errors import ConflictError
from orchard.hub.access import People, Principal, Visibility
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import Bytes, Count, DigestText, Input, Moment, Output, Paged, Part, RepositoryName
from orchard.hub.registry import Registry, RepositorySummary
from orchard.oci import check_repository


class Repository(Output, frozen=True):
    """A repository that holds a version.

    Attributes:
        name: Its name.
        versions: Manifests in it that are not about another one.
        tags: Tags in it.
        size_bytes: Bytes of the blobs that it links, each counted once.
        latest_digest: The version that was pushed last.
        latest_pushed_at: When.
        model_name: What that version calls the model.
        format: Format of that version's model.
        visibility: Who may read it without having a role; null: as its namespace says.
    """

    name: RepositoryName
    versions: Count
    tags: Count
    size_bytes: Bytes
    latest_digest: DigestText
    latest_pushed_at: Moment
    model_name: str | None
    format: str | None
    visibility: Visibility | None


class RepositoryChange(Input, frozen=True):
    """What a repository shall be. What is left out stays.

    Attributes:
        visibility: Who may read it without having a role; null: as its namespace says.
    """

    visibility: Visibility | UnsetType | None = UNSET


class RepositoryQuery(Paged, frozen=True):
    """Which repositories are wanted.

    Attributes:
        filter: Part of the name.
    """

    filter: Annotated[str, Meta(max_length=255)] = ""


class Repositories:
    """Repositories: what they hold, who sees them."""

    def __init__(self, registry: Registry, people: People) -> None:
        self._registry = registry
        self._people = people

    @operation("GET", "/repositories")
    def list_repositories(self, who: Principal, *, query: RepositoryQuery) -> Part[Repository]:
        """List the repositories that you may see and that hold a version, by name."""
        found = self._registry.repositories(who, after=query.after, limit=query.limit + 1, part=query.filter)
        return Part.of([_shown(one) for one in found], query.limit, lambda last: last.name)

    @operation("GET", "/repositories/{+repository}")
    def get_repository(self, who: Principal, *, repository: RepositoryName) -> Repository:
        """Show one repository."""
        return _shown(self._registry.readable(who, repository).summary())

    @operation("PATCH", "/repositories/{+repository}")
    def update_repository(self, who: Principal, *, repository: RepositoryName, body: RepositoryChange) -> Repository:
        """Change who may read a repository; for its owners."""
        by = self._people.authority.repository(who, check_repository(repository))
        if body.visibility is not UNSET:
            self._people.namespaces.set_repository_visibility(by, repository, body.visibility)
        return _shown(self._registry.readable(who, repository).summary())

    @operation("DELETE", "/repositories/{+repository}", ConflictError)
    def delete_repository(self, who: Principal, *, repository: RepositoryName) -> None:
        """Delete a repository with all that is in it; it can be restored for a while."""
        self._registry.deletable(who, repository).delete_repository()


def _shown(summary: RepositorySummary) -> Repository:
    return Repository(
        name=summary.name,
        versions=summary.versions,
        tags=summary.tags,
        size_bytes=summary.size_bytes,
        latest_digest=str(summary.latest_digest),
        latest_pushed_at=summary.latest_pushed_at,
        model_name=summary.model_name,
        format=summary.format,
        visibility=None if summary.visibility is None else Visibility(summary.visibility),
    )
