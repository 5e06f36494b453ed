"""Which page an address is, and the first page of all."""

from functools import cached_property
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from orchard.errors import DeniedError, NotFoundError
from orchard.hub.access import Principal
from orchard.hub.http.pages import answers
from orchard.hub.http.pages.addresses import Target, repository_url
from orchard.hub.http.pages.answers import Step
from orchard.hub.http.pages.home import HomePage
from orchard.hub.http.pages.live import State
from orchard.hub.http.pages.ports import Registry, Visit
from orchard.hub.http.pages.rendering import Renderer
from orchard.oci import Digest

if TYPE_CHECKING:
    from orchard.hub.http.pages.repository import RepositoryPages
    from orchard.hub.http.pages.version import VersionPages


class Views:
    """Makes each page for whoever asks."""

    def __init__(self, registry: Registry, renderer: Renderer, *, login: bool) -> None:
        self._registry = registry
        self._renderer = renderer
        self.home = HomePage(registry, renderer, login=login).show

    @cached_property
    def _repository(self) -> "RepositoryPages":
        from orchard.hub.http.pages.repository import RepositoryPages  # noqa: PLC0415 -- a hub's start needs no pages

        return RepositoryPages(self._registry, self._renderer)

    @cached_property
    def _version(self) -> "VersionPages":
        from orchard.hub.http.pages.version import VersionPages  # noqa: PLC0415 -- as above

        return VersionPages(self._registry, self._renderer)

    def place(self, request: Request, who: Principal) -> Response:
        """Show what a reference names: a repository, one of its versions, or a page about either.

        What is not there and what may not be seen look the same.

        Raises:
            NotFoundError: If there is no such thing.
        """
        visit = Visit(request, who, Target.parse(request.path_params["reference"]))
        try:
            if visit.target.version is None:
                return self._repository.answer(visit)
            return self._of_version(visit, visit.target.version)
        except DeniedError:
            return self._renderer.problem(request, answers.hidden(visit.name, self._renderer.login_url(request)))

    def progress(self, request: Request, who: Principal) -> State:
        """Tell how far the hub has come with a version.

        Raises:
            NotFoundError: If there is no such version.
            DeniedError: If it may not be seen.
        """
        target = Target.parse(request.path_params["reference"])
        if target.version is None or target.leaf:
            raise NotFoundError("that names no version")
        known = self._registry.readable(who, target.repository).contents(target.version).understanding()
        return State(known.state, ended=known.state != "waiting")

    def _of_version(self, visit: Visit, version: str | Digest) -> Response:
        try:
            detail = self._registry.version(visit.who, visit.name, version)
        except NotFoundError:
            return self._missing(visit)
        return self._version.answer(visit, detail)

    def _missing(self, visit: Visit) -> Response:
        """Answer that there is no such version, and show the way to those that are there.

        Raises:
            NotFoundError: If there is no such repository either.
        """
        name = visit.name
        if not self._registry.tabling.cards(visit.who, [name], []):
            raise NotFoundError(f"there is no repository {name} with a version in it")
        step = Step(f"See the versions of {name}.", repository_url(name))
        return self._renderer.problem(
            visit.request, answers.missing(f"{name} has no version {visit.target.version}.", step)
        )
