"""A ModelPack, or a Docker model, read as a project: its Kitfile where it brings one, else one that says the same.

    manifest ──> layers ──┬── the annotation with the Kitfile, if its entries match the layers by digest
                          └── otherwise a Kitfile made of the layers' paths and of the config

Written by many tools over several years, so whatever can be understood is (``layerfile``, ``packconfig``).
"""

from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from orchard.errors import InvalidDocumentError
from orchard.formats.claims import kitfile_annotation, with_source
from orchard.formats.kitfile import Entry, Kitfile, name_of
from orchard.formats.layerfile import KITFILE_ANNOTATION, layer_path
from orchard.formats.layertype import Compression, LayerFormat, LayerKind, LayerType, parse_layer_media_type
from orchard.formats.modelkit import MAX_CONFIG, VERSION_ANNOTATION, Layer, ModelKit, ProjectFormat
from orchard.formats.packconfig import PackConfig, read_docker_config, read_pack_config
from orchard.formats.synthesis import synthesise
from orchard.oci import Descriptor, Digest, Manifest, loads

# Kinds that one media type may stand for: a part that is weights itself, a prompt, which is a kind of code.
_ALIKE: Final[dict[LayerKind, tuple[LayerKind, ...]]] = {
    LayerKind.MODEL: (LayerKind.MODEL, LayerKind.PART),
    LayerKind.PART: (LayerKind.PART, LayerKind.MODEL),
    LayerKind.CODE: (LayerKind.CODE, LayerKind.PROMPT),
    LayerKind.PROMPT: (LayerKind.PROMPT, LayerKind.CODE),
}
# What Docker calls a layer that has no name, by the end of its media type.
_DOCKER_NAMES: Final = {
    "gguf.v3": "model.gguf",
    "gguf.v3.lora": "lora.gguf",
    "gguf.v3.mmproj": "mmproj.gguf",
    "mmproj": "mmproj.gguf",
    "safetensors": "model.safetensors",
    "dduf": "model.dduf",
    "license": "LICENSE",
    "chat.template.jinja": "chat_template.jinja",
    "vllm.config.tar": "config",
    "dir.tar": "files",
}


def read_modelpack(
    manifest: Manifest, config: bytes, *, form: ProjectFormat = ProjectFormat.MODELPACK, what: str = "this artifact"
) -> ModelKit:
    """Read a ModelPack or a Docker model from its manifest and its config.

    Paths are given as they are, unsafe ones too: whoever writes files refuses them.

    Raises:
        LimitExceededError: If the config is over 4 MiB.
        InvalidDocumentError: If the config is not JSON, or a layer is of a type that ModelPack does not know.
    """
    value = loads(config, what=f"{what}: config", limit=MAX_CONFIG) if config.strip() else {}
    said = read_docker_config(value) if form is ProjectFormat.DOCKER else read_pack_config(value)
    layers = _layers(manifest, said, docker=form is ProjectFormat.DOCKER, what=what)
    version = manifest.annotations.get(VERSION_ANNOTATION)
    kitfile = kitfile_annotation(manifest, KITFILE_ANNOTATION)
    matched = match_entries(kitfile, layers) if kitfile is not None else None
    if kitfile is None or matched is None:
        kitfile, matched = synthesise(said, layers)
    else:
        kitfile, matched = with_source(manifest, kitfile, matched)
    return ModelKit(kitfile, matched, version, form, said)


def match_entries(kitfile: Kitfile, layers: Sequence[Layer]) -> tuple[Layer, ...] | None:
    """Give each layer the entry of a Kitfile that names its digest; None if a layer or a digest is left over."""
    waiting: dict[tuple[Digest, LayerKind], deque[Entry]] = {}
    for kind, _, entry in kitfile.entries():
        if entry.digest is not None:
            waiting.setdefault((entry.digest, kind), deque()).append(entry)
    result: list[Layer] = []
    for layer in layers:
        kinds = _ALIKE.get(layer.kind, (layer.kind,))
        found = next((kind for kind in kinds if waiting.get((layer.descriptor.digest, kind))), None)
        if found is None:
            return None
        result.append(_bound(layer, found, waiting[layer.descriptor.digest, found].popleft()))
    return None if any(waiting.values()) else tuple(result)


def _bound(layer: Layer, kind: LayerKind, entry: Entry) -> Layer:
    path = layer.path if layer.type.format is LayerFormat.RAW else entry.path
    return replace(layer, kind=kind, path=path, name=name_of(entry), diff_id=layer.diff_id or entry.diff_id)


def _layers(manifest: Manifest, config: PackConfig, *, docker: bool, what: str) -> list[Layer]:
    """Read the layers by themselves: kind, path, and digest without compression.

    Raises:
        InvalidDocumentError: If one is of a type that is not known.
    """
    types = [_type(descriptor, f"{what}: layer {number}") for number, descriptor in enumerate(manifest.layers)]
    paths = _docker_paths(manifest.layers) if docker else [layer_path(descriptor) for descriptor in manifest.layers]
    diff_ids = config.diff_ids if len(config.diff_ids) == len(manifest.layers) else [None] * len(manifest.layers)
    return [
        Layer(kind=kind.kind, path=path, descriptor=descriptor, diff_id=_diff_id(descriptor, kind, claim))
        for descriptor, kind, path, claim in zip(manifest.layers, types, paths, diff_ids, strict=True)
    ]


def _type(descriptor: Descriptor, what: str) -> LayerType:
    try:
        return parse_layer_media_type(descriptor.media_type, descriptor.annotations)
    except InvalidDocumentError as error:
        raise InvalidDocumentError(f"{what}: {error}") from error


def _diff_id(descriptor: Descriptor, kind: LayerType, claim: Digest | None) -> Digest | None:
    if kind.compression is Compression.NONE:
        return descriptor.digest  # nothing is compressed, so both names are one, whatever the config says
    return claim if claim != descriptor.digest else None  # some tools write the layer's digest again


def _docker_paths(layers: Sequence[Descriptor]) -> list[str]:
    """Name the layers of a Docker model; those without a name of their own are told apart by a number."""
    paths = [layer_path(descriptor) for descriptor in layers]
    for number, descriptor in enumerate(layers):
        if paths[number] == descriptor.digest.hex:
            word = descriptor.media_type.removeprefix("application/vnd.docker.ai.")
            paths[number] = _DOCKER_NAMES.get(word, paths[number])
    many, seen = Counter(paths), Counter[str]()
    for number, path in enumerate(paths):
        seen[path] += 1
        if many[path] > 1 and path in _DOCKER_NAMES.values():
            stem, dot, suffix = path.partition(".")
            paths[number] = f"{stem}-{seen[path]:05}-of-{many[path]:05}{dot}{suffix}"
    return paths
