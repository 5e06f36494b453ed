"""Writing a ModelPack: its config and its manifest, valid by the spec's own schema, with the Kitfile beside it."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.formats.expansion import expand, in_order
from orchard.formats.kitfile import Kitfile, json_of
from orchard.formats.layerfile import KITFILE_ANNOTATION, SOURCE_ANNOTATION
from orchard.formats.licenseexpr import is_spdx
from orchard.formats.modelkit import MAX_CONFIG, Layer
from orchard.formats.packconfig import About, PackConfig, Traits, read_members, spell_size
from orchard.formats.projects import MODELPACK_ARTIFACT, MODELPACK_CONFIG
from orchard.formats.synthesis import PARAMETERS
from orchard.oci import JSON, Descriptor, Digest, Manifest, go_dumps, mediatype, parse_manifest

S = TypeVar("S", bound=msgspec.Struct)

_CREATED: Final = "org.opencontainers.image.created"
_SOURCE: Final = "org.opencontainers.image.source"
_REVISION: Final = "org.opencontainers.image.revision"

# Parameters of a model that have a name and a meaning in ModelPack (format notes 1.11).
_TRAITS: Final = ("architecture", "paramSize", "precision", "quantization")
_ABOUT: Final = ("family",)


def build_modelpack(
    kitfile: Kitfile, layers: Sequence[Layer], found: PackConfig, *, annotations: Mapping[str, str]
) -> tuple[bytes, Manifest]:
    """Write config and manifest of a ModelPack, its layers in KitOps' order.

    Args:
        kitfile: What a person wrote.
        layers: Its layers, with media types and annotations of ModelPack.
        found: What the files themselves say; what the Kitfile says wins.
        annotations: Further ones for the manifest.

    Raises:
        InvalidDocumentError: If there is no layer, two have one path, or one has no digest without compression.
        LimitExceededError: If there are more than 4096 layers, or a document is over 4 MiB.
    """
    if not layers:
        raise InvalidDocumentError("a ModelPack needs at least one layer; name a file in the Kitfile, a README say")
    expanded = expand(kitfile, layers)
    ordered = in_order(expanded, layers)
    config = config_of(kitfile, found, [_diff_id(layer) for layer in ordered]).to_json()
    if len(config) > MAX_CONFIG:
        raise LimitExceededError(f"the config is {len(config)} bytes, at most {MAX_CONFIG} are accepted")
    value: dict[str, JSON] = {
        "schemaVersion": 2,
        "mediaType": mediatype.OCI_MANIFEST,
        "artifactType": MODELPACK_ARTIFACT,
        "config": Descriptor.of(config, MODELPACK_CONFIG).to_json(),
        "layers": [layer.descriptor.to_json() for layer in ordered],
    }
    said = {**annotations, **kitfile_annotations(kitfile, expanded), KITFILE_ANNOTATION: expanded.to_json().decode()}
    value["annotations"] = {name: said[name] for name in sorted(said)}
    return config, parse_manifest(go_dumps(value), mediatype.OCI_MANIFEST)


def with_annotations(found: PackConfig, annotations: Mapping[str, str]) -> PackConfig:
    """Take over what the annotations of a manifest say about when and of what it was made."""
    about = msgspec.structs.replace(
        found.about,
        created_at=annotations.get(_CREATED, found.about.created_at),
        source_url=annotations.get(_SOURCE, found.about.source_url),
        revision=annotations.get(_REVISION, found.about.revision),
    )
    return msgspec.structs.replace(found, about=about)


def kitfile_annotations(written: Kitfile, expanded: Kitfile) -> dict[str, str]:
    """Keep the Kitfile that a person wrote where that says something else than the expanded one."""
    text = _bare(written)
    return {} if text == _bare(expanded) else {SOURCE_ANNOTATION: go_dumps(text).decode()}


def config_of(kitfile: Kitfile, found: PackConfig, diff_ids: Sequence[Digest]) -> PackConfig:
    """Put together what a Kitfile says and what is known from files."""
    package, model = kitfile.package, kitfile.model
    parameters = model.parameters if model is not None and isinstance(model.parameters, dict) else {}
    kept = parameters.get(PARAMETERS)
    licenses = {package.license, *(getattr(entry, "license", "") for _, _, entry in kitfile.entries())}
    name = package.name or (model.name if model else "")
    about = About(
        name=name,
        title=name,
        version=package.version or (model.version if model else ""),
        description=package.description or (model.description if model else ""),
        authors=package.authors,
        licenses=tuple(sorted(filter(is_spdx, licenses))),
    )
    traits = Traits(format=model.format if model else "")
    direct_about = read_members(About, {key: parameters[key] for key in _ABOUT if key in parameters})
    direct_traits = read_members(Traits, {key: _word(parameters[key]) for key in _TRAITS if key in parameters})
    chosen = _first(Traits, read_members(Traits, kept), traits, direct_traits, found.traits)
    return PackConfig(
        about=_first(About, read_members(About, kept), about, direct_about, found.about),
        traits=msgspec.structs.replace(chosen, param_size=spell_size(chosen.param_size)),
        diff_ids=tuple(diff_ids),
    )


def _first(kind: type[S], *sources: S) -> S:
    """Take each member from the first source that has it."""
    empty = kind()
    result = {}
    for attribute in kind.__struct_fields__:
        absent = getattr(empty, attribute)
        values = (getattr(source, attribute) for source in sources)
        result[attribute] = next((value for value in values if value != absent), absent)
    return kind(**result)


def _word(value: JSON) -> JSON:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _bare(kitfile: Kitfile) -> JSON:
    """Give the Kitfile as JSON without the digests of layers."""

    def stripped(value: JSON) -> JSON:
        if isinstance(value, list):
            return [stripped(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            key: item if key == "parameters" else stripped(item)
            for key, item in value.items()
            if key not in {"digest", "diffId"}
        }

    return stripped(json_of(kitfile))


def _diff_id(layer: Layer) -> Digest:
    if layer.diff_id is None:
        raise InvalidDocumentError(f"{layer.path!r}: the digest of the layer without compression is not known")
    return layer.diff_id
