"""What a version holds, read from its manifest and its config for the person who looks at it.

Both were written by somebody else. Whatever cannot be read is said so, and the rest is shown all the same.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orchard.errors import InvalidError
from orchard.formats import (
    MAX_CONFIG,
    ORIGINAL_TAG,
    Layer,
    LayerKind,
    ModelKit,
    ProjectFormat,
    parse_layer_media_type,
    read_project,
    to_yaml,
)
from orchard.hub.http.pages.kitfile import Line, lines
from orchard.oci import Descriptor, Document, Index, Manifest, loads

MAX_ROWS: Final = 500  # layers or annotations on one page; a manifest may have 4096
MAX_LINES: Final = 2000
MAX_TEXT: Final = 2000  # characters of one annotation

# Where tools write what a layer is called, best first: ModelPack, then ORAS.
_PATHS: Final = ("org.cncf.model.filepath", "org.cnai.model.filepath", "org.opencontainers.image.title")
_BAR: Final = 1000.0  # units across the bar
_GAP: Final = 3.0
_LEAST: Final = 5.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What some content is.

    Attributes:
        hue: Which colour stands for it.
        label: What people call it.
    """

    hue: str
    label: str


_KINDS: Final = {
    LayerKind.MODEL: Kind("model", "Model"),
    LayerKind.PART: Kind("model", "Model part"),
    LayerKind.CODE: Kind("code", "Code"),
    LayerKind.DATASET: Kind("dataset", "Dataset"),
    LayerKind.DOCS: Kind("docs", "Docs"),
    LayerKind.PROMPT: Kind("prompt", "Prompt"),
    LayerKind.MCP_SERVER: Kind("other", "MCP server"),
}
_LAYER: Final = Kind("other", "Layer")
_MANIFEST: Final = Kind("other", "Manifest")
# The bar's pieces, in order.
_HUES: Final = {
    "model": "Model",
    "dataset": "Data",
    "code": "Code",
    "docs": "Docs",
    "prompt": "Prompts",
    "other": "Other",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One layer, or one manifest of an index.

    Attributes:
        path: Where it belongs, if it says so.
        name: What the Kitfile calls it.
        description: What the Kitfile says about it.
    """

    kind: Kind
    content: Descriptor
    path: str
    name: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a version is of one kind: a piece of the bar.

    Attributes:
        start: Where it begins, in thousandths of the bar.
        width: How long it is, likewise.
    """

    hue: str
    label: str
    size_bytes: int
    start: str
    width: str


@dataclass(frozen=True, slots=True)
class Text:
    """A document to read.

    Attributes:
        title: What it is.
        note: What a reader should know about it.
        lines: The document.
    """

    title: str
    note: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a version holds.

    Attributes:
        rows: Its first layers.
        more: How many further layers there are.
        shares: The bar.
        text: Its Kitfile, or whatever else its config is.
        links: Whether the rows have pages of their own.
    """

    rows: tuple[Row, ...]
    more: int
    shares: tuple[Share, ...] = ()
    text: Text | None = None
    links: bool = False


def contents_of(document: Document, config: bytes | None) -> Contents:
    """Read what a version holds."""
    if isinstance(document, Index):
        children = [
            Row(_MANIFEST, child, _path(child) or _cut(child.annotations.get(ORIGINAL_TAG, "")), _platform(child))
            for child in document.manifests
        ]
        return Contents(*_first(children), links=True)
    kit, text = _read(document, config)
    rows = _rows(document, kit)
    return Contents(*_first(rows), shares(rows), text)


def shares(rows: Sequence[Row]) -> tuple[Share, ...]:
    """Lay out the bar: kinds in a fixed order, each wide enough to be seen."""
    sizes = dict.fromkeys(_HUES, 0)
    for row in rows:
        sizes[row.kind.hue] += row.content.size
    present = {hue for hue in _HUES if any(row.kind.hue == hue for row in rows)}
    total = sum(sizes.values())
    room = _BAR + _GAP - (_GAP + _LEAST) * len(present)
    result: list[Share] = []
    at = 0.0
    for hue in (hue for hue in _HUES if hue in present):
        width = _LEAST + room * (sizes[hue] / total if total else 1 / len(present))
        result.append(Share(hue, _HUES[hue], sizes[hue], f"{at:.1f}", f"{width:.1f}"))
        at += width + _GAP
    return tuple(result)


def _first(rows: Sequence[Row]) -> tuple[tuple[Row, ...], int]:
    return tuple(rows[:MAX_ROWS]), max(0, len(rows) - MAX_ROWS)


def annotations_of(document: Document) -> list[tuple[str, str]]:
    """List the annotations of a manifest, long ones cut."""
    return [(key, _cut(text)) for key, text in sorted(document.annotations.items())[:MAX_ROWS]]


def _read(manifest: Manifest, config: bytes | None) -> tuple[ModelKit | None, Text | None]:
    if config is None:
        return None, None
    try:
        kit = read_project(manifest, config)
        note = f"As Orchard reads this {kit.format.value}." if kit.format is not ProjectFormat.MODELKIT else ""
        return kit, _text("Kitfile", note, to_yaml(kit.kitfile))
    except InvalidError as error:
        note = f"Shown as it was pushed: {error}."
    try:
        value = loads(config, what="config", limit=MAX_CONFIG)
    except InvalidError:
        return None, None
    return None, _text("Config", note, json.dumps(value, indent=2, ensure_ascii=False))


def _text(title: str, note: str, text: str) -> Text:
    shown = tuple(lines(text.rstrip("\n"), MAX_LINES))
    cut = f"Only the first {MAX_LINES:,} lines are shown." if text.count("\n") > MAX_LINES else ""
    return Text(title, f"{note} {cut}".strip(), shown)


def _rows(manifest: Manifest, kit: ModelKit | None) -> list[Row]:
    if kit is None:
        return [Row(_guess(layer), layer, _path(layer)) for layer in manifest.layers]
    said = {(kind, entry.path): getattr(entry, "description", "") for kind, _, entry in kit.kitfile.entries()}
    return [_row(layer, said.get((layer.kind, layer.entry or layer.path), "")) for layer in kit.layers]


def _row(layer: Layer, description: str) -> Row:
    nameless = layer.path == layer.descriptor.digest.hex  # what a layer is called that says nothing about itself
    return Row(_KINDS[layer.kind], layer.descriptor, "" if nameless else layer.path, layer.name, description)


def _guess(layer: Descriptor) -> Kind:
    try:
        return _KINDS[parse_layer_media_type(layer.media_type, layer.annotations).kind]
    except InvalidError:
        return _LAYER


def _path(content: Descriptor) -> str:
    return next((_cut(content.annotations[key]) for key in _PATHS if content.annotations.get(key)), "")


def _platform(manifest: Descriptor) -> str:
    return f"{manifest.platform.os}/{manifest.platform.architecture}" if manifest.platform else ""


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
