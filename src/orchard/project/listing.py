"""Lists of versions, local and remote."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard.errors import InvalidDocumentError, NotAModelKitError, NotFoundError, OrchardError
from orchard.oci import UNNAMED, Descriptor, Reference, mediatype
from orchard.project.versions import Version, read_manifest, read_version
from orchard.store import Layout, Source, is_digest_tag

if TYPE_CHECKING:
    from orchard.remote import RemoteRepository


@dataclass(frozen=True, slots=True)
class Listed:
    """One version in a list.

    Attributes:
        repository: Registry and repository, as people write them; empty if the version has no name.
        tags: Its tags there, sorted.
        version: What it is, or None if it is not a ModelKit or cannot be read.
        descriptor: The name of its manifest.
    """

    repository: str
    tags: tuple[str, ...]
    version: Version | None
    descriptor: Descriptor


def list_local(layout: Layout, repository: str | None = None) -> list[Listed]:
    """List the versions in the local store, sorted by repository and digest.

    What cannot be read is listed too, without details: one damaged version must not hide the others. What is about
    another version, such as its signature, is not listed.
    """
    tags: dict[tuple[str, Descriptor], list[str]] = {}
    for entry in layout.entries():
        if entry.descriptor.media_type in mediatype.INDEXES:
            continue  # no version; `orchard index list` shows it
        if repository is None or entry.repository == repository:
            tags.setdefault((entry.repository, entry.descriptor), []).extend([entry.tag] if entry.tag else [])
    ordered = sorted(tags.items(), key=lambda item: (item[0][0], str(item[0][1].digest)))
    listed = (
        Listed(_shown(name), tuple(sorted(names)), _read(layout, name, descriptor), descriptor)
        for (name, descriptor), names in ordered
        if not _is_about_another(layout.repository(name), descriptor, names)
    )
    return list(listed)


def list_remote(repository: "RemoteRepository", name: str, tag: str | None = None) -> Iterator[Listed]:
    """List the ModelKits of a repository in a registry, tag by tag; artifacts of other kinds are left out.

    Raises:
        NotFoundError: If the repository, or the tag that was asked for, is not there.
        OrchardError: As the registry client raises it.
    """
    for found in [tag] if tag else repository.tags():
        descriptor = repository.resolve(found)
        if descriptor.media_type in mediatype.INDEXES:
            continue
        try:
            version = read_version(repository, descriptor)
        except NotAModelKitError:
            continue
        yield Listed(name, (found,), version, version.descriptor)


def _is_about_another(source: Source, descriptor: Descriptor, tags: list[str]) -> bool:
    if tags:
        return all(map(is_digest_tag, tags))
    try:
        return read_manifest(source, descriptor).subject is not None
    except OrchardError:
        return False


def _read(layout: Layout, name: str, descriptor: Descriptor) -> Version | None:
    try:
        return read_version(layout.repository(name), descriptor)
    except (InvalidDocumentError, NotFoundError):
        return None


def _shown(name: str) -> str:
    registry, _, repository = name.partition("/")
    return "" if repository == UNNAMED else str(Reference(registry, repository))
