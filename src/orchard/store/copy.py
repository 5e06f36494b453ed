"""``copy_graph``: push, pull, mirror and copy are one function from a source to a sink."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from threading import Event
from typing import Final, TypeVar

from orchard.errors import IntegrityError, LimitExceededError, OrchardError
from orchard.oci import MAX_MANIFEST, Descriptor, Digest, Document, mediatype, parse_document, read_all
from orchard.store.base import Guarded, Sink, Source
from orchard.store.memory import Bytes
from orchard.store.meter import Metered, Observer, Silent, StoppedError

MAX_DEPTH: Final = 8  # indexes in indexes; nobody nests more than two
MAX_DOCUMENTS: Final = 256 << 20  # bytes of all documents of one graph, which are held in memory

_SOURCE: Final = "source"
_DESTINATION: Final = "destination"

T = TypeVar("T")
R = TypeVar("R")


def copy_graph(
    source: Source, sink: Sink, root: Descriptor, *, workers: int = 5, observer: Observer | None = None
) -> None:
    """Copy content and everything that it needs, children before parents; what the sink has is skipped.

    Every error says whether the source or the destination failed, and for which content. After the first one nothing
    new is begun, what runs stops at its next read, and all threads have ended when it is raised.

    Args:
        source: Where the content is.
        sink: Where it shall be.
        root: The content: a manifest, an index, or a blob.
        workers: How many contents are on their way at the same time.
        observer: Who watches.

    Raises:
        IntegrityError: If the source gives other bytes than promised.
        NotFoundError: If the source lacks something.
        InvalidDocumentError: If a document is not what its media type says.
        LimitExceededError: If a document is over 4 MiB, indexes nest too deep, or all documents are too large.
        OrchardError: Whatever else the two stores raise.
    """
    with (
        sink.writing() if isinstance(sink, Guarded) else nullcontext(),
        ThreadPoolExecutor(workers, thread_name_prefix="copy") as pool,
    ):
        _Copy(source, sink, pool=pool, observer=Silent() if observer is None else observer).run(root)


@dataclass(slots=True)
class _Graph:
    """What has to be copied."""

    documents: dict[Digest, tuple[Descriptor, Document]] = field(default_factory=dict)
    blobs: dict[Digest, Descriptor] = field(default_factory=dict)
    size: int = 0

    def add(self, content: Descriptor, document: Document) -> list[Descriptor]:
        """Take in a document, and give those that it names.

        Raises:
            LimitExceededError: If all documents together are too large.
        """
        self.documents[content.digest] = content, document
        self.size += content.size
        if self.size > MAX_DOCUMENTS:
            raise LimitExceededError(f"{_SOURCE}: the documents are over {MAX_DOCUMENTS} bytes")
        nested = []
        for child in document.children:
            if mediatype.is_document(child.media_type):
                nested.append(child)
            else:
                self.blobs[child.digest] = child
        return nested

    def levels(self) -> Iterator[list[tuple[Descriptor, Document]]]:
        """Give the documents, those first that need no other. A cycle would be a collision of hashes."""
        order = TopologicalSorter(
            {
                name: [child.digest for child in document.children if child.digest in self.documents]
                for name, (_, document) in self.documents.items()
            }
        )
        order.prepare()
        while order.is_active():
            ready = order.get_ready()
            yield [self.documents[name] for name in ready]
            order.done(*ready)


class _Copy:
    """One run of ``copy_graph``."""

    def __init__(self, source: Source, sink: Sink, *, pool: ThreadPoolExecutor, observer: Observer) -> None:
        self._source = source
        self._sink = sink
        self._pool = pool
        self._observer = observer
        self._stop = Event()
        self._failures: list[BaseException] = []

    def run(self, root: Descriptor) -> None:
        """Copy blobs, the largest first so that none is left to run alone at the end; then documents."""
        graph = self._survey(root)
        self._each(self._copy_blob, sorted(graph.blobs.values(), key=lambda blob: blob.size, reverse=True))
        for level in graph.levels():
            self._each(self._copy_document, level)

    def _survey(self, root: Descriptor) -> _Graph:
        """Find what has to be copied. Below a document that the sink has, it has everything.

        Raises:
            LimitExceededError: If indexes nest too deep.
        """
        graph = _Graph()
        if not mediatype.is_document(root.media_type):
            graph.blobs[root.digest] = root
            return graph
        seen: set[Digest] = set()
        level = {root.digest: root}
        for _ in range(MAX_DEPTH + 1):
            seen |= level.keys()
            found = zip(level.values(), self._each(self._read_document, level.values()), strict=True)
            nested = [child for content, document in found if document for child in graph.add(content, document)]
            level = {child.digest: child for child in nested if child.digest not in seen}
            if not level:
                return graph
        raise LimitExceededError(f"{_SOURCE}: {root.digest}: indexes are nested deeper than {MAX_DEPTH} levels")

    def _read_document(self, content: Descriptor) -> Document | None:
        """Read a document, unless the sink has it."""
        if self._has(content):
            self._finish(content, skipped=True)
            return None
        with _blaming(_SOURCE, content), self._source.open(content) as body:
            return parse_document(read_all(body, content, limit=MAX_MANIFEST), content.media_type)

    def _copy_blob(self, content: Descriptor) -> None:
        if self._has(content):
            self._finish(content, skipped=True)
        else:
            self._push(content, self._source)

    def _copy_document(self, node: tuple[Descriptor, Document]) -> None:
        content, document = node
        self._push(content, Bytes(document.raw))

    def _has(self, content: Descriptor) -> bool:
        with _blaming(_DESTINATION, content):
            return self._sink.exists(content)

    def _push(self, content: Descriptor, source: Source) -> None:
        self._observer.started(content)
        metered = Metered(source, content, observer=self._observer, stop=self._stop)
        try:
            self._sink.push(content, metered)
        except StoppedError:
            raise
        except OrchardError as error:
            # The sink finds out what the source gave.
            theirs = error is metered.failure or isinstance(error, IntegrityError)
            _blame(error, _SOURCE if theirs else _DESTINATION, content)
            raise
        metered.settle()
        self._finish(content, skipped=False)

    def _finish(self, content: Descriptor, *, skipped: bool) -> None:
        if skipped:
            self._observer.started(content)
        self._observer.finished(content, skipped=skipped)

    def _each(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Do the work for all items; after the first error begin nothing more, let what runs stop, and raise it."""
        try:
            futures = [self._pool.submit(self._attempt, work, item) for item in items]
            wait(futures)
        except BaseException:  # the user interrupted
            self._stop.set()
            raise
        if self._failures:
            raise self._failures[0]
        return [future.result() for future in futures]

    def _attempt(self, work: Callable[[T], R], item: T) -> R:
        if self._stop.is_set():
            raise StoppedError("given up")
        try:
            return work(item)
        except BaseException as error:
            self._failures.append(error)
            self._stop.set()
            raise


@contextmanager
def _blaming(side: str, content: Descriptor) -> Iterator[None]:
    try:
        yield
    except OrchardError as error:
        _blame(error, side, content)
        raise


def _blame(error: OrchardError, side: str, content: Descriptor) -> None:
    """Let an error say which side failed for which content; it stays the error that it is."""
    message = str(error)
    where = side if str(content.digest) in message else f"{side}: {content.digest}"
    error.args = (f"{where}: {message}",)
