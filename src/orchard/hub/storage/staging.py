"""An upload into an object store: bytes gathered to objects, objects noted in rows, a few in flight at any time.

What a request has sent is durable when it is answered, whatever its size: full objects while it comes, and its last
bytes beside the rows, where they wait for the next request to make an object of. A process that dies loses what was
not noted, and the rows say how much that is.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from orchard.errors import ConflictError, IntegrityError, StorageError
from orchard.hub.storage import resumable
from orchard.hub.storage.ledger import Draft, Segment, Step
from orchard.hub.storage.spreading import Allowance
from orchard.oci import Digest

IN_FLIGHT: Final = 2  # objects of one upload that are being put while the next one is gathered
_PART: Final = 4 << 20  # bytes that are read at once


@dataclass(frozen=True, slots=True)
class Sizes:
    """How uploads are cut, and how much memory they get.

    Attributes:
        segment: Bytes of an object: 200 GB are 12,000 of them, and an upload holds three in memory. Of 32 MiB Swift
            takes 15 % more a second.
        tail: Fewer bytes than these are kept beside the rows until more come, or the upload ends.
        enough: Bytes of an object when there is no memory to gather more.
        memory: Bytes that all uploads may gather, and as many that all downloads may read ahead.
    """

    segment: int = 16 << 20
    tail: int = 4 << 20
    enough: int = 1 << 20
    memory: int = 192 << 20


class Site(Protocol):
    """What an upload needs of the store."""

    @property
    def sizes(self) -> Sizes:
        """How uploads are cut."""
        ...

    @property
    def allowance(self) -> Allowance:
        """Memory for gathering."""
        ...

    @property
    def pool(self) -> Executor:
        """Threads that wait for the store."""
        ...

    def put(self, data: bytes, /) -> Segment:
        """Write an object.

        Raises:
            StorageError: If that fails.
        """
        ...

    def get(self, key: str, start: int, stop: int, /) -> bytes:
        """Read some bytes of an object.

        Raises:
            StorageError: If they cannot be read.
        """
        ...

    def drop(self, segments: Sequence[Segment], /) -> None:
        """Erase objects that no row names, if that is possible now."""
        ...


class Rows(Protocol):
    """What an upload needs of the ledger; see ``ledger.Ledger``."""

    def tail(self, session: str, /) -> bytes:
        """Give the bytes that are beside the rows."""
        ...

    def segments(self, owner: str, /) -> Sequence[Segment] | None:
        """Tell which objects make up the upload."""
        ...

    def advance(self, session: str, size: int, step: Step, /) -> None:
        """Change the upload."""
        ...

    def publish(self, session: str, size: int, digest: Digest, /) -> None:
        """Make a blob of it."""
        ...


class _Sent(NamedTuple):
    """An object that is being put."""

    put: "Future[Segment]"
    size: int


class StagedObjects:
    """An upload that one request writes to. Should two, the rows let the first one through."""

    def __init__(self, site: Site, rows: Rows, session: str, *, draft: Draft) -> None:
        self._site = site
        self._rows = rows
        self._session = session
        self._algorithm = draft.algorithm
        self._objects = draft.objects
        self._settled = draft.settled  # bytes in objects
        self._tail = draft.tail  # bytes beside the rows
        self._fetched = False  # whether ``_buffer`` begins with them
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._sending: deque[_Sent] = deque()
        self._allowed = 0
        self._state = draft.state
        self._hashing = self._rehash()
        self._over = False

    @property
    def size(self) -> int:
        """Bytes received so far."""
        waiting = 0 if self._fetched else self._tail
        return self._settled + waiting + sum(sent.size for sent in self._sending) + self._buffered

    def append(self, pieces: Sequence[bytes]) -> None:
        """Add bytes at the end; if that fails, what is left of all is told by ``size``.

        Raises:
            ConflictError: If another process has written to the upload meanwhile.
            StorageError: If the store fails.
        """
        with self._falling_back():
            count = sum(map(len, pieces))
            allowed = self._site.allowance.take(count)
            self._allowed += count if allowed else 0
            for piece in pieces:
                self._buffer.append(piece)
                if self._hashing is not None:
                    self._hashing.update(piece)
            self._buffered += count
            while self._gathered >= self._site.sizes.segment:
                self._send(self._site.sizes.segment)
            if not allowed and self._gathered >= self._site.sizes.enough:
                self._send(self._gathered)
                self._settle()

    def rewind(self, size: int) -> None:
        """Forget all bytes but the first ``size``; none of a blob that was made of them.

        Raises:
            ConflictError: If another process has written to the upload meanwhile.
            StorageError: If the store fails.
        """
        if self._over or size >= self.size:
            return
        with self._falling_back():
            self._settle()
            first = self.size - self._buffered  # where the buffer begins
            if size >= first:
                self._buffer = [b"".join(self._buffer)[: size - first]]
                self._buffered = size - first
            else:
                self._cut(size)
        if self._hashing is None or self._hashing.size != size:
            self._hashing = self._rehash()

    def publish(self, digest: Digest) -> None:
        """Make the upload a blob, durably, if its bytes are those of the digest.

        Raises:
            IntegrityError: If they are not; the upload is as before.
            ConflictError: If another process has written to the upload meanwhile.
            StorageError: If the store fails; likewise.
        """
        known = None
        if self._hashing is not None and self._algorithm == digest.algorithm:
            known = self._hashing.digest
            self._require(known, digest)
        with self._falling_back():
            if self._gathered:
                self._send(self._gathered)
            self._settle()
            if known is None:
                self._require(self._read_again(digest.algorithm), digest)
            self._rows.publish(self._session, self._settled, digest)
        self._over = True

    def close(self) -> None:
        """Let go of the upload; the bytes stay for the next request.

        Raises:
            ConflictError: If another process has written to the upload meanwhile.
            StorageError: If the last of them cannot be written.
        """
        try:
            if not self._over:
                with self._falling_back():
                    self._save()
        finally:
            self._give_back(self._allowed)

    @property
    def _durable(self) -> int:
        return self._settled + self._tail

    @property
    def _gathered(self) -> int:
        """Bytes that are in no object yet, nor on the way to one."""
        return self._buffered + (0 if self._fetched else self._tail)

    def _save(self) -> None:
        """Note all bytes that are not: in an object if they are enough, else beside the rows."""
        if self._gathered >= self._site.sizes.tail:
            self._send(self._gathered)
        self._settle()
        if self._buffered or (self._fetched and self._tail):
            self._note((), b"".join(self._buffer))
            self._buffer, self._buffered, self._fetched = [], 0, False

    def _send(self, size: int) -> None:
        """Put the first bytes that are gathered; wait while too many are on their way."""
        self._fetch()
        data = self._take(size)
        self._sending.append(_Sent(self._site.pool.submit(self._site.put, data), len(data)))
        self._settle(IN_FLIGHT)

    def _take(self, size: int) -> bytes:
        """Give the first bytes that are gathered away."""
        taken: list[bytes] = []
        left = size
        pieces = deque(self._buffer)
        while left and pieces:
            piece = pieces.popleft()
            taken.append(piece[:left])
            if len(piece) > left:
                pieces.appendleft(piece[left:])
            left -= len(taken[-1])
        self._buffer, self._buffered = list(pieces), self._buffered - (size - left)
        return b"".join(taken)

    def _fetch(self) -> None:
        """Put the bytes beside the rows where the others wait."""
        if self._tail and not self._fetched:
            self._buffer.insert(0, self._rows.tail(self._session))
            self._buffered += self._tail
        self._fetched = True

    def _settle(self, left: int = 0) -> None:
        """Wait until at most ``left`` objects are on their way, and note the others.

        Raises:
            ConflictError: If another process has written to the upload meanwhile.
            StorageError: If the store fails.
        """
        done: list[Segment] = []
        try:
            while len(self._sending) > left:
                done.append(self._sending[0].put.result())
                self._sending.popleft()
            if done:
                self._note(done)
        except (StorageError, ConflictError):
            self._site.drop(done)
            raise
        self._give_back(sum(segment.size for segment in done))

    def _note(self, segments: Sequence[Segment], tail: bytes = b"") -> None:
        kept = 0 if self._fetched else self._tail
        settled = self._settled + sum(segment.size for segment in segments)
        state = resumable.state_of(self._hashing, settled + kept + len(tail))
        step = Step(
            keep=self._objects,
            keep_tail=not self._fetched,
            segments=segments,
            settled=settled,
            tail=tail,
            state=state,
        )
        self._rows.advance(self._session, self._durable, step)
        self._objects += len(segments)
        self._settled, self._tail, self._state = settled, kept + len(tail), state

    def _cut(self, size: int) -> None:
        """Forget bytes that are durable already; those of an object of which a part stays wait again."""
        keep = 0
        start = 0
        segments = self._listed()
        while keep < len(segments) and start + segments[keep].size <= size:
            start += segments[keep].size
            keep += 1
        rest = b""
        if size > start:
            partly = keep < len(segments)
            rest = self._site.get(segments[keep].key, 0, size - start) if partly else self._loose(size - start)
        self._rows.advance(self._session, self._durable, Step(keep=keep, settled=start))
        self._objects, self._settled = keep, start
        self._tail, self._fetched = 0, False
        self._buffer, self._buffered = [rest], len(rest)
        self._state = None
        self._site.drop(segments[keep:])

    def _listed(self) -> Sequence[Segment]:
        return self._rows.segments(self._session) or ()

    def _loose(self, size: int) -> bytes:
        return self._rows.tail(self._session)[:size]

    def _rehash(self) -> resumable.Hashing | None:
        """Begin the hash again where that is possible without reading."""
        return resumable.resume(self._state, self.size) if self.size else resumable.begin(self._algorithm)

    def _read_again(self, algorithm: str) -> Digest:
        hashing = resumable.begin(algorithm)
        for segment in self._listed():
            for start in range(0, segment.size, _PART):
                hashing.update(self._site.get(segment.key, start, min(start + _PART, segment.size)))
        return hashing.digest

    def _require(self, found: Digest, wanted: Digest) -> None:
        """Refuse other bytes than those that were promised.

        Raises:
            IntegrityError: If they are others.
        """
        if found != wanted:
            raise IntegrityError(f"{wanted}: the {self.size} bytes received are {found}")

    def _give_back(self, size: int) -> None:
        given = min(size, self._allowed)
        self._allowed -= given
        self._site.allowance.give_back(given)

    @contextmanager
    def _falling_back(self) -> Iterator[None]:
        """If the block fails, be what is durable, nothing else.

        Raises:
            ConflictError: As the block does.
            StorageError: As the block does.
        """
        try:
            yield
        except (StorageError, ConflictError):
            self._fall_back()
            raise

    def _fall_back(self) -> None:
        orphans = []
        for sent in self._sending:
            sent.put.cancel()
            with suppress(StorageError, CancelledError):
                orphans.append(sent.put.result())
        self._sending.clear()
        self._site.drop(orphans)
        self._buffer, self._buffered, self._fetched = [], 0, False
        self._hashing = self._rehash()
        self._give_back(self._allowed)
