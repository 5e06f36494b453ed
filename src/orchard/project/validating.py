"""Checking a stored version, or a directory, against all rules at once, where other commands stop at the first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchard.errors import InvalidError, NotAModelKitError, OrchardError
from orchard.formats import (
    MAX_CONFIG,
    Compression,
    LayerFormat,
    LayerKind,
    ProjectFormat,
    Remark,
    Severity,
    kitfile_remarks,
    modelkit_remarks,
    modelpack_remarks,
    read_project,
    remark,
    require_project,
)
from orchard.oci import MAX_MANIFEST, Descriptor, Digest, Manifest, Reference, mediatype, parse_manifest, read_all
from orchard.project.versions import Places, choose_project, locate
from orchard.store import Ranged, Store

# What a check does not need, it does not import: packing and reading archives cost 60 ms together.
# ruff: noqa: PLC0415


@dataclass(frozen=True, slots=True)
class Validated:
    """What was checked.

    Attributes:
        format: As what the project is stored; None for a directory.
        digest: Of the manifest; None for a directory.
        remarks: Where rules are broken, errors first.
    """

    format: ProjectFormat | None
    digest: Digest | None
    remarks: tuple[Remark, ...]

    @property
    def errors(self) -> int:
        """How many remarks are errors."""
        return sum(one.severity is Severity.ERROR for one in self.remarks)


def validate_reference(places: Places, reference: Reference, *, remote: bool) -> Validated:
    """Check a version in the local store, or in its registry.

    Raises:
        NotFoundError: If it is not there.
        NotAModelKitError: If it is an artifact of another kind.
        IntegrityError: If the bytes are not what the digest promises.
        OrchardError: As the store raises it.
    """
    found, store = locate(places, reference, remote=remote)
    return validate_version(choose_project(store, found), store)


def validate_version(descriptor: Descriptor, store: Store) -> Validated:
    """Check a version.

    Raises:
        NotAModelKitError: If it is an artifact of another kind.
        IntegrityError: If the bytes are not what the digest promises.
        OrchardError: As the store raises it.
    """
    if descriptor.size > MAX_MANIFEST:
        text = f"{descriptor.size} bytes, at most {MAX_MANIFEST} are read"
        remarks = remark("manifest", "manifest", "too large to be read"), remark("manifest-size", "manifest", text)
        return Validated(None, descriptor.digest, remarks)
    if descriptor.media_type in mediatype.INDEXES:
        raise NotAModelKitError(
            f"{descriptor.digest}: an index holds no files itself; name a version in it (orchard index info lists them)"
        )
    with store.open(descriptor) as body:
        raw = read_all(body, descriptor, limit=MAX_MANIFEST)
    try:
        manifest = parse_manifest(raw, descriptor.media_type)
    except InvalidError as error:
        return Validated(None, descriptor.digest, (remark("manifest", "manifest", str(error)),))
    form = require_project(manifest, what=str(descriptor.digest))
    return Validated(form, descriptor.digest, _sorted(_remarks(manifest, form, store)))


def validate_directory(directory: Path) -> Validated:
    """Check the Kitfile of a directory, and that all it claims can be packed.

    Raises:
        NotFoundError: If there is no Kitfile.
        StorageError: If it cannot be read.
    """
    from orchard.project.packing import plan, read_kitfile

    try:
        kitfile, name = read_kitfile(directory)
    except InvalidError as error:
        return Validated(None, None, (remark("kitfile", "Kitfile", str(error)),))
    remarks = list(kitfile_remarks(kitfile, Path(name).name))
    try:
        plan(directory, kitfile)
    except OrchardError as error:
        remarks.append(remark("files", str(directory), str(error)))
    return Validated(None, None, _sorted(remarks))


def _sorted(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    return tuple(sorted(remarks, key=lambda one: one.severity is not Severity.ERROR))


def _remarks(manifest: Manifest, form: ProjectFormat, store: Store) -> Iterator[Remark]:
    if manifest.config.size > MAX_CONFIG:
        yield remark("config-schema", "manifest: config.size", f"{manifest.config.size} bytes")
        return
    with store.open(manifest.config) as body:
        config = read_all(body, manifest.config, limit=MAX_CONFIG)
    if form is ProjectFormat.MODELKIT:
        yield from modelkit_remarks(manifest, config)
    elif form is ProjectFormat.MODELPACK:
        yield from modelpack_remarks(manifest, config)
        yield from _bundles(manifest, config, store)
    else:
        raise NotAModelKitError("this is a Docker model, for which there are no rules here; orchard convert it first")


def _bundles(manifest: Manifest, config: bytes, store: Store) -> Iterator[Remark]:
    """Look into archives of weights, at their headers alone."""
    try:
        kit = read_project(manifest, config)
    except InvalidError:
        return
    for number, layer in enumerate(kit.layers):
        held = layer.type
        archive = held.format is LayerFormat.TAR and held.compression is Compression.NONE
        if not archive or held.kind is not LayerKind.MODEL or not isinstance(store, Ranged):
            continue
        from orchard.project.indexing import Indexer

        where = f"manifest: layers[{number}]"
        try:
            files = Indexer(store).index(layer).files
        except InvalidError as error:
            yield remark("path-unsafe", where, str(error))
            continue
        if len(files) > 1:
            yield remark("weights-bundled", where, f"{len(files)} files in one archive: {files[0].path}, …")
