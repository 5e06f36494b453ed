"""The packing line: plans in, layers out.

Layers are packed two at a time: a layer is hashed in one thread and written in another, and one layer alone cannot keep
two cores busy (measured: 0.86 GB/s for one, 1.41 for two). The files of a layer are read straight into the memory that
is written.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from orchard.archive import compress
from orchard.errors import OrchardError
from orchard.formats import Layer
from orchard.oci import CHUNK, Fillable, Hasher, Pieces
from orchard.project.layering import Plan
from orchard.project.progress import Observer
from orchard.store import Ingested

AT_ONCE: Final = 2  # layers


class Shelf(Protocol):
    """Where packed layers go."""

    def ingest(self, body: Fillable, media_type: str) -> Ingested:
        """Take in bytes whose digest is not known yet."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Keep what is written from being swept until the block is left."""
        ...


@dataclass(frozen=True, slots=True)
class PackedLayer:
    """One layer that was packed.

    Attributes:
        layer: What it is.
        files: How many regular files it holds.
        new: Whether the store did not have it yet.
    """

    layer: Layer
    files: int
    new: bool


def pack_layers(plans: Sequence[Plan], shelf: Shelf, observer: Observer) -> tuple[PackedLayer, ...]:
    """Pack all layers, ``AT_ONCE`` at a time; the first failure stops the others, and is raised.

    Raises:
        OrchardError: As reading the files or the shelf raises it.
    """
    return _Line(shelf, observer).run(plans)


class _Line:
    def __init__(self, shelf: Shelf, observer: Observer) -> None:
        self._shelf = shelf
        self._observer = observer
        self._stopped = False

    def run(self, plans: Sequence[Plan]) -> tuple[PackedLayer, ...]:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="pack") as pool:
            # The largest first, so that none is left to run alone at the end.
            order = sorted(range(len(plans)), key=lambda number: plans[number].size, reverse=True)
            futures = {number: pool.submit(self._pack, plans[number]) for number in order}
            try:
                for future in as_completed(futures.values()):
                    future.result()  # the first that fails is raised, not the first in the order of the layers
            except BaseException:
                self._stopped = True
                pool.shutdown(cancel_futures=True)
                raise
        return tuple(futures[number].result() for number in range(len(plans)))

    def _pack(self, plan: Plan) -> PackedLayer:
        claim, compression = plan.claim, plan.encoding.compression
        self._observer.started(claim.label, plan.size)
        plain = Hasher()
        with plan.content() as content:
            body: Fillable = _Counted(content, lambda count: self._count(claim.label, count))
            if compression != "none":
                body = Pieces(compress(_hashed(body, plain), compression))
            ingested = self._shelf.ingest(body, plan.media_type)
        self._observer.finished(claim.label)
        diff_id = ingested.descriptor.digest if compression == "none" else plain.digest
        descriptor = msgspec.structs.replace(ingested.descriptor, annotations=dict(plan.annotations))
        layer = Layer(kind=claim.kind, path=claim.path, name=claim.name, descriptor=descriptor, diff_id=diff_id)
        return PackedLayer(layer, plan.files, ingested.new)

    def _count(self, label: str, count: int) -> None:
        """Report that so many bytes were read.

        Raises:
            OrchardError: If another layer has failed.
        """
        if self._stopped:
            raise OrchardError("stopped, because another layer failed")
        self._observer.advanced(label, count)


class _Counted:
    """A body that tells how many bytes were read of it."""

    def __init__(self, body: Fillable, count: Callable[[int], None]) -> None:
        self._body = body
        self._count = count

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill a buffer."""
        count = self._body.readinto(buffer)
        self._count(count)
        return count


def _hashed(body: Fillable, hasher: Hasher) -> Iterator[bytes]:
    buffer = memoryview(bytearray(CHUNK))
    while count := body.readinto(buffer):
        piece = bytes(buffer[:count])
        hasher.update(piece)
        yield piece
