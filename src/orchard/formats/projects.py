"""Reading a project from its manifest and its config, whatever the format: ModelKit, ModelPack or Docker model."""

from typing import Final

from msgspec.structs import replace

from orchard.errors import InvalidDocumentError, NotAModelKitError
from orchard.formats.layerfile import SOURCE_ANNOTATION
from orchard.formats.layertype import parse_layer_media_type
from orchard.formats.modelkit import ARTIFACT_TYPE, CONFIG_TYPE, ModelKit, ProjectFormat, read_modelkit
from orchard.oci import Manifest

MODELPACK_CONFIG: Final = "application/vnd.cncf.model.config.v1+json"
MODELPACK_ARTIFACT: Final = "application/vnd.cncf.model.manifest.v1+json"

# cnai is what the CNCF called it until mid-2025 (ModelPack model-spec #81).
_BY_CONFIG: Final = {
    CONFIG_TYPE: ProjectFormat.MODELKIT,
    MODELPACK_CONFIG: ProjectFormat.MODELPACK,
    "application/vnd.cnai.model.config.v1+json": ProjectFormat.MODELPACK,
    "application/vnd.docker.ai.model.config.v0.1+json": ProjectFormat.DOCKER,
    "application/vnd.docker.ai.model.config.v0.2+json": ProjectFormat.DOCKER,
}
_MODELPACK_ARTIFACTS: Final = frozenset((MODELPACK_ARTIFACT, "application/vnd.cnai.model.manifest.v1+json"))

# What else has a config, by the type of it, so that a person who named the wrong thing is told what it is.
_IMAGES: Final = frozenset(
    ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
)
_OTHERS: Final = dict.fromkeys(_IMAGES, "a container image") | {
    "application/vnd.jozu.model.config.v1+json": "a ModelKit of 2024 or earlier, in a form that no tool reads any more",
    "application/vnd.cncf.helm.config.v1+json": "a Helm chart",
}


def format_of(manifest: Manifest) -> ProjectFormat | None:
    """Tell as what a project is stored; None if the artifact is none.

    The type of the config decides; where a tool has lost or replaced that, the artifact type, then the layers.
    """
    known = _BY_CONFIG.get(manifest.config.media_type)
    if known is not None:
        return known
    if manifest.config.media_type in _OTHERS or manifest.artifact_type == ARTIFACT_TYPE:
        return None
    if manifest.artifact_type in _MODELPACK_ARTIFACTS or _has_modelpack_layers(manifest):
        return ProjectFormat.MODELPACK
    return None


def require_project(manifest: Manifest, *, what: str = "this artifact") -> ProjectFormat:
    """Refuse an artifact that is no machine-learning project, saying what it is.

    Args:
        manifest: Of the artifact.
        what: How the error calls it.

    Raises:
        NotAModelKitError: If it is none.
    """
    form = format_of(manifest)
    if form is not None:
        return form
    kind = manifest.config.media_type
    known = _OTHERS.get(kind) or f"an artifact of type {(manifest.artifact_type or kind)[:128]}"
    raise NotAModelKitError(f"{what} is {known}, not a ModelKit or a ModelPack")


def read_project(manifest: Manifest, config: bytes, *, what: str = "this artifact") -> ModelKit:
    """Read a project from its manifest and its config.

    Raises:
        NotAModelKitError: If it is no machine-learning project.
        LimitExceededError: If the config is over 4 MiB.
        InvalidDocumentError: If the config cannot be read, or manifest and config do not fit together.
    """
    form = require_project(manifest, what=what)
    if form is ProjectFormat.MODELKIT:
        kit = read_modelkit(manifest, config, what=what)
        if SOURCE_ANNOTATION not in manifest.annotations:
            return kit
        from orchard.formats.claims import with_source  # noqa: PLC0415 -- few projects need it

        kitfile, layers = with_source(manifest, kit.kitfile, kit.layers)
        return replace(kit, kitfile=kitfile, layers=layers)
    from orchard.formats.modelpack import read_modelpack  # noqa: PLC0415 -- most projects do not need it

    return read_modelpack(manifest, config, form=form, what=what)


def _has_modelpack_layers(manifest: Manifest) -> bool:
    for layer in manifest.layers:
        if not layer.media_type.startswith(("application/vnd.cncf.model.", "application/vnd.cnai.model.")):
            continue
        try:
            parse_layer_media_type(layer.media_type)
        except InvalidDocumentError:
            continue
        return True
    return False
