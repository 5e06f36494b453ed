"""Which entry of a Kitfile a file belongs to, where each file of a project is a layer of its own."""

from collections.abc import Sequence

from msgspec.structs import replace

from orchard.errors import InvalidError, UnsafePathError
from orchard.formats.kitconfig import kitfile_from_json
from orchard.formats.kitfile import Entry, Kitfile, name_of
from orchard.formats.kitpath import ancestors, clean_path
from orchard.formats.layerfile import SOURCE_ANNOTATION
from orchard.formats.layertype import LayerKind
from orchard.formats.modelkit import MAX_CONFIG, Layer
from orchard.oci import Manifest, loads


def kitfile_annotation(manifest: Manifest, key: str) -> Kitfile | None:
    """Read a Kitfile from an annotation of a manifest; None if there is none that can be read."""
    text = manifest.annotations.get(key)
    if text is None:
        return None
    try:
        return kitfile_from_json(loads(text.encode(), what=key, limit=MAX_CONFIG))
    except InvalidError:
        return None


def with_source(manifest: Manifest, kitfile: Kitfile, layers: tuple[Layer, ...]) -> tuple[Kitfile, tuple[Layer, ...]]:
    """Give the Kitfile that a person wrote, if the manifest brings it and it claims every layer, else the given one."""
    source = kitfile_annotation(manifest, SOURCE_ANNOTATION)
    found = claimed(source, layers) if source is not None else None
    return (source, found) if source is not None and found is not None else (kitfile, layers)


def claimed(kitfile: Kitfile, layers: Sequence[Layer]) -> tuple[Layer, ...] | None:
    """Say of each layer which entry claims it, the most specific one; None if one is claimed by none."""
    entries: dict[str, list[tuple[LayerKind, Entry]]] = {}
    for kind, _, entry in kitfile.entries():
        if entry.path and (path := _clean(entry.path)) is not None:
            entries.setdefault(path, []).append((kind, entry))
    result: list[Layer] = []
    for layer in layers:
        found = _most_specific(entries, layer)
        if found is None:
            return None
        same = _clean(found.path) == _clean(layer.path)
        result.append(replace(layer, name=name_of(found), entry="" if same else found.path))
    return tuple(result)


def _most_specific(entries: dict[str, list[tuple[LayerKind, Entry]]], layer: Layer) -> Entry | None:
    path = _clean(layer.path)
    if path is None:
        return None
    for place in (path, *reversed(tuple(ancestors(path)))):
        found = entries.get(place)
        if found is not None:
            return next((entry for kind, entry in found if kind is layer.kind), found[0][1])
    return None


def _clean(path: str) -> str | None:
    try:
        return clean_path(path)
    except UnsafePathError:
        return None
