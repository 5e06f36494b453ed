"""What the hub found out about versions: how far that is, what files say, what it comes to, and facts."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Raw, json

from orchard.errors import NotFoundError
from orchard.hub.access import Principal
from orchard.hub.http.api.files import FilePath
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import Moment, Output, Paged, Part, RepositoryName, VersionName
from orchard.hub.registry import Registry, asking

if TYPE_CHECKING:
    from orchard.hub.registry import Contents

_OBJECT = Meta(extra_json_schema={"type": ["object", "null"]})


class VersionUnderstanding(Output, frozen=True):
    """How far the hub has come with a version.

    Attributes:
        state: `waiting`: it will be looked at, or some of its bytes are not here yet. `ready`: all is known. `partial`:
            some of it cannot be read. `unreadable`: it is no sound artifact of its kind. `nothing`: of its kind nothing
            is to be said, as of images and indexes.
        at: When it was looked at; null if it was not.
        note: What is missing, in one line; null if nothing is.
        gaps: What is missing, and why.
        conclusion: What its files come to: models with parameters, types and memory; data sets; tokenizer; base models;
            metrics. Null if it was not looked at. What nobody says is left out.
    """

    state: Annotated[str, Meta(examples=["ready"])]
    at: Moment | None
    note: str | None
    gaps: list[str]
    conclusion: Annotated[Raw, _OBJECT]


class FileInsight(Output, frozen=True):
    """What one file says.

    Attributes:
        path: Of the file.
        kind: What it was taken for: safetensors, gguf, onnx, torch, config, tokenizer, adapter, notebook, image, table,
            card, metrics, ...; or unreadable.
    """

    path: str
    kind: Annotated[str, Meta(examples=["safetensors"])]


class WholeFileInsight(FileInsight, frozen=True):
    """What one file says, with all of it.

    Attributes:
        insight: What was found in it; its shape depends on the kind. What nobody says is left out.
    """

    insight: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]


class VersionFacts(Output, frozen=True):
    """What is known of a version, as typed keys and values.

    Attributes:
        facts: The values of each key, in their order: `license`, `params`, `param.optimizer.lr`, `metric.accuracy`,
            `dataset`, `dataset.train.rows`, `git.commit`, `size.new`, ... Numbers are numbers.
    """

    facts: dict[str, list[str | float]]


class InsightQuery(Paged, frozen=True):
    """Which insights are wanted.

    Attributes:
        kind: Those of this kind only.
    """

    after: Annotated[str, Meta(max_length=4096)] = ""
    kind: Annotated[str, Meta(max_length=64)] = ""


class Insights:
    """What the hub found out about versions by itself, from the headers of their files."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @operation("GET", "/repositories/{+repository}/-/versions/{version}/understanding")
    def get_understanding(
        self, who: Principal, *, repository: RepositoryName, version: VersionName
    ) -> VersionUnderstanding:
        """Tell how far the hub has come with a version, and what it is as a whole."""
        contents = self._contents(who, repository, version)
        found = contents.understanding()
        conclusion = contents.conclusion()
        return VersionUnderstanding(
            state=found.state,
            at=found.at,
            note=found.note,
            gaps=list(found.gaps),
            conclusion=Raw(json.encode(conclusion)),
        )

    @operation("GET", "/repositories/{+repository}/-/versions/{version}/facts")
    def get_facts(self, who: Principal, *, repository: RepositoryName, version: VersionName) -> VersionFacts:
        """Give what is known of a version, as typed keys and values."""
        found: dict[str, list[str | float]] = {}
        for fact in self._contents(who, repository, version).facts():
            found.setdefault(fact.key, []).append(fact.value)
        return VersionFacts(facts=found)

    @operation("GET", "/repositories/{+repository}/-/versions/{version}/insights")
    def list_insights(
        self, who: Principal, *, repository: RepositoryName, version: VersionName, query: InsightQuery
    ) -> Part[FileInsight]:
        """List the files of a version that say something, by path, with what each was taken for."""
        kinds = self._contents(who, repository, version).kinds()
        paths = sorted(path for path, kind in kinds.items() if path > query.after and query.kind in {"", kind})
        found = [FileInsight(path=path, kind=kinds[path]) for path in paths[: query.limit + 1]]
        return Part.of(found, query.limit, lambda one: one.path)

    @operation("GET", "/repositories/{+repository}/-/versions/{version}/insights/{+path}")
    def get_insight(
        self, who: Principal, *, repository: RepositoryName, version: VersionName, path: FilePath
    ) -> WholeFileInsight:
        """Give all that one file says: every tensor, every column, every key.

        Raises:
            NotFoundError: If it says nothing.
        """
        found = self._contents(who, repository, version).insight(path)
        if found is None:
            raise NotFoundError(f"{path[:200]!r} says nothing that the hub can read, or was not examined")
        raw = json.encode(found)
        return WholeFileInsight(path=path, kind=str(type(found).__struct_config__.tag), insight=Raw(raw))

    def _contents(self, who: Principal, repository: str, version: str) -> "Contents":
        return self._registry.readable(who, repository).contents(asking.reference_of(version))
