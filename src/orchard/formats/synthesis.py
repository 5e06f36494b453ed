"""A Kitfile for a project that brings none: one entry for each layer, the rest from the config.

What has no place in a Kitfile stands under ``model.parameters.modelpack``, from where it finds its way back.
"""

from collections.abc import Sequence
from typing import Final, TypedDict

import msgspec
from msgspec.structs import replace

from orchard.formats.kitfile import (
    MANIFEST_VERSION,
    Code,
    Dataset,
    Docs,
    Kitfile,
    Model,
    ModelPart,
    Package,
    Prompt,
)
from orchard.formats.layertype import LayerFormat, LayerKind
from orchard.formats.modelkit import Layer
from orchard.formats.packconfig import PackConfig, members
from orchard.oci import JSON, Digest

WEIGHT: Final = "weight"  # the type of a part that is weights itself
PARAMETERS: Final = "modelpack"

_MAPPED: Final = frozenset(("authors", "name", "version", "description"))


class _Where(TypedDict):
    path: str
    digest: Digest
    diff_id: Digest | None


def synthesise(config: PackConfig, layers: Sequence[Layer]) -> tuple[Kitfile, tuple[Layer, ...]]:
    """Make the Kitfile of layers, and say of each layer which of its entries it belongs to."""
    by_kind: dict[LayerKind, list[Layer]] = {kind: [] for kind in LayerKind}
    for layer in layers:
        by_kind[layer.kind].append(layer)
    weights = by_kind[LayerKind.MODEL]
    folder = common_folder(weights)
    main = _largest(weights)
    kitfile = Kitfile(
        manifest_version=MANIFEST_VERSION,
        package=_package(config),
        model=_model(config, _place(folder, main), _parts(by_kind, main, all_in=folder)),
        code=tuple(Code(**_where(layer)) for layer in by_kind[LayerKind.CODE]),
        datasets=tuple(Dataset(**_where(layer)) for layer in by_kind[LayerKind.DATASET]),
        docs=tuple(Docs(**_where(layer)) for layer in by_kind[LayerKind.DOCS]),
        prompts=tuple(Prompt(**_where(layer)) for layer in by_kind[LayerKind.PROMPT]),
    )
    return kitfile, tuple(_bound(layer, config.about.name, folder=folder, main=main) for layer in layers)


def common_folder(weights: Sequence[Layer]) -> str:
    """Give the directory that several bare files of weights share; empty if they share none, or only the root."""
    if len(weights) < 2 or any(layer.type.format is not LayerFormat.RAW for layer in weights):  # noqa: PLR2004
        return ""
    folders = {layer.path.rpartition("/")[0] for layer in weights}
    folder = folders.pop()
    safe = not folder.startswith("/") and ".." not in folder.split("/")
    return folder if not folders and safe else ""


def extras(config: PackConfig) -> dict[str, JSON]:
    """Give the members of a config that a Kitfile has no place for."""
    about = {key: value for key, value in members(config.about).items() if key not in _MAPPED}
    if about.get("title") == config.about.name:
        del about["title"]
    if len(config.about.licenses) == 1:
        del about["licenses"]
    traits = {key: value for key, value in members(config.traits).items() if key != "format"}
    return about | traits


def _package(config: PackConfig) -> Package:
    about = config.about
    return Package(
        name=about.name,
        version=about.version,
        description=about.description,
        license=about.licenses[0] if len(about.licenses) == 1 else "",
        authors=about.authors,
    )


def _model(config: PackConfig, model: Model | None, parts: tuple[ModelPart, ...]) -> Model | None:
    extra = extras(config)
    if model is None and not parts and not extra:
        return None
    return msgspec.structs.replace(
        model or Model(),
        name=config.about.name,
        format=config.traits.format,
        parts=parts,
        parameters={PARAMETERS: extra} if extra else None,
    )


def _place(folder: str, main: Layer | None) -> Model | None:
    if folder:
        return Model(path=folder)
    return Model(path=main.path, digest=main.descriptor.digest, diff_id=main.diff_id) if main else None


def _parts(by_kind: dict[LayerKind, list[Layer]], main: Layer | None, *, all_in: str) -> tuple[ModelPart, ...]:
    weights = () if all_in else (layer for layer in by_kind[LayerKind.MODEL] if layer is not main)
    return (
        *(ModelPart(type=WEIGHT, **_where(layer)) for layer in weights),
        *(ModelPart(**_where(layer)) for layer in by_kind[LayerKind.PART]),
    )


def _where(layer: Layer) -> _Where:
    return {"path": layer.path, "digest": layer.descriptor.digest, "diff_id": layer.diff_id}


def _largest(weights: Sequence[Layer]) -> Layer | None:
    return max(weights, key=lambda layer: layer.descriptor.size) if weights else None


def _bound(layer: Layer, name: str, *, folder: str, main: Layer | None) -> Layer:
    if layer.kind is not LayerKind.MODEL:
        return layer
    bound = replace(layer, name=name, entry=folder) if folder or layer is main else layer
    return bound if layer is main else replace(bound, kind=LayerKind.PART)
