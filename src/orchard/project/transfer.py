"""Push and pull are one copy, between the local store and a registry."""

from orchard.oci import Descriptor, mediatype
from orchard.project.progress import Observer, Silent
from orchard.store import Source, Store, copy_graph


def transfer(
    source: Source,
    destination: Store,
    root: Descriptor,
    *,
    tags: tuple[str, ...],
    workers: int,
    observer: Observer | None,
) -> None:
    """Copy a version, then name it there.

    Args:
        source: Where it is.
        destination: Where it goes.
        root: Its manifest.
        tags: What to call it there; none leaves it without a tag.
        workers: Blobs that are copied at a time.
        observer: Told of each blob.

    Raises:
        OrchardError: As the one side or the other raises it.
    """
    copy_graph(source, destination, root, workers=workers, observer=Labelled(observer or Silent()))
    for tag in tags:
        destination.tag(root, tag)


class Labelled:
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
