"""From a registry to the local store: a version, and the kits that hold its model, each into its own repository."""

from collections.abc import Callable
from dataclasses import dataclass

from orchard.errors import NotFoundError
from orchard.oci import Descriptor, Digest, Reference
from orchard.project.progress import Observer
from orchard.project.references import Referred, parents_of
from orchard.project.transfer import transfer
from orchard.project.versions import Version, load_version, read_version, resolve_local
from orchard.store import Layout, Store


@dataclass(frozen=True, slots=True)
class Pulled:
    """What was pulled.

    Attributes:
        digest: The version that was asked for.
        referred: The kits that hold its model, nearest first, at the digests that were taken.
    """

    digest: Digest
    referred: tuple[Reference, ...] = ()


def pull(
    reference: Reference,
    *,
    layout: Layout,
    remote: Callable[[Reference], Store],
    workers: int,
    observer: Observer | None = None,
) -> Pulled:
    """Pull a version and the kits that hold its model.

    All of them are found before anything is stored. A parent that the lock of the kit pins keeps the name it was asked
    for only if that name still means it.

    Args:
        reference: What to pull.
        layout: Where it goes.
        remote: Opens the repository of a reference in its registry.
        workers: Blobs that are copied at a time.
        observer: Told of each blob.

    Raises:
        NotFoundError: If one of them is nowhere.
        NotAModelKitError: If one of them is another kind of artifact.
        OrchardError: As the registry client or ``references.parents_of`` raises it.
    """
    source = remote(reference)
    version = read_version(source, source.resolve(reference.target))
    root = version.descriptor

    def find(wanted: Reference) -> tuple[Version, Store]:
        if wanted.is_local:  # it has no registry, so it is here or nowhere
            here = layout.repository(wanted.name)
            return read_version(here, resolve_local(layout, wanted)), here
        there = remote(wanted)
        return load_version(there, wanted.target), there

    parents = parents_of(version, find, name=str(reference))
    with layout.writing():
        for parent in parents:
            if not parent.reference.is_local:
                names = _names(parent, remote)
                _store(layout, parent.source, parent.reference, parent.version.descriptor, names, workers, observer)
        names = () if reference.digest else (reference.target,)
        _store(layout, source, reference, root, names, workers, observer)
    return Pulled(root.digest, tuple(parent.reference for parent in parents))


def _store(  # noqa: PLR0913, PLR0917 -- the arguments of ``transfer`` and where to
    layout: Layout,
    source: Store,
    reference: Reference,
    root: Descriptor,
    names: tuple[str, ...],
    workers: int,
    observer: Observer | None,
) -> None:
    transfer(source, layout.repository(reference.name), root, tags=names, workers=workers, observer=observer)


def _names(parent: Referred, remote: Callable[[Reference], Store]) -> tuple[str, ...]:
    """Say which tag a parent gets: the one it was asked for, unless the tag has moved on since it was pinned."""
    named = parent.named.or_latest()
    if named.digest is not None:
        return ()
    if not parent.pinned:
        return (named.target,)
    try:
        now = remote(named).resolve(named.target)
    except NotFoundError:
        return ()
    return (named.target,) if now.digest == parent.version.digest else ()
