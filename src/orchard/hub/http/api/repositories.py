"""Repositories."""

from typing import Annotated

from msgspec import Meta

from orchard.hub.access import Principal
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import Bytes, Count, DigestText, Moment, Output, Paged, Part, RepositoryName
from orchard.hub.registry import Registry, RepositorySummary


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
    """

    name: RepositoryName
    versions: Count
    tags: Count
    size_bytes: Bytes
    latest_digest: DigestText
    latest_pushed_at: Moment
    model_name: str | None
    format: str | None


class RepositoryQuery(Paged, frozen=True):
    """Which repositories are wanted.

    Attributes:
        filter: Part of the name.
    """

    filter: Annotated[str, Meta(max_length=255)] = ""


class Repositories:
    """Repositories: what they hold, who sees them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @operation("GET", "/repositories")
    def list_repositories(self, who: Principal, *, query: RepositoryQuery) -> Part[Repository]:
        """List the repositories that you may see and that hold a version, by name."""
        found = self._registry.repositories(who, after=query.after, limit=query.limit + 1, part=query.filter)
        return Part.of([_shown(one) for one in found], query.limit, lambda last: last.name)

    @operation("GET", "/repositories/{+repository}")
    def get_repository(self, who: Principal, *, repository: RepositoryName) -> Repository:
        """Show one repository."""
        return _shown(self._registry.readable(who, repository).summary())


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
    )
