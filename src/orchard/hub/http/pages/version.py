"""The pages about one version: what it is, how big, what is in it, where it came from, and how to get it."""

from starlette.responses import Response

from orchard.errors import NotFoundError
from orchard.formats import INDEX_TYPE
from orchard.hub.http.pages import answers
from orchard.hub.http.pages.addresses import MANIFEST, Place
from orchard.hub.http.pages.contents import annotations_of, contents_of
from orchard.hub.http.pages.ports import Registry, Visit
from orchard.hub.http.pages.rendering import Renderer
from orchard.hub.registry import VersionDetail


class VersionPages:
    """Makes the pages about one version."""

    def __init__(self, registry: Registry, renderer: Renderer) -> None:
        self._registry = registry
        self._renderer = renderer
        self._leaves = {"": self.overview, MANIFEST: self.manifest}

    def answer(self, visit: Visit, detail: VersionDetail) -> Response:
        """Show what an address names.

        Raises:
            NotFoundError: If there is no such page.
        """
        view = self._leaves.get(visit.target.leaf)
        if view is None:
            raise NotFoundError("there is no such page")
        return view(visit, detail)

    def manifest(self, visit: Visit, detail: VersionDetail) -> Response:
        """Give the bytes of the manifest, as they were pushed."""
        folder = visit.name.rpartition("/")[2]
        return answers.download(detail.document.raw, f"{folder}-{detail.summary.digest.short}.manifest.json")

    def overview(self, visit: Visit, detail: VersionDetail) -> Response:
        """Show what it is."""
        version = visit.target.version
        assert version is not None
        return self._renderer.page(
            visit.request,
            "version.html",
            name=visit.name,
            tag=version if isinstance(version, str) else None,
            version=detail.summary,
            contents=contents_of(detail.document, detail.config),
            annotations=annotations_of(detail.document),
            referrers=detail.referrers,
            manifest_size=len(detail.document.raw),
            ways=Place.of(visit.request).ways(
                visit.name, version, labelled=detail.document.artifact_type == INDEX_TYPE
            ),
        )
