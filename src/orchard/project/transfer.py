"""Push and pull: one copy, between the local store and a registry."""

from orchard.oci import Descriptor, Digest, mediatype
from orchard.project.progress import Observer, Silent
from orchard.project.versions import read_version
from orchard.store import Layout, LocalRepository, Store, copy_graph


def push(source: Store, destination: Store, *, target: str, tags: tuple[str, ...], observer: Observer | None) -> Digest:
    """Copy a version to a registry, then name it there.

    Args:
        source: The local repository.
        destination: The repository in the registry.
        target: Tag or digest of the version.
        tags: What to call it there; none leaves it without a tag.
        observer: Told of each blob.

    Raises:
        NotFoundError: If there is no such version.
        OrchardError: As the registry client raises it.
    """
    root = source.resolve(target)
    copy_graph(source, destination, root, observer=_Labelled(observer or Silent()))
    for tag in tags:
        destination.tag(root, tag)
    return root.digest


def pull(
    source: Store, layout: Layout, repository: LocalRepository, *, target: str, observer: Observer | None
) -> Digest:
    """Copy a version from a registry, then name it here as it was named there.

    Raises:
        NotFoundError: If there is no such version.
        NotAModelKitError: If it is another kind of artifact; nothing is stored then.
        OrchardError: As the registry client raises it.
    """
    root = source.resolve(target)
    read_version(source, root)
    with layout.writing():
        copy_graph(source, repository, root, observer=_Labelled(observer or Silent()))
        if target != str(root.digest):
            repository.tag(root, target)
    return root.digest


class _Labelled:
    """An observer of a copy, that gives each blob the name people see."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def started(self, content: Descriptor) -> None:
        """A blob begins."""
        self._observer.started(_label(content), content.size)

    def advanced(self, content: Descriptor, count: int) -> None:
        """Some of it is done."""
        self._observer.advanced(_label(content), count)

    def finished(self, content: Descriptor, *, skipped: bool) -> None:
        """It is done."""
        self._observer.finished(_label(content), skipped=skipped)


def _label(content: Descriptor) -> str:
    what = "manifest" if mediatype.is_document(content.media_type) else "blob"
    return f"{what} {content.digest.short}"
