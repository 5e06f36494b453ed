"""The pages about one version: what it is, how big, what is in it, where it came from, and how to get it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from orchard.errors import NotFoundError, OrchardError
from orchard.formats import INDEX_TYPE
from orchard.hub.http.pages import answers, tree
from orchard.hub.http.pages.about import About, about
from orchard.hub.http.pages.addresses import MANIFEST, Place, leaf_url
from orchard.hub.http.pages.contents import annotations_of, contents_of
from orchard.hub.http.pages.ports import Inside, Registry, Visit
from orchard.hub.http.pages.rendering import Renderer
from orchard.hub.http.pages.sayings import Saying, config_beside, sayings
from orchard.hub.http.pages.tensors import tensors_of
from orchard.hub.http.pages.tree import Beside
from orchard.hub.registry import VersionDetail
from orchard.oci import Digest

if TYPE_CHECKING:
    from orchard.hub.registry import Understood
    from orchard.insight import Conclusion, Insight

MAX_DATASETS: Final = 50
_TOLD: Final = 4  # files of one model whose headers are told; shards say the same
_WEIGHTS: Final = ("safetensors", "gguf", "onnx", "torch")


@dataclass(frozen=True, slots=True)
class Look:
    """A version that somebody looks at.

    Attributes:
        detail: The version.
        inside: What is in it.
        state: How far the hub has come with understanding it.
        conclusion: What it came to.
    """

    visit: Visit
    detail: VersionDetail
    inside: Inside
    state: "Understood"
    conclusion: "Conclusion | None"

    @property
    def version(self) -> str | Digest:
        """What the address calls it."""
        assert self.visit.target.version is not None
        return self.visit.target.version

    @property
    def place(self) -> Beside:
        """Where its files are."""
        return Beside(self.visit.name, self.version)


class VersionPages:
    """Makes the pages about one version."""

    def __init__(self, registry: Registry, renderer: Renderer) -> None:
        self._registry = registry
        self._renderer = renderer
        self._leaves = {
            "": self.overview,
            "files": self.files,
            "raw": self.raw,
            "model": self.model,
            "data": self.data,
            "parameters": self.parameters,
            "kitfile": self.kitfile,
            "layers": self.layers,
            "history": self.history,
            MANIFEST: self.manifest,
        }

    def answer(self, visit: Visit, detail: VersionDetail) -> Response:
        """Show what an address names.

        Raises:
            NotFoundError: If there is no such page.
        """
        view = self._leaves.get(visit.target.leaf)
        if view is None or (visit.target.rest and visit.target.leaf not in {"files", "raw"}):
            raise NotFoundError("there is no such page")
        assert visit.target.version is not None
        inside = self._registry.readable(visit.who, visit.name).contents(detail.summary.digest)
        return view(Look(visit, detail, inside, inside.understanding(), inside.conclusion()))

    def manifest(self, look: Look) -> Response:
        """Give the bytes of the manifest, as they were pushed."""
        detail = look.detail
        folder = look.visit.name.rpartition("/")[2]
        return answers.download(detail.document.raw, f"{folder}-{detail.summary.digest.short}.manifest.json")

    def overview(self, look: Look) -> Response:
        """Show what it is, in ten seconds."""
        card = ""
        if look.state.card:
            from orchard.hub.http.pages import markdown  # noqa: PLC0415 -- a hub's start needs no parsers of languages

            card = markdown.render(look.state.card, look.inside.readme(), look.place)
        return self._page(
            look,
            "version.html",
            about=self._about(look),
            contents=contents_of(look.detail.document, look.detail.config),
            pulls=self._registry.readable(look.visit.who, look.visit.name).pulls(look.detail.summary.digest),
            card=card,
            ways=Place.of(look.visit.request).ways(
                look.visit.name, look.version, labelled=look.detail.document.artifact_type == INDEX_TYPE
            ),
        )

    def files(self, look: Look) -> Response:
        """Show the files of a directory, or one file.

        Raises:
            NotFoundError: If there is no such file or directory.
        """
        path = look.visit.target.rest.strip("/")
        crumbs = (
            [("/".join(path.split("/")[: at + 1]), name) for at, name in enumerate(path.split("/"))] if path else []
        )
        try:
            index, gaps = look.inside.files(), look.inside.gaps()
        except OrchardError as error:
            return self._page(look, "files.html", crumbs=crumbs, entries=[], more=0, notes=[tree.readable(error)])
        if path and not index.is_directory(path):
            return self._file(look, path, crumbs)
        entries, more = tree.entries(index, path, look.inside.kinds())
        notes = [f"{gap.layer.path or 'A layer'}: {gap.why}" for gap in gaps[:20]]
        return self._page(look, "files.html", crumbs=crumbs, entries=entries, more=more, notes=notes)

    def raw(self, look: Look) -> Response:
        """Give a file to be saved, or a picture to be shown in a page."""
        from orchard.hub.http.pages import sending  # noqa: PLC0415 -- a hub's start needs no formats

        found = look.inside.file(look.visit.target.rest)
        return sending.file(look.visit.request, found, lasting=isinstance(look.version, Digest))

    def history(self, look: Look) -> Response:
        """Show what happened to it, as far as the reader may know."""
        name, digest = look.visit.name, look.detail.summary.digest
        return self._page(
            look,
            "history.html",
            steps=self._registry.chronicle.of(look.visit.who, name, digest),
            pulls=self._registry.readable(look.visit.who, name).pulls(digest),
        )

    def model(self, look: Look) -> Response:
        """Show the models in it, tensor by tensor."""
        models = () if look.conclusion is None else look.conclusion.models
        query = look.visit.request.query_params.get("q", "")[:200]
        wanted = look.visit.request.query_params.get("model", "")
        chosen = next((model for model in models if model.name == wanted), models[0] if models else None)
        files = [] if chosen is None else chosen.files[:100]
        found = self._insights(look, files)
        weights = [one for one in found if one.__struct_config__.tag in _WEIGHTS]
        tensors = [tensor for one in weights for tensor in getattr(one, "weights", ())]
        return self._page(
            look,
            "model.html",
            models=models,
            chosen=chosen,
            conclusion=look.conclusion,
            tensors=tensors_of(tensors, query),
            query=query,
            sayings=self._sayings(look, files, found),
        )

    def data(self, look: Look) -> Response:
        """Show the tables in it."""
        datasets = () if look.conclusion is None else look.conclusion.datasets
        shown = [(one.path, self._insights(look, [one.path])) for one in datasets[:MAX_DATASETS]]
        return self._page(
            look,
            "data.html",
            tables=[(path, found[0]) for path, found in shown if found and found[0].__struct_config__.tag == "table"],
            more=max(0, len(datasets) - MAX_DATASETS),
        )

    def parameters(self, look: Look) -> Response:
        """Show its metrics, its parameters and everything else that is known of it."""
        return self._page(look, "parameters.html", about=self._about(look))

    def kitfile(self, look: Look) -> Response:
        """Show its Kitfile, or whatever else its config is."""
        contents = contents_of(look.detail.document, look.detail.config)
        return self._page(look, "kitfile.html", text=contents.text)

    def layers(self, look: Look) -> Response:
        """Show what it consists of, and what is attached to it."""
        detail = look.detail
        return self._page(
            look,
            "layers.html",
            contents=contents_of(detail.document, detail.config),
            annotations=annotations_of(detail.document),
            referrers=detail.referrers,
            manifest_size=len(detail.document.raw),
        )

    def _file(self, look: Look, path: str, crumbs: Sequence[tuple[str, str]]) -> Response:
        found = look.inside.file(path)
        return self._page(
            look,
            "file.html",
            crumbs=crumbs,
            file=found.file,
            preview=tree.preview(found, look.inside.insight(path), look.place),
            download=self._download(look, path),
            picture=look.place(path, True),  # noqa: FBT003 -- the address of its bytes
        )

    def _sayings(self, look: Look, files: Sequence[str], found: "Sequence[Insight]") -> list[Saying]:
        if not files or look.conclusion is None:
            return []
        configs = self._insights(look, config_beside(look.inside.kinds(), files))
        return sayings([*found[:_TOLD], *configs], look.conclusion)

    def _insights(self, look: Look, paths: Sequence[str]) -> "list[Insight]":
        found = (look.inside.insight(path) for path in paths)
        return [one for one in found if one is not None]

    def _about(self, look: Look) -> About:
        return about(look.detail.summary, look.inside.facts(), look.conclusion)

    @staticmethod
    def _download(look: Look, path: str) -> str:
        return f"{leaf_url(look.visit.name, look.detail.summary.digest, 'raw', rest=path)}?download"

    def _page(self, look: Look, template: str, **values: object) -> Response:
        """Fill a template with what every page about a version shows above."""
        conclusion = look.conclusion
        leaves = [("", "Overview"), ("files", "Files")]
        leaves += [("model", "Model")] if conclusion is not None and conclusion.models else []
        leaves += [("data", "Data")] if conclusion is not None and conclusion.datasets else []
        card = (
            [("Model card", f"{leaf_url(look.visit.name, look.version, '')}#card", "card")] if look.state.card else []
        )
        leaves += [("parameters", "Parameters and metrics"), ("kitfile", "Kitfile"), ("layers", "Layers and referrers")]
        leaves += [("history", "History")]
        version = look.version
        return self._renderer.page(
            look.visit.request,
            template,
            name=look.visit.name,
            tag=version if isinstance(version, str) else None,
            address=version,
            version=look.detail.summary,
            state=look.state,
            tabs=[*((title, leaf_url(look.visit.name, version, leaf), leaf) for leaf, title in leaves), *card],
            tab=look.visit.target.leaf,
            **values,
        )
