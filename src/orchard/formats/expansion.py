"""A Kitfile with one entry for each layer, where each file of a project is a layer of its own.

The config of a ModelKit needs it, and so does KitOps, which pairs layers and entries one by one.
"""

from collections.abc import Sequence
from typing import TypeVar

from msgspec.structs import replace

from orchard.errors import InvalidDocumentError, UnsafePathError
from orchard.formats.kitfile import (
    Code,
    Dataset,
    Docs,
    Entry,
    Kitfile,
    MCPServer,
    Model,
    ModelPart,
    Prompt,
)
from orchard.formats.kitpath import clean_path
from orchard.formats.layertype import LayerKind
from orchard.formats.modelkit import Layer
from orchard.formats.packkinds import is_weights
from orchard.formats.synthesis import WEIGHT

A = TypeVar("A", bound=Entry)
E = TypeVar("E", ModelPart, Code, Dataset, Docs, Prompt, MCPServer)


def expand(kitfile: Kitfile, layers: Sequence[Layer]) -> Kitfile:
    """Give each layer an entry of its own, with its digest; what the claiming entry says about it, it says too.

    Entries that need no layer, such as a dataset that stays elsewhere, are kept as they are.

    Raises:
        InvalidDocumentError: If two layers have one path, or two are the model.
    """
    require_distinct(layers)
    by_kind: dict[LayerKind, list[Layer]] = {kind: [] for kind in LayerKind}
    for layer in layers:
        by_kind[layer.kind].append(layer)
    return replace(
        kitfile,
        model=_model(kitfile.model, by_kind[LayerKind.MODEL], by_kind[LayerKind.PART]),
        code=_entries(Code, kitfile.code, by_kind[LayerKind.CODE]),
        datasets=_entries(Dataset, kitfile.datasets, by_kind[LayerKind.DATASET]),
        docs=_entries(Docs, kitfile.docs, by_kind[LayerKind.DOCS]),
        prompts=_entries(Prompt, kitfile.prompts, by_kind[LayerKind.PROMPT]),
        mcp_servers=_entries(MCPServer, kitfile.mcp_servers, by_kind[LayerKind.MCP_SERVER]),
    )


def require_distinct(layers: Sequence[Layer]) -> None:
    """Refuse two layers with one path.

    Raises:
        InvalidDocumentError: If there are, naming both.
    """
    seen: dict[str, Layer] = {}
    for layer in layers:
        path = _clean(layer.path)
        if path in seen:
            first, second = seen[path].descriptor.digest, layer.descriptor.digest
            raise InvalidDocumentError(f"{layer.path!r} is the path of two layers, {first} and {second}")
        seen[path] = layer


def in_order(kitfile: Kitfile, layers: Sequence[Layer]) -> list[Layer]:
    """Put layers into the order of the entries of an expanded Kitfile, in which kit pairs the two."""
    places: dict[tuple[LayerKind, str], int] = {}
    for number, (kind, _, entry) in enumerate(kitfile.entries()):
        places.setdefault((kind, _clean(entry.path)), number)
    return sorted(layers, key=lambda layer: places[layer.kind, _clean(layer.path)])


def _model(written: Model | None, main: Sequence[Layer], parts: Sequence[Layer]) -> Model | None:
    if len(main) > 1:
        raise InvalidDocumentError(f"{main[0].path!r} and {main[1].path!r} cannot both be the model")
    if not main and not parts:
        return written
    model = written or Model()
    model = replace(model, parts=_entries(ModelPart, model.parts, parts))
    return _bound(model, main[0]) if main else model


def _entries(kind: type[E], written: Sequence[E], layers: Sequence[Layer]) -> tuple[E, ...]:
    """Give the entries of one kind, in the order of those that somebody wrote; what nobody wrote comes last."""
    waiting: dict[str, list[Layer]] = {}
    for layer in layers:
        waiting.setdefault(_clean(layer.entry or layer.path), []).append(layer)
    result: list[E] = []
    for said in written:
        if not said.path or _is_elsewhere(said):
            result.append(said)
        else:
            result.extend(_bound(said, layer) for layer in waiting.pop(_clean(said.path), ()))
    result.extend(_bound(_unwritten(kind, layer), layer) for left in waiting.values() for layer in left)
    return tuple(result)


def _is_elsewhere(entry: Entry) -> bool:
    return isinstance(entry, Dataset) and bool(entry.remote_path)


def _unwritten(kind: type[E], layer: Layer) -> E:
    if kind is ModelPart and is_weights(layer.path):
        return kind(type=WEIGHT)
    return kind()


def _bound(entry: A, layer: Layer) -> A:
    path = entry.path if _clean(entry.path) == _clean(layer.path) else layer.path
    return replace(entry, path=path, digest=layer.descriptor.digest, diff_id=layer.diff_id)


def _clean(path: str) -> str:
    try:
        return clean_path(path)
    except UnsafePathError:
        return path
