"""The pages themselves: what is asked of the registry for each, and which template shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response

from orchard.errors import NotFoundError
from orchard.formats import INDEX_TYPE
from orchard.hub.access import Principal
from orchard.hub.http.pages import answers
from orchard.hub.http.pages.addresses import Pager, Place, Target, repository_url
from orchard.hub.http.pages.answers import Step
from orchard.hub.http.pages.contents import annotations_of, contents_of
from orchard.hub.http.pages.rendering import Renderer
from orchard.hub.registry import Page, RepositorySummary, VersionDetail, VersionSummary
from orchard.oci import Digest

REPOSITORIES: Final = 20  # on one page of the first list
NEWEST: Final = 5  # versions that the first list shows of each
VERSIONS: Final = 50  # on one page of a repository
MAX_QUERY: Final = 255
_BATCH: Final = 10_000  # names asked for at once; 1 ms a thousand


class Registry(Protocol):
    """What pages ask the registry. Each method raises ``DeniedError`` where somebody may not look."""

    def names(self, who: Principal, page: Page, /) -> list[str]:
        """List the names of repositories, in order."""
        ...

    def repositories(self, who: Principal, *, after: str, limit: int) -> list[RepositorySummary]:
        """Describe the repositories whose names come after ``after``, in order."""
        ...

    def versions(self, who: Principal, name: str, *, limit: int) -> list[VersionSummary]:
        """List the versions of a repository, newest first.

        Raises:
            NotFoundError: If there is no such repository.
        """
        ...

    def version(self, who: Principal, name: str, reference: str | Digest, /) -> VersionDetail:
        """Show one version, named by a tag or a digest.

        Raises:
            NotFoundError: If there is none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Group:
    """A repository on the first page, with its newest versions."""

    repository: RepositorySummary
    versions: Sequence[VersionSummary]


class Views:
    """Makes each page for whoever asks."""

    def __init__(self, registry: Registry, renderer: Renderer, *, login: bool) -> None:
        self._registry = registry
        self._renderer = renderer
        self._login = login

    def home(self, request: Request, who: Principal) -> Response:
        """Show all repositories with their newest versions, or those whose names hold what is searched for."""
        query = request.query_params.get("q", "").strip()[:MAX_QUERY]
        wanted = query.lower()
        found = [(before, name) for before, name in pairwise(["", *self._names(who)]) if wanted in name]
        pager = Pager.of(request, REPOSITORIES, total=len(found), query=query)
        groups = [group for pair in found[pager.bounds] for group in self._groups(who, *pair)]
        values = {"query": query, "groups": groups, "total": len(found), "pager": pager, "login": self._login}
        return self._renderer.page(request, "home.html", **values)

    def place(self, request: Request, who: Principal) -> Response:
        """Show what a reference names: a repository, one of its versions, or the bytes of a manifest.

        Raises:
            NotFoundError: If there is no such thing.
        """
        target = Target.parse(request.path_params["reference"])
        if target.version is None:
            return self._repository(request, who, target.repository)
        try:
            detail = self._registry.version(who, target.repository, target.version)
        except NotFoundError:
            return self._missing(request, who, target)
        if target.manifest:
            folder = target.repository.rpartition("/")[2]
            return answers.download(detail.document.raw, f"{folder}-{detail.summary.digest.short}.manifest.json")
        return self._version(request, target, detail)

    def _names(self, who: Principal) -> list[str]:
        names: list[str] = []
        while True:
            more = self._registry.names(who, Page(names[-1] if names else "", _BATCH))
            names += more
            if len(more) < _BATCH:
                return names

    def _groups(self, who: Principal, before: str, name: str) -> list[Group]:
        """Describe one repository, found by the name before it; nothing if it holds no version."""
        summaries = self._registry.repositories(who, after=before, limit=1)
        if not summaries or summaries[0].name != name:
            return []
        return [Group(summaries[0], self._registry.versions(who, name, limit=NEWEST))]

    def _repository(self, request: Request, who: Principal, name: str) -> Response:
        pager = Pager.of(request, VERSIONS)
        versions = self._registry.versions(who, name, limit=pager.bounds.stop + 1)
        shown = versions[pager.bounds]
        if not shown:
            raise NotFoundError(f"{name} holds no version" if not versions else f"{name} holds fewer versions")
        newest = versions[0]
        return self._renderer.page(
            request,
            "repository.html",
            name=name,
            newest=newest,
            versions=shown,
            pager=pager,
            more=len(versions) > pager.bounds.stop,
            commands=Place.of(request).commands(name, newest.tags[0] if newest.tags else newest.digest),
        )

    def _version(self, request: Request, target: Target, detail: VersionDetail) -> Response:
        assert target.version is not None
        return self._renderer.page(
            request,
            "version.html",
            name=target.repository,
            tag=target.version if isinstance(target.version, str) else None,
            version=detail.summary,
            contents=contents_of(detail.document, detail.config),
            annotations=annotations_of(detail.document),
            referrers=detail.referrers,
            manifest_size=len(detail.document.raw),
            commands=Place.of(request).commands(
                target.repository, target.version, labelled=detail.document.artifact_type == INDEX_TYPE
            ),
        )

    def _missing(self, request: Request, who: Principal, target: Target) -> Response:
        """Answer that there is no such version, and show the way to those that are there.

        Raises:
            NotFoundError: If there is no such repository either.
        """
        name = target.repository
        self._registry.versions(who, name, limit=1)
        step = Step(f"See the versions of {name}.", repository_url(name))
        problem = answers.missing(f"{name} has no version {target.version}.", step)
        return self._renderer.problem(request, problem)
