"""Lists of versions, local and remote."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard.errors import InvalidDocumentError, NotAModelKitError, NotFoundError, OrchardError
from orchard.formats import name_of
from orchard.oci import UNNAMED, Descriptor, Reference, mediatype
from orchard.project.versions import Version, read_manifest, read_version
from orchard.store import Layout, Source, is_digest_tag

# A list of the local store needs no threads.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from orchard.formats import Filters
    from orchard.project.cataloging import RegistryPart
    from orchard.remote import Registry, RemoteRepository


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


def list_remote(
    repository: "RemoteRepository", name: str, tag: str | None = None, *, workers: int = 5
) -> Iterator[Listed]:
    """List the ModelKits of a repository in a registry, tag by tag; artifacts of other kinds are left out.

    Raises:
        NotFoundError: If the repository, or the tag that was asked for, is not there.
        OrchardError: As the registry client raises it.
    """
    if tag is not None:
        descriptor = repository.resolve(tag)
        if descriptor.media_type in mediatype.INDEXES:
            return
        try:
            version = read_version(repository, descriptor)
        except NotAModelKitError:
            return
        yield Listed(name, (tag,), version, version.descriptor)
        return
    from orchard.project.cataloging import read_tags

    for found in read_tags(repository, repository.tags(), workers=workers):
        yield Listed(name, (found.tag,), found.version, found.descriptor)


def list_registry(registry: "Registry", place: "RegistryPart", *, workers: int = 5) -> Iterator[Listed]:
    """List the ModelKits of all repositories in a part of a registry, as ``list_remote``.

    Raises:
        UnsupportedError: If the registry does not list its repositories to us.
        OrchardError: As the registry client raises it.
    """
    from orchard.project.cataloging import read_registry

    for name, found in read_registry(registry, place, workers=workers):
        yield Listed(f"{place.host}/{name}", (found.tag,), found.version, found.descriptor)


def matching(listed: Iterable[Listed], filters: "Filters") -> list[Listed]:
    """Give the versions that hold something that filters select; all of them without filters."""
    return [one for one in listed if not filters.filters or _selected(one.version, filters)]


def _selected(version: Version | None, filters: "Filters") -> bool:
    if version is None:
        return False
    entries = version.kit.kitfile.entries()
    return filters.kitfile or any(filters.names(kind, path=e.path, name=name_of(e)) for kind, _, e in entries)


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
