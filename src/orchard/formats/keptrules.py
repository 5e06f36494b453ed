"""Rules for a stored ModelKit, and for a Kitfile by itself."""

from collections.abc import Iterator

from orchard.errors import InvalidDocumentError, InvalidError
from orchard.formats.kitconfig import kitfile_from_json
from orchard.formats.kitfile import Code, Dataset, Docs, Kitfile, Model, ModelPart
from orchard.formats.kitrules import broken_rules
from orchard.formats.layerrules import layer_remarks, path_remarks
from orchard.formats.layertype import LayerFormat
from orchard.formats.licenseexpr import is_spdx
from orchard.formats.modelkit import ARTIFACT_TYPE, MAX_CONFIG, ModelKit, read_modelkit
from orchard.formats.rulebook import Remark, remark
from orchard.oci import Manifest, loads


def modelkit_remarks(manifest: Manifest, config: bytes) -> Iterator[Remark]:
    """Check a ModelKit."""
    if manifest.artifact_type is None:
        yield remark("artifact-type-missing", "manifest: artifactType", "is missing")
    elif manifest.artifact_type != ARTIFACT_TYPE:
        text = f"is {manifest.artifact_type[:128]!r}; it must be {ARTIFACT_TYPE}"
        yield remark("artifact-type", "manifest: artifactType", text)
    yield from layer_remarks(manifest.layers)
    try:
        kitfile = kitfile_from_json(loads(config, what="config", limit=MAX_CONFIG))
    except InvalidError as error:
        yield remark("kitfile", "config", str(error))
        return
    yield from kitfile_remarks(kitfile, "config")
    try:
        kit = read_modelkit(manifest, config)
    except InvalidDocumentError as error:
        yield remark("entry-missing", "config", str(error))
        return
    yield from _layers(kit)


def kitfile_remarks(kitfile: Kitfile, where: str) -> Iterator[Remark]:
    """Check a Kitfile by itself."""
    for place, text in broken_rules(kitfile):
        yield remark("kitfile-rule", f"{where}: {place}", text)
    licenses = [("package.license", kitfile.package.license)]
    for _, place, entry in kitfile.entries():
        if isinstance(entry, Model | ModelPart | Code | Dataset):
            licenses.append((f"{place}.license", entry.license))
        else:
            assert isinstance(entry, Docs) or not hasattr(entry, "license")
    for place, text in licenses:
        if text and not is_spdx(text):
            yield remark("license", f"{where}: {place}", f"{text[:64]!r} is no SPDX expression")


def _layers(kit: ModelKit) -> Iterator[Remark]:
    bare = [layer for layer in kit.layers if layer.type.format is LayerFormat.RAW]
    yield from path_remarks(bare)  # those of archives stand in the Kitfile, whose rules have been checked
    for number, layer in enumerate(kit.layers):
        where = f"manifest: layers[{number}]"
        if layer.legacy:
            yield remark("entry-digest", where, f"the entry of {layer.path!r} names no digest")
        elif layer.descriptor.media_type.endswith((".tar", ".raw")) and layer.diff_id != layer.descriptor.digest:
            text = f"the diffId of {layer.path!r} is not its digest, although it is not compressed"
            yield remark("diff-id", where, text)
