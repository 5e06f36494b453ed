"""Versions: what a reference names, read and checked."""

from dataclasses import dataclass

from orchard.errors import InvalidDocumentError, NotFoundError
from orchard.formats import MAX_CONFIG, ModelKit, read_project, require_project
from orchard.oci import MAX_MANIFEST, Descriptor, Digest, Manifest, Reference, parse_manifest, read_all
from orchard.store import Layout, Source, Store


@dataclass(frozen=True, slots=True)
class Version:
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
    """Read the version that a descriptor names.

    Raises:
        NotAModelKitError: If it is an artifact of another kind.
        InvalidDocumentError: If its manifest or config is not valid.
        IntegrityError: If the bytes are not what the digest promises.
    """
    manifest = read_manifest(source, descriptor)
    require_project(manifest, what=str(descriptor.digest))
    with source.open(manifest.config) as body:
        config = read_all(body, manifest.config, limit=MAX_CONFIG)
    return Version(descriptor, manifest, read_project(manifest, config, what=str(descriptor.digest)))


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
