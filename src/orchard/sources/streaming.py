"""Layers that are made of files as they arrive: a tar that can begin at any byte, and a check of every byte of it.

Sizes are known before the first byte comes, so the header of a file is written while its content is still on its way,
and nothing of it is kept anywhere but in the layer.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol

from orchard.archive import BLOCK, END, Entry, header, tar_size
from orchard.errors import IntegrityError
from orchard.oci import Fillable, Hasher, Pieces, Readable, chunks, read_bounded
from orchard.sources.gitobject import GitHasher
from orchard.sources.huggingface import HubFile

SMALL: Final = 512 << 10  # bytes; smaller files are fetched ahead, because each costs a round trip or two
AHEAD: Final = 8  # small files of one layer on their way at once

Span = bytes | HubFile


class Opens(Protocol):
    """Gives the content of a file from some offset on."""

    def __call__(self, file: HubFile, offset: int = 0) -> AbstractContextManager[Readable]:
        """Open it."""
        ...


class Streamed:
    """One layer in the making; satisfies ``store.Making``.

    Args:
        entries: What it holds.
        files: Where content is, by the name of its entry.
        raw: Whether it is the one file itself, without a tar around it.
        opens: Gives the content of a file.
        pool: Fetches small files ahead.
        passed: Told how many bytes have passed the check.
    """

    def __init__(
        self,
        entries: list[Entry],
        files: Mapping[str, HubFile],
        *,
        raw: bool,
        opens: Opens,
        pool: ThreadPoolExecutor,
        passed: Callable[[int], None],
    ) -> None:
        self._entries = entries
        self._files = files
        self._raw = raw
        self._opens = opens
        self._pool = pool
        self._passed = passed

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self._entries[-1].size if self._raw else tar_size(self._entries)

    def open(self, offset: int) -> Iterator[bytes]:
        """Make the layer from ``offset`` bytes on."""
        ahead = _Ahead((file for file in self._spans(offset) if isinstance(file, HubFile)), self._opens, self._pool)
        try:
            for span in self._spans(0):
                size = len(span) if isinstance(span, bytes) else span.size
                if offset >= size:  # it is there already
                    offset -= size
                elif isinstance(span, bytes):
                    yield span[offset:]
                    offset = 0
                else:
                    yield from ahead.content(span, offset)
                    offset = 0
        finally:
            ahead.close()

    def checker(self) -> Callable[[bytes], None]:
        """Give what is shown every byte in order, and raises if one of them is wrong."""
        check = _Check(self._spans(0))

        def passed(piece: bytes) -> None:
            check(piece)
            self._passed(len(piece))

        return passed

    def _spans(self, offset: int) -> Iterator[Span]:
        """Give what the layer is made of, without what ends at or before an offset."""
        for span in self._all_spans():
            size = len(span) if isinstance(span, bytes) else span.size
            if offset < size:
                yield span
            offset = max(0, offset - size)

    def _all_spans(self) -> Iterator[Span]:
        if self._raw:
            yield self._files[self._entries[-1].name]
            return
        for entry in self._entries:
            yield header(entry)
            if not entry.is_directory:
                yield self._files[entry.name]
                yield bytes(-entry.size % BLOCK)
        yield END


class Repeated:
    """A layer that is sent elsewhere while it is made; it may have to go back, and is checked where it is new.

    What is given a second time is not checked again: whoever takes it compares the digest of all that came first.

    Args:
        streamed: The layer.
    """

    def __init__(self, streamed: Streamed) -> None:
        self._streamed = streamed
        self._check = streamed.checker()
        self._seen = 0

    @property
    def size(self) -> int | None:
        """Bytes in all."""
        return self._streamed.size

    @contextmanager
    def open(self, offset: int = 0) -> Iterator[Fillable]:
        """Make it, from ``offset`` bytes on.

        Raises:
            IntegrityError: If a file is not what its repository lists.
        """
        if not offset:
            self._check, self._seen = self._streamed.checker(), 0
        pieces = self._pieces(offset)
        try:
            yield Pieces(pieces)
        finally:
            pieces.close()

    def _pieces(self, offset: int) -> Generator[bytes]:
        for piece in self._streamed.open(offset):
            if offset <= self._seen < offset + len(piece):
                self._check(piece[self._seen - offset :])
                self._seen = offset + len(piece)
            offset += len(piece)
            yield piece
        if offset != self._streamed.size:
            raise IntegrityError(f"{offset} bytes came, {self._streamed.size} were expected")


class _Ahead:
    """Fetches the small files that come next, while one is being used."""

    def __init__(self, files: Iterator[HubFile], opens: Opens, pool: ThreadPoolExecutor) -> None:
        self._files = files
        self._opens = opens
        self._pool = pool
        self._waiting: deque[tuple[HubFile, Future[bytes] | None]] = deque()

    def content(self, file: HubFile, offset: int) -> Iterator[bytes]:
        """Give the content of the next file from an offset on.

        Raises:
            IntegrityError: If there is more than its size.
        """
        self._look()
        _, future = self._waiting.popleft()
        if future is not None and not offset:
            yield future.result()
            return
        left = file.size - offset
        with self._opens(file, offset) as body:
            for chunk in chunks(body):
                left -= len(chunk)
                if left < 0:
                    raise IntegrityError(f"{file.path}: more than {file.size} bytes came")
                yield chunk

    def close(self) -> None:
        """Give up what is not needed any more."""
        for _, future in self._waiting:
            if future is not None:
                future.cancel()

    def _look(self) -> None:
        """Start the small files up to the next large one: what waits for a large one would only wait in memory."""
        while len(self._waiting) < AHEAD and not (self._waiting and self._waiting[-1][1] is None):
            file = next(self._files, None)
            if file is None:
                return
            self._waiting.append((file, self._pool.submit(self._fetch, file) if file.size <= SMALL else None))

    def _fetch(self, file: HubFile) -> bytes:
        with self._opens(file) as body:
            return file.check(read_bounded(body, limit=file.size, what=file.path))


class _Check:
    """Compares every byte with what it has to be: of headers the bytes themselves, of files their hash."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = iter(spans)
        self._span: Span = b""
        self._hasher: Hasher | GitHasher | None = None
        self._left = 0
        self._at = 0

    def __call__(self, piece: bytes) -> None:
        view = memoryview(piece)
        while view:
            while not self._left:
                self._next()
            taken = view[: self._left]
            self._take(taken)
            view = view[len(taken) :]

    def _next(self) -> None:
        span = next(self._spans, None)
        if span is None:
            raise IntegrityError("more bytes came than were expected")
        self._span, self._at = span, 0
        if isinstance(span, bytes):
            self._hasher, self._left = None, len(span)
        else:
            self._hasher, self._left = Hasher() if span.sha256 else GitHasher(span.size), span.size

    def _take(self, taken: memoryview) -> None:
        self._left -= len(taken)
        if isinstance(self._span, bytes):
            if self._span[self._at : self._at + len(taken)] != taken:
                raise IntegrityError("what an earlier run left is damaged")
            self._at += len(taken)
        elif self._hasher is not None:
            self._hasher.update(taken)
            if not self._left and self._hasher.hex != (self._span.sha256 or self._span.oid):
                raise IntegrityError(
                    f"{self._span.path}: the content does not match the hash that its repository lists"
                )
