"""Comparisons: how two versions differ."""

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta

from orchard.errors import UnsupportedError, UpstreamError
from orchard.hub.access import Principal
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import NAME, Bytes, DigestText, Input, Output, RepositoryName
from orchard.hub.registry import DIGEST, Chosen, Registry
from orchard.project import Change, FileDiff, Sections

if TYPE_CHECKING:
    from orchard.formats import Layer

_TAG: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"

Wanted = Annotated[
    str,
    Meta(
        description="A tag or a digest; of another repository with its name before it, as `team/other:v1` or"
        " `team/other@sha256:...`.",
        examples=["v1", "team/other:v1"],
        extra_json_schema={
            "pattern": f"^(?:(?:{NAME}:)?{_TAG}|(?:{NAME}@)?(?:{DIGEST.pattern}))?$",
            "maxLength": 255,
        },
    ),
]


class CompareQuery(Input, frozen=True):
    """Which versions are compared.

    Attributes:
        base: What changes are counted from; if it is not named, the last version but one.
        head: What they lead to; if it is not named, the last version.
    """

    base: Wanted = ""
    head: Wanted = ""


class CompareFileQuery(CompareQuery, frozen=True):
    """Which file of which versions is compared.

    Attributes:
        path: Path of the file in both versions.
    """

    path: Annotated[str, Meta(max_length=4096)] = ""


class ComparedVersion(Output, frozen=True):
    """One of two versions.

    Attributes:
        repository: Where it is.
        digest: Its name for ever.
    """

    repository: str
    digest: DigestText


class ComparedLayer(Output, frozen=True):
    """A layer of one or of both.

    Attributes:
        kind: What it holds: model, modelpart, code, dataset, docs, prompt, mcpb.
        path: Where it belongs.
        digest: Its blob.
        size_bytes: Bytes of the blob.
    """

    kind: str
    path: str
    digest: str
    size_bytes: Bytes


class Comparison(Output, frozen=True):
    """How two versions differ.

    Attributes:
        base: What changes are counted from.
        head: What they lead to.
        identical: Whether both are one version.
        sections: What differs, by what people ask. Lines of texts are counted; `/compare/file` tells them.
        annotations: What differs in the annotations of the manifests.
        shared_layers: Layers of both.
        base_layers: Layers of the base alone.
        head_layers: Layers of the head alone.
        notes: What could not be compared, and why; if the hub has not looked into a version yet, ask again.
    """

    base: ComparedVersion
    head: ComparedVersion
    identical: bool
    sections: Sections
    annotations: list[Change]
    shared_layers: list[ComparedLayer]
    base_layers: list[ComparedLayer]
    head_layers: list[ComparedLayer]
    notes: list[str]


class Comparisons:
    """Comparisons: how two versions differ, in one repository or in two."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @operation("GET", "/repositories/{+repository}/-/compare", UnsupportedError, UpstreamError)
    def compare_versions(self, who: Principal, *, repository: RepositoryName, query: CompareQuery) -> Comparison:
        """Compare two versions: licence, metrics, parameters, data, model, code, prompts, docs, provenance.

        Large models are compared by the headers of their files: of tensors whose type and shape are the same, the
        content may count as not compared.
        """
        base, head = self._registry.pair(who, repository, base=query.base, head=query.head)
        found = self._registry.comparer.compare(base.contents, head.contents)
        return Comparison(
            base=_named(base),
            head=_named(head),
            identical=base.contents.digest == head.contents.digest,
            sections=found.sections.without_lines(),
            annotations=list(found.annotations),
            shared_layers=[_layer(layer) for layer in found.shared],
            base_layers=[_layer(layer) for layer in found.only_base],
            head_layers=[_layer(layer) for layer in found.only_head],
            notes=list(found.notes),
        )

    @operation("GET", "/repositories/{+repository}/-/compare/file", UnsupportedError, UpstreamError)
    def compare_file(self, who: Principal, *, repository: RepositoryName, query: CompareFileQuery) -> FileDiff:
        """Compare one file of two versions line by line; a file that is the same in both is not found."""
        base, head = self._registry.pair(who, repository, base=query.base, head=query.head)
        return self._registry.comparer.file(base.contents, head.contents, query.path)


def _named(chosen: Chosen) -> ComparedVersion:
    return ComparedVersion(chosen.repository, str(chosen.contents.digest))


def _layer(layer: "Layer") -> ComparedLayer:
    return ComparedLayer(layer.kind.value, layer.path, str(layer.descriptor.digest), layer.descriptor.size)
