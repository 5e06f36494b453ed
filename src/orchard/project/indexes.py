"""ModelKit indexes: made, changed, moved, and used to choose a ModelKit by its labels.

An index is a document of its repository like a version, under a tag of its own. It may name ModelKits that are not
here: only it is pulled and pushed, and they are when somebody wants them.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from orchard.errors import (
    ConflictError,
    InvalidDocumentError,
    InvalidReferenceError,
    NotFoundError,
    RemoteError,
    UsageError,
)
from orchard.formats import (
    ORIGINAL_TAG,
    SIZE,
    IndexEntry,
    KitIndex,
    edit_annotations,
    edit_labels,
    read_index,
    select_entry,
)
from orchard.oci import MAX_MANIFEST, Descriptor, Digest, Reference, mediatype, parse_document, read_all
from orchard.project.versions import Places, locate, read_version
from orchard.project.workspace import Workspace
from orchard.store import Bytes, Layout, Source, locked

_LOCK: Final = "index-edit.lock"

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class NamedIndex:
    """An index and where it was found.

    Attributes:
        name: What it is called.
        descriptor: The document.
        index: What it says; None if it cannot be read.
        tags: Its tags in the local store, sorted.
    """

    name: Reference
    descriptor: Descriptor
    index: KitIndex
    tags: tuple[str, ...] = ()


def find_index(places: Places, name: Reference, *, remote: bool | None = None) -> NamedIndex:
    """Find an index in the local store, in its registry, or (``None``) in the one and then in the other.

    Raises:
        NotFoundError: If there is none.
        NotAModelKitError: If the name is that of something else.
        InvalidDocumentError: If it is not valid.
    """
    try:
        found, store = locate(places, name, remote=remote)
    except NotFoundError as error:
        hint = "" if remote else "; to make one: orchard index create"
        raise NotFoundError(f"could not find ModelKit index {name.or_latest()}{hint}") from error
    return _read(store, name.or_latest(), found)


def list_indexes(layout: Layout) -> list[NamedIndex]:
    """List the indexes in the local store, sorted by repository and digest; other tools' are left out."""
    tags: dict[tuple[str, Descriptor], list[str]] = {}
    for entry in layout.entries():
        if entry.descriptor.media_type in mediatype.INDEXES:
            tags.setdefault((entry.repository, entry.descriptor), []).extend([entry.tag] if entry.tag else [])
    found = []
    for (repository, descriptor), names in sorted(tags.items(), key=lambda item: (item[0][0], str(item[0][1].digest))):
        registry, _, path = repository.partition("/")
        try:
            one = _read(layout.repository(repository), Reference(registry, path, digest=descriptor.digest), descriptor)
        except (InvalidDocumentError, NotFoundError):
            continue
        found.append(replace(one, tags=tuple(sorted(names))))
    return found


def create_index(workspace: Workspace, name: Reference) -> Descriptor:
    """Make an empty index.

    Raises:
        ConflictError: If the name is taken.
        UsageError: If the name is a digest.
    """
    with _editing(workspace, name):
        if _resolved(workspace.layout, name) is not None:
            raise ConflictError(f"{name.or_latest()} already exists; to start over: orchard index delete")
        return _write(workspace.layout, name, KitIndex(), before=None)


def add_to_index(
    workspace: Workspace,
    name: Reference,
    kit: Reference,
    *,
    labels: Sequence[str] = (),
    annotations: Sequence[str] = (),
    remote: bool = False,
) -> Descriptor:
    """Put a ModelKit of the same repository into an index, or change the labels and annotations it has there.

    Raises:
        NotFoundError: If one of the two is not there.
        UsageError: If they are not of one repository, or a label makes no sense.
        NotAModelKitError: If one is something else.
    """
    if kit.name != name.name:
        raise UsageError(
            f"ModelKit {kit} is not in the same repository as index {name.or_latest()}; "
            "an index may only reference ModelKits in its own repository"
        )
    found, store = locate(workspace, kit, remote=remote)
    version = read_version(store, found)
    found = version.descriptor
    with _editing(workspace, name):
        here = find_index(workspace, name, remote=False)
        descriptor = Descriptor(media_type=found.media_type, digest=found.digest, size=found.size)
        entry = here.index.find(found.digest) or IndexEntry(descriptor)
        noted = {**entry.annotations, SIZE: str(version.size)}
        if kit.digest is None:
            noted[ORIGINAL_TAG] = kit.target
        entry = replace(
            entry, labels=edit_labels(entry.labels, labels), annotations=edit_annotations(noted, annotations)
        )
        return _write(workspace.layout, name, here.index.with_entry(entry), before=here.descriptor)


def remove_from_index(workspace: Workspace, name: Reference, kit: Reference) -> tuple[Digest, Descriptor]:
    """Take a ModelKit out of an index; the ModelKit itself stays.

    Returns:
        The ModelKit, and the index as it is now.

    Raises:
        NotFoundError: If the index is not there, or does not hold it.
    """
    with _editing(workspace, name):
        here = find_index(workspace, name, remote=False)
        digest = _digest_of(workspace.layout, here.index, kit)
        if digest is None or here.index.find(digest) is None:
            raise NotFoundError(f"index {name.or_latest()} does not contain {digest or kit}")
        return digest, _write(workspace.layout, name, here.index.without(digest), before=here.descriptor)


def push_index(workspace: Workspace, source: Reference, destination: Reference) -> Digest:
    """Push an index alone; the ModelKits that it names have to be there already.

    Raises:
        NotFoundError: If it is not in the local store.
        RemoteError: If the registry lacks one of the ModelKits, or cannot be reached.
    """
    here = find_index(workspace, source, remote=False)
    there = workspace.remote(destination)
    missing = [entry for entry in here.index.entries if not there.exists(entry.descriptor)]
    if missing:
        names = ", ".join(str(entry.name(destination) or entry.digest) for entry in missing[:3])
        raise RemoteError(
            f"{destination.name} does not contain every ModelKit the index references: {names} "
            f"({len(missing)} of {len(here.index.entries)}). Push those ModelKits first, then retry"
        )
    there.push(here.descriptor, workspace.layout.repository(source.name))
    if destination.digest is None:
        there.tag(here.descriptor, destination.target)
    return here.descriptor.digest


def pull_index(workspace: Workspace, name: Reference) -> Digest:
    """Pull an index alone; the ModelKits that it names stay where they are.

    Raises:
        NotFoundError: If the registry does not have it.
        NotAModelKitError: If the name is that of something else.
    """
    found = find_index(workspace, name, remote=True)
    here = workspace.layout.repository(name.name)
    with workspace.layout.writing():
        here.push(found.descriptor, workspace.remote(name))
        if name.digest is None:
            here.tag(found.descriptor, name.target)
    return found.descriptor.digest


def with_selected(
    places: Places,
    name: Reference,
    work: Callable[[Reference], R],
    *,
    labels: Mapping[str, str],
    verb: str,
    remote: bool | None = None,
) -> R:
    """Do some work with the ModelKit that a name means: itself, or the one in an index that has the labels.

    Args:
        places: Where to look for the index.
        name: Of a ModelKit or, with labels always, of an index.
        work: What to do with the ModelKit's reference.
        labels: What the ModelKit in the index has to have.
        verb: What that is called.
        remote: Where to look, as ``locate``.

    Raises:
        NotFoundError: If there is no such index, or none of its ModelKits has the labels.
        UsageError: If several have.
        InvalidDocumentError: If the name is that of something else.
    """
    if not labels:
        try:
            return work(name)
        except InvalidDocumentError:
            found, store = locate(places, name, remote=remote)
            if found.media_type not in mediatype.INDEXES:
                raise
            chosen = _read(store, name.or_latest(), found)
    else:
        chosen = find_index(places, name, remote=remote)
    hint = f"select the ModelKit to {verb} with --label"
    entry = select_entry(chosen.index, labels, name.or_latest(), hint=hint)
    return work(_named(places, name, entry) if remote else name.at(entry.digest))


def _named(places: Places, name: Reference, entry: IndexEntry) -> Reference:
    """Name a ModelKit by the tag that it was added by, if that means the same in the registry still."""
    tag = entry.annotations.get(ORIGINAL_TAG)
    if tag is None:
        return name.at(entry.digest)
    try:
        same = places.remote(name).resolve(name.tagged(tag).target).digest == entry.digest
    except (NotFoundError, InvalidReferenceError):
        same = False
    return name.tagged(tag) if same else name.at(entry.digest)


def _read(store: Source, name: Reference, descriptor: Descriptor) -> NamedIndex:
    with store.open(descriptor) as body:
        raw = read_all(body, descriptor, limit=MAX_MANIFEST)
    parse_document(raw, descriptor.media_type)
    return NamedIndex(name, descriptor, read_index(raw, what=str(name)))


def _editing(workspace: Workspace, name: Reference) -> AbstractContextManager[None]:
    """Keep others from changing indexes meanwhile, so that two who add at once both succeed.

    Raises:
        UsageError: If the name is a digest.
    """
    if name.digest is not None:
        raise UsageError(f"index reference must be a tag, not a digest: {name}")
    return locked(workspace.home / _LOCK)


def _write(layout: Layout, name: Reference, index: KitIndex, *, before: Descriptor | None) -> Descriptor:
    """Store an index under its name; the version of it that the name meant before goes, unless it has other names."""
    raw = index.to_bytes()
    document = parse_document(raw, mediatype.OCI_INDEX).describe()
    document = Descriptor(media_type=document.media_type, digest=document.digest, size=document.size)
    here = layout.repository(name.name)
    with layout.writing():
        here.push(document, Bytes(raw))
        here.tag(document, name.target)
    if before is not None and before.digest != document.digest:
        tags = [one.tag for one in layout.entries() if (one.repository, one.digest) == (name.name, before.digest)]
        if tags == [None]:
            layout.remove(name.name, before.digest)
    return document


def _resolved(layout: Layout, name: Reference) -> Descriptor | None:
    try:
        return layout.repository(name.name).resolve(name.target)
    except NotFoundError:
        return None


def _digest_of(layout: Layout, index: KitIndex, kit: Reference) -> Digest | None:
    """Find what a reference means in an index: the ModelKit that it names here, or the one added by that tag."""
    if kit.digest is not None:
        return kit.digest
    found = _resolved(layout, kit)
    if found is not None and index.find(found.digest) is not None:
        return found.digest
    added = (entry.digest for entry in index.entries if entry.annotations.get(ORIGINAL_TAG) == kit.target)
    return next(added, found.digest if found else None)
