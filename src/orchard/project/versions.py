"""Versions: what a reference names, read and checked."""

from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from orchard.errors import InvalidDocumentError, NotFoundError
from orchard.formats import MAX_CONFIG, ModelKit, format_of, read_project, require_project
from orchard.oci import (
    MAX_MANIFEST,
    Descriptor,
    Digest,
    Index,
    Manifest,
    Reference,
    mediatype,
    parse_document,
    parse_manifest,
    read_all,
)
from orchard.store import Entry, Layout, LocalRepository, Source, Store

if TYPE_CHECKING:
    from orchard.remote import RemoteRepository

    Shelf = LocalRepository | RemoteRepository

_MAX_LOOKED_AT: Final = 32  # manifests of an index of another tool that are read to find the project among them


class Version(msgspec.Struct, frozen=True):
    """One version of a project.

    Attributes:
        descriptor: The name of its manifest.
        manifest: The manifest, with the bytes it was read from.
        kit: What the manifest and its config say.
    """

    descriptor: Descriptor
    manifest: Manifest
    kit: ModelKit

    @property
    def digest(self) -> Digest:
        """The digest that names this version everywhere."""
        return self.descriptor.digest

    @property
    def size(self) -> int:
        """Bytes of all layers together."""
        return sum(layer.size for layer in self.manifest.layers)


def resolve_local(layout: Layout, reference: Reference) -> Descriptor:
    """Find a version in the local store.

    Raises:
        NotFoundError: If it is not there.
    """
    try:
        return layout.repository(reference.name).resolve(reference.target)
    except NotFoundError as error:
        raise NotFoundError(f"{reference.or_latest()}: not in the local store; see: orchard list") from error


class Places(Protocol):
    """Where versions are: the local store, and registries."""

    layout: Layout

    def remote(self, reference: Reference, /) -> "RemoteRepository":
        """Open the repository of a reference in its registry."""
        ...


def locate(places: Places, reference: Reference, *, remote: bool | None = None) -> "tuple[Descriptor, Shelf]":
    """Find what a reference names, and where that is; nothing is read.

    Args:
        places: Where to look.
        reference: What to look for.
        remote: Look in the registry only (true), in the local store only (false), or in the one, then in the other.

    Raises:
        NotFoundError: If it is in none of them.
        OrchardError: As the registry client raises it.
    """
    if not remote:
        try:
            return resolve_local(places.layout, reference), places.layout.repository(reference.name)
        except NotFoundError:
            if remote is False or reference.is_local:
                raise
    there = places.remote(reference)
    return there.resolve(reference.target), there


def entry_name(entry: Entry) -> str:
    """Write what an entry of the local store is called, as people do."""
    registry, _, repository = entry.repository.partition("/")
    name = Reference(registry, repository)
    return str(name.at(entry.digest) if entry.tag is None else f"{name}:{entry.tag}")


def load_version(store: Store, target: str) -> Version:
    """Resolve a tag or a digest and read what it names.

    Raises:
        NotFoundError: If there is no such version.
        NotAModelKitError: If it is an artifact of another kind.
        InvalidDocumentError: If its manifest or config is not valid.
        IntegrityError: If the bytes are not what the digest promises.
    """
    return read_version(store, store.resolve(target))


def read_version(source: Source, descriptor: Descriptor) -> Version:
    """Read the version that a descriptor names, or that is the only one in the index which it names.

    Raises:
        NotAModelKitError: If it is an artifact of another kind.
        InvalidDocumentError: If its manifest or config is not valid.
        IntegrityError: If the bytes are not what the digest promises.
    """
    descriptor = choose_project(source, descriptor)
    manifest = read_manifest(source, descriptor)
    require_project(manifest, what=str(descriptor.digest))
    with source.open(manifest.config) as body:
        config = read_all(body, manifest.config, limit=MAX_CONFIG)
    return Version(descriptor, manifest, read_project(manifest, config, what=str(descriptor.digest)))


def choose_project(source: Source, descriptor: Descriptor) -> Descriptor:
    """Find the one project in an index that some other tool made, as olot puts it beside an image for runtimes.

    Returns:
        The manifest of the project; what was given, if it is no such index, or not exactly one project is in it.

    Raises:
        InvalidDocumentError: If the index is not valid.
        IntegrityError: If the bytes are not what the digest promises.
    """
    if descriptor.media_type not in mediatype.INDEXES:
        return descriptor
    with source.open(descriptor) as body:
        document = parse_document(read_all(body, descriptor, limit=MAX_MANIFEST), descriptor.media_type)
    from orchard.formats import INDEX_TYPE  # noqa: PLC0415 -- few versions are in an index

    if not isinstance(document, Index) or document.artifact_type == INDEX_TYPE:
        return descriptor  # whoever wants one of these says which by its labels
    children = [child for child in document.manifests if child.media_type in mediatype.MANIFESTS]
    if len(children) > _MAX_LOOKED_AT:
        return descriptor
    projects = [child for child in children if _is_project(source, child)]
    return projects[0] if len(projects) == 1 else descriptor


def _is_project(source: Source, child: Descriptor) -> bool:
    try:
        return format_of(read_manifest(source, child)) is not None
    except (InvalidDocumentError, NotFoundError):  # an index may lack some of its manifests
        return False


def read_manifest(source: Source, descriptor: Descriptor) -> Manifest:
    """Read the manifest that a descriptor names.

    Raises:
        InvalidDocumentError: If it is not a manifest.
        IntegrityError: If the bytes are not what the digest promises.
    """
    with source.open(descriptor) as body:
        raw = read_all(body, descriptor, limit=MAX_MANIFEST)
    try:
        return parse_manifest(raw, descriptor.media_type)
    except InvalidDocumentError as error:
        raise type(error)(f"{descriptor.digest}: {error}") from error
