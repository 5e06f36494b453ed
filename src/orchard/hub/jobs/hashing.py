"""Reading large archives once, slowly, so that the digest of every file in them is known (ADR 81)."""

import logging
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from threading import Event
from typing import TYPE_CHECKING, Final

from orchard.errors import IntegrityError, InvalidError, NotFoundError
from orchard.hub import catalog
from orchard.hub.jobs.kind import Kind, Run
from orchard.hub.queue import Queue
from orchard.hub.registry import Premises
from orchard.hub.storage.cold import read_cold
from orchard.oci import Descriptor, Digest, Readable

if TYPE_CHECKING:
    from orchard.hub.catalog import LayerRow

HASH: Final = "hash-files"
_LOG: Final = logging.getLogger("orchard.hub.jobs")
_SLICE: Final = 60.0  # seconds after which it lets others have the worker, between two layers
_LOOK: Final = 600.0  # seconds between two looks at whether there is something to read
_PAGE: Final = 20
_TYPE: Final = "application/vnd.kitops.modelkit.code.v1.tar"  # an archive; what is in it does not matter here


def hashing(
    premises: Premises,
    queue: Queue,
    *,
    rate: int,
    slice_: float = _SLICE,
    steady: Callable[[], float] = time.monotonic,
) -> Kind:
    """Make the kind of task that finds out the digests of files in archives that were listed by their headers alone.

    Args:
        premises: Where.
        queue: Where it puts itself again when it has not finished.
        rate: Bytes to read in a second.
        slice_: Seconds after which it begins with no other layer.
        steady: A clock in seconds that does not jump.
    """

    def hash_files(run: Run) -> None:
        began, done = steady(), 0
        pace = _Pace(run, rate, pause=Event().wait, steady=steady)
        for digest, form, size in _due(premises):
            if steady() - began >= slice_:
                with premises.database.aside() as connection:
                    queue.put(connection, HASH, {}, key=HASH, lock=HASH)
                return
            _hash(premises, pace, digest, form=form, size=size)
            done += 1
        run.progress(done, done, f"read {done} layers", unit="layers")

    return Kind(name=HASH, handler=hash_files, every=_LOOK, slow=True)


def _due(premises: Premises) -> Iterator[tuple[Digest, str, int]]:
    after = ""
    while True:
        with premises.database.read() as connection:
            page = catalog.understood.to_hash(connection, after=after, limit=_PAGE)
        if not page:
            return
        yield from page
        after = str(page[-1][0])


def _hash(premises: Premises, pace: "_Pace", digest: Digest, *, form: str, size: int) -> None:
    """Read one layer, verified, and write down what every file in it hashes to."""
    from msgspec import json  # noqa: PLC0415 -- a hub's start needs no formats
    from msgspec.structs import replace as changed  # noqa: PLC0415 -- as above

    from orchard.formats import Layer, LayerKind  # noqa: PLC0415 -- as above
    from orchard.hub.registry.layers import LIMITS, decoded  # noqa: PLC0415 -- as above
    from orchard.project import Indexer  # noqa: PLC0415 -- as above

    with premises.database.read() as connection:
        known = catalog.understood.layers(connection, [digest]).get((digest, form))
    if known is None:
        return
    layer = Layer(
        kind=LayerKind.CODE, path=digest.hex[:12], descriptor=Descriptor(media_type=_TYPE, digest=digest, size=size)
    )
    try:
        found = Indexer(_Slow(premises, pace), hashed=True, limits=LIMITS).index(layer)
    except (InvalidError, IntegrityError, NotFoundError) as error:
        _LOG.warning("%s: the files in it cannot be hashed: %s", digest, error)
        _note(premises, known, document=known.document)
        return
    listed = decoded(known)
    document = known.document
    if listed is not None and [file.path for file in listed.files] == [file.path for file in found.files]:
        document = json.encode(changed(listed, files=found.files))
    _note(premises, known, document=document)


def _note(premises: Premises, known: "LayerRow", *, document: bytes | None) -> None:
    from dataclasses import replace  # noqa: PLC0415 -- beside its namesake for structs

    with premises.database.aside() as connection:
        catalog.understood.put_layer(connection, replace(known, hashed=True, document=document))


class _Pace:
    """Keeps reading to a rate, and stops it where the task has to stop."""

    def __init__(self, run: Run, rate: int, *, pause: Callable[[float], object], steady: Callable[[], float]) -> None:
        self._run = run
        self._rate = rate
        self._pause = pause
        self._steady = steady
        self._began = steady()
        self._read = 0

    def step(self, size: int) -> None:
        """Note that so many bytes were read; wait, if that was too fast."""
        self._read += size
        self._run.progress(self._read, None, "reading archives", unit="bytes")
        ahead = self._read / self._rate - (self._steady() - self._began)
        if ahead > 0:
            self._pause(ahead)


class _Slow:
    """Blobs as a source that is read from end to end, past the page cache."""

    def __init__(self, premises: Premises, pace: _Pace) -> None:
        self._premises = premises
        self._pace = pace

    @contextmanager
    def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:
        """Open a blob."""
        assert not offset
        with closing(self._pieces(content)) as pieces:
            yield _Paced(pieces)

    def _pieces(self, content: Descriptor) -> Generator[bytes]:
        stored = self._premises.files.content(content.digest)
        pieces = read_cold(stored.file) if stored.file is not None else stored.read(0, content.size)
        for piece in pieces:
            self._pace.step(len(piece))
            yield bytes(piece)


class _Paced:
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes."""
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        piece, self._left = self._left[:size], self._left[size:]
        return bytes(piece)
