"""What a version says about itself, read from its manifest and its config when it is pushed.

Other people's documents: whatever is missing or strange is left out, and never a reason to refuse a push.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from orchard.errors import IntegrityError, InvalidError, NotFoundError, StorageError
from orchard.formats import PackConfig, ProjectFormat, format_of, read_docker_config, read_pack_config
from orchard.hub.catalog import Outline
from orchard.oci import JSON, Descriptor, Index, Manifest, loads

MAX_CONFIG: Final = 4 << 20
MAX_TEXT: Final = 4096  # characters of a fact that are kept
MAX_SIZE: Final = 2**63 - 1  # what a column holds; the sizes of layers that are elsewhere may claim anything

KITOPS: Final = "application/vnd.kitops.modelkit."
CNCF: Final = "application/vnd.cncf.model."
_IMAGES: Final = frozenset(
    ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
)

ReadConfig = Callable[[Descriptor], bytes]


def of_manifest(document: Manifest, read: ReadConfig) -> Outline:
    """Read the outline of a manifest whose config ``read`` gives."""
    kind = _kind(document)
    sizes = (document.config.size, *(layer.size for layer in document.layers))
    bare = Outline(kind=kind, total_size=min(sum(sizes), MAX_SIZE), layer_count=len(document.layers))
    reader = _READERS.get(kind)
    if reader is None:
        return bare
    try:
        value = loads(read(document.config), what="config", limit=MAX_CONFIG)
    except (InvalidError, IntegrityError, NotFoundError, StorageError) as error:
        return replace(bare, note=_clean(f"unreadable: {error}"))
    return reader(bare, value)


def is_told_by_config(document: Manifest) -> bool:
    """Tell whether the config is where such a version says what it is."""
    return _kind(document) in _READERS


def of_index(document: Index, total_size: int) -> Outline:
    """Give the outline of an index whose manifests, with all they name, have so many bytes."""
    return Outline(kind="index", total_size=min(total_size, MAX_SIZE), layer_count=len(document.manifests))


def _kind(document: Manifest) -> str:
    config = document.config.media_type
    form = format_of(document)
    if form is not None:
        return form.value
    if config.startswith(KITOPS) or (document.artifact_type or "").startswith(KITOPS):
        return "ModelKit"
    if config.startswith(CNCF) or (document.artifact_type or "").startswith(CNCF):
        return "ModelPack"
    return "image" if config in _IMAGES and document.artifact_type is None else "artifact"


def _kitfile(bare: Outline, value: JSON) -> Outline:
    """Read a ModelKit's config: a Kitfile as JSON."""
    package, model = _object(value, "package"), _object(value, "model")
    return replace(
        bare,
        model_name=_text(model, "name") or _text(package, "name"),
        model_version=_text(package, "version") or _text(model, "version"),
        description=_text(package, "description") or _text(model, "description"),
        framework=_text(model, "framework"),
        model_format=_text(model, "format"),
        licence=_text(package, "license") or _text(model, "license"),
    )


def _modelpack(bare: Outline, value: JSON) -> Outline:
    """Read a ModelPack's config, in any of its spellings."""
    return _pack(bare, read_pack_config(value))


def _docker(bare: Outline, value: JSON) -> Outline:
    """Read the config of a Docker model."""
    return _pack(bare, read_docker_config(value))


def _pack(bare: Outline, config: PackConfig) -> Outline:
    about = config.about
    return replace(
        bare,
        model_name=_clean(about.name or about.title),
        model_version=_clean(about.version),
        description=_clean(about.description),
        model_format=_clean(config.traits.format),
        licence=_clean(", ".join(about.licenses)),
    )


_READERS: Final = {
    ProjectFormat.MODELKIT.value: _kitfile,
    ProjectFormat.MODELPACK.value: _modelpack,
    ProjectFormat.DOCKER.value: _docker,
}


def _object(value: JSON, key: str) -> dict[str, JSON]:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _text(value: dict[str, JSON], key: str) -> str | None:
    text = value.get(key)
    return _clean(text) if isinstance(text, str) else None


def _clean(text: str) -> str | None:
    """Cut a text to what a list can show, without what no database takes: NUL and halves of surrogate pairs."""
    return text[:MAX_TEXT].replace("\0", "").encode("utf-8", "replace").decode() or None
