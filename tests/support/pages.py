"""A registry in memory with believable projects, for the pages of the hub."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from orchard.errors import NotFoundError
from orchard.formats import FileIndex
from orchard.hub.access import ANONYMOUS, Action, Principal
from orchard.hub.http.pages import Pages, Registry
from orchard.hub.registry import (
    Activity,
    Card,
    Chosen,
    Comparer,
    Deed,
    Fact,
    Gap,
    Happened,
    Kind,
    KnownKey,
    Line,
    Movers,
    Names,
    Pulls,
    RepositorySummary,
    SheetQuery,
    Step,
    StoredFile,
    Stretch,
    TagMove,
    TagPattern,
    TagRule,
    TagState,
    TagSummary,
    Understood,
    VersionDetail,
    VersionSummary,
)
from orchard.oci import JSON, Descriptor, Digest, Manifest, dumps, parse_document
from support.hubs import Client

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KITOPS: Final = "application/vnd.kitops.modelkit"
MIB: Final = 1 << 20


@dataclass(slots=True)
class Shelf:
    """Repositories by name, each with its versions, newest first."""

    details: dict[str, list[VersionDetail]] = field(default_factory=dict)
    facts: dict[Digest, dict[str, list[str | float]]] = field(default_factory=dict)

    def add(self, name: str, version: VersionDetail) -> VersionDetail:
        self.details.setdefault(name, []).append(version)
        return version

    @property
    def showcase(self) -> "ShelfWindow":
        return ShelfWindow(self)

    @property
    def tabling(self) -> "ShelfTables":
        return ShelfTables(self)

    @property
    def tagboard(self) -> "ShelfTags":
        return ShelfTags(self)

    def readable(self, who: Principal, name: str, /) -> "ShelfRepository":
        assert who == ANONYMOUS
        return ShelfRepository(self, name)

    @property
    def chronicle(self) -> "ShelfChronicle":
        return ShelfChronicle(self)

    @property
    def comparer(self) -> Comparer:
        return Comparer()

    def pair(self, who: Principal, name: str, /, *, base: str = "", head: str = "") -> tuple[Chosen, Chosen]:
        raise NotFoundError(f"{who.name} finds nothing to compare in {name}: {base} {head}")

    def may(self, who: Principal, action: Action, name: str, /) -> bool:
        assert (who, action) == (ANONYMOUS, Action.GOVERN)
        assert name in self.details
        return False

    def version(self, who: Principal, name: str, reference: str | Digest, /) -> VersionDetail:
        assert who == ANONYMOUS
        for version in self.details.get(name, []):
            if reference == version.summary.digest or reference in version.summary.tags:
                return version
        raise NotFoundError(f"{name} has no manifest {reference}")


@dataclass(frozen=True, slots=True)
class ShelfRepository:
    """A repository of a shelf. Nobody has looked into its versions, and nobody will."""

    shelf: Shelf
    name: str

    def contents(self, reference: str | Digest) -> "ShelfContents":
        known = self.shelf.facts.get(reference, {}) if isinstance(reference, Digest) else {}
        return ShelfContents([Fact(key, value) for key, values in known.items() for value in values])

    def pulls(self, digest: Digest) -> Pulls:
        self.shelf.version(ANONYMOUS, self.name, digest)
        return Pulls(3, NOW)


@dataclass(frozen=True, slots=True)
class ShelfContents:
    known: list[Fact]

    def understanding(self) -> Understood:
        return Understood("nothing")

    def conclusion(self) -> None:
        return None

    def facts(self) -> list[Fact]:
        return self.known

    def files(self) -> FileIndex:
        return FileIndex([])

    def readme(self) -> str:
        return ""

    def gaps(self) -> Sequence[Gap]:
        return []

    def file(self, path: str) -> StoredFile:
        raise NotFoundError(f"{path!r} is not in this version")

    def insight(self, path: str) -> None:
        self.file(path)

    def kinds(self) -> dict[str, str]:
        return {}


@dataclass(frozen=True, slots=True)
class ShelfTables:
    """What is on a shelf, as tables. A row is marked with its number."""

    shelf: Shelf

    def keys(self, who: Principal, name: str) -> list[KnownKey]:
        assert who == ANONYMOUS
        known = [self.shelf.facts.get(one.summary.digest, {}) for one in self.shelf.details.get(name, [])]
        return [
            KnownKey(
                key,
                sum(key in facts for facts in known),
                numeric=any(isinstance(facts.get(key, [""])[0], float) for facts in known),
                varies=len({str(facts[key]) for facts in known if key in facts}) > 1,
            )
            for key in sorted({key for facts in known for key in facts})
        ]

    def lines(self, who: Principal, name: str, query: SheetQuery) -> list[Line]:
        assert who == ANONYMOUS
        found = [
            Line(one.summary, number, None, self.shelf.facts.get(one.summary.digest, {}), (number,))
            for number, one in enumerate(self.shelf.details.get(name, []))
        ]
        return [line for line in found if not query.after or line.pulls > int(query.after[0])][: query.limit]

    def cards(self, who: Principal, names: Sequence[str], keys: Sequence[str]) -> list[Card]:
        assert who == ANONYMOUS
        assert all(keys)
        held = {name: self.shelf.details[name] for name in names if self.shelf.details.get(name)}
        return [
            Card(_summary(name, versions), versions[0].summary, self.shelf.facts.get(versions[0].summary.digest, {}))
            for name, versions in held.items()
        ]


@dataclass(frozen=True, slots=True)
class ShelfWindow:
    """What is on a shelf, for whoever looks around."""

    shelf: Shelf

    def names(self, who: Principal, wanted: Stretch) -> Names:
        assert who == ANONYMOUS
        held = [name for name in sorted(self.shelf.details) if self.shelf.details[name]]
        if wanted.before:
            found = [name for name in held if name < wanted.before]
            return Names(found[-wanted.limit :], earlier=len(found) > wanted.limit, later=True, count=len(held))
        found = [name for name in held if name > wanted.after]
        further = len(found) > wanted.limit
        return Names(found[: wanted.limit], earlier=bool(wanted.after), later=further, count=len(held))

    def lately(self, who: Principal, namespace: str = "", *, limit: int) -> list[Activity]:
        assert who == ANONYMOUS
        done = [
            Activity(
                at=one.summary.pushed_at,
                account=one.summary.pushed_by,
                repository=name,
                deed=Deed.PUSHED,
                tags=one.summary.tags,
                digest=one.summary.digest,
            )
            for name, found in self.shelf.details.items()
            for one in found
            if name.startswith(namespace)
        ]
        return sorted(done, key=lambda one: one.at, reverse=True)[:limit]


@dataclass(frozen=True, slots=True)
class ShelfTags:
    """The tags of a shelf: set when their versions were pushed, and never moved."""

    shelf: Shelf
    rules: tuple[TagRule, ...] = (
        TagRule(scope="*", kind=Kind.IMMUTABLE, pattern=TagPattern.parse("v*")),
        TagRule(scope="*", kind=Kind.PROTECTED, pattern=TagPattern.parse("prod"), movers=Movers(role="maintainer")),
    )

    def tags(self, who: Principal, name: str, *, after: str, limit: int) -> list[TagState]:
        assert who == ANONYMOUS
        found = sorted(
            ((tag, one.summary) for one in self.shelf.details.get(name, []) for tag in one.summary.tags),
            key=lambda pair: pair[0],
        )
        return [
            TagState(
                TagSummary(name=tag, digest=one.digest, updated_at=one.pushed_at, updated_by=one.pushed_by),
                [rule for rule in self.rules if rule.pattern.matches(tag)],
            )
            for tag, one in found
            if tag > after
        ][:limit]

    def moves(self, who: Principal, name: str, tag: str, *, limit: int) -> list[TagMove]:
        states = [state.summary for state in self.tags(who, name, after="", limit=limit) if state.summary.name == tag]
        if not states:
            raise NotFoundError(f"{name} never had a tag {tag}")
        gone = TagMove(1, None, NOW - timedelta(days=9), "ann")
        return [*(TagMove(2, one.digest, one.updated_at, one.updated_by) for one in states), gone]


@dataclass(frozen=True, slots=True)
class ShelfChronicle:
    """What happened to what is on a shelf: it was pushed, and tagged."""

    shelf: Shelf

    def of(self, who: Principal, name: str, digest: Digest) -> list[Step]:
        one = self.shelf.version(who, name, digest).summary
        pushed = Step(Happened.PUSHED, one.pushed_at, one.pushed_by)
        return [*(Step(Happened.TAGGED, one.pushed_at, one.pushed_by, tag) for tag in one.tags), pushed]


def app(registry: Registry, *, login: bool = False) -> Starlette:
    """Mount the pages as the hub does, everybody inside."""
    pages = Pages(registry, now=lambda: NOW, login=login)
    return Starlette(routes=pages.routes(), middleware=[Middleware(_Admit)])


class _Admit:
    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["who"] = ANONYMOUS
        await self._inner(scope, receive, send)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """What a made-up kit says; layers are kind, path, size and further fields of the Kitfile entry."""

    name: str = "digits"
    description: str = "A small neural network that reads handwritten digits, with all it was made from."
    framework: str = "scikit-learn"
    format: str = "safetensors"
    licence: str = "Apache-2.0"
    version: str = "1.0.0"
    tags: tuple[str, ...] = ("v1.0.0", "latest")
    age: timedelta = timedelta(hours=3)
    layers: tuple[tuple[str, str, int, dict[str, JSON]], ...] = ()
    parameters: JSON = None
    annotations: Mapping[str, str] = field(default_factory=lambda: {"ml.kitops.modelkit.cli-version": "1.7.0"})
    referrers: tuple[Descriptor, ...] = ()

    def build(self) -> VersionDetail:
        config = dumps(self._config())
        layers = [self._layer(kind, path, size) for kind, path, size, _ in self.layers]
        document = parse_document(
            dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "config": Descriptor.of(config, f"{KITOPS}.config.v1+json").to_json(),
                    "layers": [layer.to_json() for layer in layers],
                    "annotations": dict(self.annotations),
                }
            )
        )
        assert isinstance(document, Manifest)
        summary = VersionSummary(
            digest=document.describe().digest,
            tags=self.tags,
            media_type=document.media_type,
            artifact_type=document.kind,
            kind="ModelKit",
            model_name=self.name or None,
            model_version=self.version or None,
            description=self.description or None,
            model_format=self.format or None,
            framework=self.framework or None,
            licence=self.licence or None,
            size_bytes=sum(layer.size for layer in layers) + len(config),
            layer_count=len(layers),
            pushed_at=NOW - self.age,
            pushed_by="admin",
            note=None,
        )
        return VersionDetail(summary=summary, document=document, config=config, referrers=self.referrers)

    def _layer(self, kind: str, path: str, size: int) -> Descriptor:
        digest = Digest.of(f"{self.name} {self.version} {path}".encode())
        word = "code" if kind == "prompts" else {"datasets": "dataset", "part": "modelpart"}.get(kind, kind)
        annotations = {"ml.kitops.modelkit.layer-subtype": "prompt"} if kind == "prompts" else {}
        return Descriptor(media_type=f"{KITOPS}.{word}.v1.tar", digest=digest, size=size, annotations=annotations)

    def _config(self) -> dict[str, JSON]:
        config: dict[str, JSON] = {
            "manifestVersion": "1.0.0",
            "package": {
                "name": self.name,
                "version": self.version,
                "description": self.description,
                "license": self.licence,
                "authors": ["Orchard contributors"],
            },
        }
        entries: dict[str, list[JSON]] = {}
        for kind, path, size, more in self.layers:
            digest = str(self._layer(kind, path, size).digest)
            entry: JSON = {**more, "path": path, "digest": digest, "diffId": digest}
            entries.setdefault(kind, []).append(entry)
        (model,) = entries.pop("model")
        assert isinstance(model, dict)
        config["model"] = {
            "name": self.name,
            "framework": self.framework,
            "format": self.format,
            "version": self.version,
            "license": self.licence,
            **({"parts": entries.pop("part")} if "part" in entries else {}),
            **({"parameters": self.parameters} if self.parameters is not None else {}),
            **model,
        }
        return config | {kind: entries[kind] for kind in ("code", "datasets", "docs", "prompts") if kind in entries}


def _summary(name: str, versions: list[VersionDetail]) -> RepositorySummary:
    newest = versions[0].summary
    sizes = {layer.digest: layer.size for version in versions for layer in version.document.children}
    return RepositorySummary(
        name=name,
        versions=len(versions),
        tags=sum(len(version.summary.tags) for version in versions),
        latest_pushed_at=newest.pushed_at,
        size_bytes=sum(sizes.values()),
        model_name=newest.model_name,
        format=newest.model_format,
        latest_digest=newest.digest,
    )


DIGITS: Final = Kit(
    layers=(
        ("model", "model/digits.safetensors", 78_848, {}),
        ("part", "model/digits.onnx", 76_288, {"name": "digits-onnx", "type": "onnx", "license": "Apache-2.0"}),
        ("part", "model/config.json", 2_048, {"name": "config", "type": "config", "license": "Apache-2.0"}),
        ("code", "src", 18_944, {"description": "Splits the data, trains, exports and predicts."}),
        ("code", "notebooks", 41_472, {"description": "A look at the data, the results and the mistakes."}),
        ("code", "Makefile", 3_072, {"description": "`make train` makes the model again."}),
        ("datasets", "data/train.csv", 191_488, {"name": "train", "description": "1,347 digits of 8 x 8 pixels."}),
        (
            "datasets",
            "data/test.csv",
            65_024,
            {"name": "test", "description": "450 digits that the training never sees."},
        ),
        ("docs", "README.md", 6_656, {"description": "The model card."}),
        ("docs", "LICENSE", 13_312, {"description": "The Apache License 2.0."}),
        ("prompts", "prompts/explain.system.md", 2_560, {"name": "explain", "description": "Explains a prediction."}),
    ),
    parameters={
        "metrics": {"accuracy": 0.9733, "log_loss": 0.0836, "macro_f1": 0.9733, "test_rows": 450},
        "training": {"activation": "relu", "alpha": 0.001, "batch_size": 32, "epochs": 82, "hidden_layers": [128, 64]},
    },
    referrers=(
        Descriptor(
            media_type="application/vnd.oci.image.manifest.v1+json",
            digest=Digest.of(b"signature"),
            size=842,
            artifact_type="application/vnd.dev.sigstore.bundle.v0.3+json",
        ),
    ),
)


def push(hub: Client, name: str, kit: Kit) -> Digest:
    """Push a kit whose layers are as small as can be."""
    layers = {path: f"{kit.version} {path}".encode() for _, path, _, _ in kit.layers}
    built = replace(
        kit, layers=tuple((kind, path, len(layers[path]), more) for kind, path, _, more in kit.layers)
    ).build()
    assert isinstance(built.document, Manifest)
    assert built.config is not None
    raw, config = built.document.raw, built.config
    for claimed, data in zip(built.document.layers, layers.values(), strict=True):
        digest = hub.push_blob(name, data)
        raw = raw.replace(str(claimed.digest).encode(), str(digest).encode())
        config = config.replace(str(claimed.digest).encode(), str(digest).encode())
    raw = raw.replace(str(built.document.config.digest).encode(), str(hub.push_blob(name, config)).encode())
    for tag in kit.tags:
        hub.push_manifest(name, raw, tag)
    return hub.push_manifest(name, raw)


def furnished() -> Shelf:
    """Fill a shelf with several projects."""
    shelf = Shelf()
    shelf.add("vision/digits", DIGITS.build())
    older = replace(DIGITS, version="0.9.0", tags=("v0.9.0",), age=timedelta(days=2), referrers=())
    shelf.add("vision/digits", older.build())
    shelf.add("vision/digits", replace(older, version="0.9.0-rc1", tags=(), age=timedelta(days=3)).build())
    llama = Kit(
        name="llama-3.2-3b-instruct",
        description="Instruction-tuned, 4-bit, with the tokenizer and the chat template.",
        framework="llama.cpp",
        format="gguf",
        licence="llama3.2",
        version="3.2",
        tags=("3b-q4", "latest", "prod", "prod-eu", "2026-11"),
        age=timedelta(minutes=12),
        layers=(
            ("model", "llama-3.2-3b-instruct.Q4_K_M.gguf", 2_019_377_696, {}),
            ("docs", "README.md", 42_496, {"description": "Model card."}),
            ("docs", "LICENSE.txt", 8_192, {}),
        ),
    )
    shelf.add("llm/llama-3.2-3b-instruct", llama.build())
    for number in range(1, 9):
        past = replace(llama, version=f"3.2-{number}", tags=(f"build-{40 - number}",), age=timedelta(days=4 * number))
        shelf.add("llm/llama-3.2-3b-instruct", past.build())
    churn = Kit(
        name="churn",
        description="Principal will leave next month: gradient-boosted trees on 1.2 million customers.",
        framework="xgboost",
        format="onnx",
        licence="",
        version="2026.47",
        tags=("2026-w47", "latest"),
        age=timedelta(hours=26),
        layers=(
            ("model", "churn.onnx", 48 * MIB, {}),
            ("datasets", "customers.parquet", 612 * MIB, {"name": "customers", "description": "Pseudonymised."}),
            ("code", "pipeline", 331_776, {}),
            ("docs", "README.md", 9_216, {}),
        ),
    )
    shelf.add("risk/churn", churn.build())
    shelf.add("risk/churn", replace(churn, version="2026.46", tags=("2026-w46",), age=timedelta(days=8)).build())
    embed = replace(
        llama,
        name="bge-small-en",
        format="safetensors",
        framework="sentence-transformers",
        licence="MIT",
        version="1.5",
        tags=("1.5",),
        age=timedelta(days=40),
        layers=(("model", "model.safetensors", 133_466_304, {}),),
    )
    shelf.add("search/bge-small-en", embed.build())
    return shelf
