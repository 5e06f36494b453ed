"""What is known of a version as typed keys and values: what search asks for and the table of versions shows.

Everything here is said by strangers: bounded, and whatever is missing or strange is left out.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from orchard.formats import Dataset, FileIndex, ModelKit, is_reference
from orchard.hub.catalog import Fact
from orchard.insight import Conclusion
from orchard.oci import JSON, Document, dumps
from orchard.project import read_origin

MOST: Final = 500  # parameters and metrics, each
DEPTH: Final = 8
KEY: Final = 200  # characters
TEXT: Final = 1000  # characters
VALUES: Final = 50  # of one key

_SIZE: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?) ?([kmbtqKMBTQ]?)")
_PREFIXES: Final = " kmbtq"
_CONTROLS: Final = re.compile(r"[\0-\x1f\x7f\ud800-\udfff]")
_METRICS: Final = "metrics"
_ORIGIN: Final = {"source": "git.remote", "revision": "git.commit", "branch": "git.branch", "dirty": "git.dirty"}
_OCI: Final = "org.opencontainers.image."


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What facts are drawn from.

    Attributes:
        document: The manifest.
        kind: What people call such an artifact.
        kit: What it says about itself, if that is of a known format.
        index: Its files.
        conclusion: What they come to.
        size: Bytes of everything that it names.
        new: Those of them that the version before it does not name.
    """

    document: Document
    kind: str
    kit: ModelKit | None
    index: FileIndex
    conclusion: Conclusion
    size: int
    new: int


def facts_of(evidence: Evidence) -> list[Fact]:
    """State what is known of a version."""
    found: dict[str, list[str | float]] = {}
    for part in (_about, _said_by_model, _seen_in_model, _lineage, _datasets, _origin, _measured, _totals):
        for key, value in part(evidence):
            clean = _clean(value)
            values = found.setdefault(_key(key), [])
            if clean is not None and clean not in values and len(values) < (VALUES if key in _SEVERAL else 1):
                values.append(clean)
    return [Fact(key, value) for key, values in found.items() for value in values]


Stated = Iterator[tuple[str, JSON]]
_SEVERAL: Final = frozenset({"author", "precision", "base_model", "dataset", "license"})


def _about(evidence: Evidence) -> Stated:
    """Say what it is called, whose it is, and on what terms. What comes first counts."""
    yield "kind", evidence.kind
    kit = evidence.kit
    if kit is not None:
        package, model = kit.kitfile.package, kit.kitfile.model
        yield from (("name", model.name if model else ""), ("name", package.name))
        yield from (("version", package.version), ("version", model.version if model else ""))
        yield from (("description", package.description), ("description", model.description if model else ""))
        yield from _each("license", (package.license or (model.license if model else ""),))
        yield from _each("author", package.authors)
        if kit.config is not None:
            about = kit.config.about
            yield from (("name", about.name or about.title), ("version", about.version))
            yield "description", about.description
            yield from _each("license", about.licenses)
            yield from _each("author", about.authors)
    said = evidence.document.annotations
    for key, word in (("name", "title"), ("version", "version"), ("description", "description"), ("author", "authors")):
        if key != "author" or kit is None:
            yield key, said.get(_OCI + word)
    yield from _first("license", (said.get(f"{_OCI}licenses"),), evidence)
    card = evidence.conclusion.card
    yield "name", evidence.conclusion.title
    if card is not None and not _licensed(evidence):
        yield from _each("license", card.license)


def _licensed(evidence: Evidence) -> bool:
    kit = evidence.kit
    if kit is None:
        return f"{_OCI}licenses" in evidence.document.annotations
    model = kit.kitfile.model
    config = kit.config.about.licenses if kit.config is not None else ()
    return bool(kit.kitfile.package.license or (model is not None and model.license) or config)


def _first(key: str, values: Iterable[JSON], evidence: Evidence) -> Stated:
    if evidence.kit is None:
        yield from _each(key, values)


def _said_by_model(evidence: Evidence) -> Stated:
    """Give parameters and metrics of the Kitfile."""
    kit = evidence.kit
    model = None if kit is None else kit.kitfile.model
    if model is not None:
        yield "framework", model.framework
        if isinstance(model.parameters, dict):
            yield from _bounded(_flat(model.parameters, "param", 0))
        elif model.parameters is not None:
            yield "param.value", _leaf(model.parameters)


def _seen_in_model(evidence: Evidence) -> Stated:
    """Say what the model is, as its files show it; what it says about itself where they do not."""
    conclusion = evidence.conclusion
    for model in conclusion.models[:1]:
        yield from (("format", model.format), ("architecture", model.architecture), ("family", model.family))
        yield from _each("precision", model.precision)
        yield from (("quantization", model.quantization), ("params", model.parameters or None))
        yield from (("context", model.context_length), ("vocabulary", model.vocabulary))
    if conclusion.tokenizer is not None:
        yield "vocabulary", conclusion.tokenizer.vocabulary
        yield "context", conclusion.tokenizer.context_length
    if conclusion.adapter is not None:
        yield "lora.rank", conclusion.adapter.rank
    kit = evidence.kit
    if kit is not None and kit.kitfile.model is not None:
        yield "format", kit.kitfile.model.format.lower()
    if kit is not None and kit.config is not None:
        traits, about = kit.config.traits, kit.config.about
        yield from (("format", traits.format), ("architecture", traits.architecture), ("family", about.family))
        if not (conclusion.models and conclusion.models[0].precision):
            yield from _each("precision", filter(None, traits.precision.split(",")))
        yield from (("quantization", traits.quantization), ("params", _parameters(traits.param_size)))
    yield "framework", conclusion.framework


def _parameters(size: str) -> float | None:
    found = _SIZE.fullmatch(size.strip())
    return None if found is None else float(found[1]) * 1000.0 ** _PREFIXES.index(found[2].lower() or " ")


def _lineage(evidence: Evidence) -> Stated:
    model = None if evidence.kit is None else evidence.kit.kitfile.model
    if model is not None and is_reference(model.path):
        yield "base_model", model.path
    yield from _each("base_model", evidence.conclusion.base_models)


def _datasets(evidence: Evidence) -> Stated:
    """Give name, digest, size, rows and source of each data set that the Kitfile names."""
    if evidence.kit is None:
        return
    sizes, rows = _by_layer(evidence)
    digests: dict[tuple[str, str], list[str]] = {}
    for layer in evidence.kit.layers:
        digests.setdefault((layer.kind.value, layer.entry or layer.path), []).append(str(layer.descriptor.digest))
    for dataset in evidence.kit.kitfile.datasets[:VALUES]:
        name = _dataset_name(dataset)
        below = f"dataset.{name}"
        yield "dataset", name
        found = digests.get(("dataset", dataset.path), [])
        held = [str(dataset.digest)] if dataset.digest is not None else found
        yield f"{below}.source", dataset.remote_path
        if len(held) == 1:
            yield f"{below}.digest", held[0]
        if held:
            yield f"{below}.size", sum(sizes.get(digest, 0) for digest in held)
            counted = [rows[digest] for digest in held if digest in rows]
            yield f"{below}.rows", sum(counted) if counted else None
        else:
            yield f"{below}.digest", dataset.remote_hash


def _dataset_name(dataset: Dataset) -> str:
    return dataset.name or dataset.path.rstrip("/").rpartition("/")[2] or dataset.remote_path or "data"


def _by_layer(evidence: Evidence) -> tuple[dict[str, int], dict[str, int]]:
    """Add up the bytes of files and the rows of tables, by the layer that holds them."""
    sizes: dict[str, int] = {}
    rows: dict[str, int] = {}
    tables = {one.path: one.rows for one in evidence.conclusion.datasets}
    for file in evidence.index:
        digest = str(file.layer.descriptor.digest)
        sizes[digest] = sizes.get(digest, 0) + file.size
        count = tables.get(file.path)
        if count is not None:
            rows[digest] = rows.get(digest, 0) + count
    return sizes, rows


def _origin(evidence: Evidence) -> Stated:
    for key, value in read_origin(evidence.document.annotations).items():
        yield _ORIGIN[key], value


def _measured(evidence: Evidence) -> Stated:
    """Give metrics that files hold; those of the Kitfile have been given already, and come first."""
    metrics: list[tuple[str, JSON]] = [(f"metric.{key}", value) for key, value in evidence.conclusion.metrics.items()]
    results = evidence.conclusion.results
    metrics += [(f"metric.{one.name}", one.value) for one in results]
    yield from _bounded(iter(metrics))


def _totals(evidence: Evidence) -> Stated:
    yield from (("size", evidence.size), ("size.new", evidence.new), ("files", len(evidence.index)))


def _each(key: str, values: Iterable[JSON]) -> Stated:
    for value in values:
        yield key, value


def _bounded(found: Stated) -> Stated:
    for number, one in enumerate(found):
        if number == MOST:
            return
        yield one


def _flat(value: Mapping[str, JSON], above: str, depth: int) -> Stated:
    """Flatten parameters; what stands under ``metrics``, wherever that is, are metrics."""
    for name, item in value.items():
        is_metrics = name.casefold() == _METRICS and isinstance(item, dict)
        key = "metric" if is_metrics else f"{above}.{name}"
        if depth >= DEPTH or len(key) > KEY:
            continue
        if isinstance(item, dict):
            yield from _flat(item, key, depth + 1)
        elif isinstance(item, list) and any(isinstance(one, dict) for one in item):
            yield from _flat({str(number): one for number, one in enumerate(item[:MOST])}, key, depth + 1)
        else:
            yield key, _leaf(item)


def _leaf(value: JSON) -> JSON:
    return dumps(value).decode() if isinstance(value, list) else value


def _clean(value: JSON) -> str | float | None:
    """Make a fact of a value; numbers stay numbers, and what is nothing is none."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _number(value)
        case str():
            return _CONTROLS.sub(" ", value[:TEXT]).strip() or None
        case _:
            return None


def _number(value: float) -> str | float | None:
    try:
        number = float(value)
    except OverflowError:
        return str(value)[:TEXT]
    return number if math.isfinite(number) else None


def _key(key: str) -> str:
    return _CONTROLS.sub(" ", key)[:KEY]
