"""Pushing a blob while it is made: it is hashed as it is sent, and named when all of it is there.

A registry needs the digest with the last request only, so nothing has to be stored on this side. The bytes go in
chunks of 16 MiB, each of which stays in memory until the registry has it; when the registry loses more than that, they
are made once more. A registry that takes no chunks gets the blob in one piece, whose digest must be known before: then
the bytes are made twice, hashed the first time and sent the second.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from orchard.errors import ConflictError, NotFoundError, OrchardError
from orchard.oci import BLOCK, Descriptor, Fillable, Hasher, Readable, Repeatable, Ring, mediatype
from orchard.remote.client import Answer, Request
from orchard.remote.failures import TransientError
from orchard.remote.place import Place
from orchard.remote.session import Session, Sessions, received, takes_one_piece

CHUNK_BLOCKS: Final = 16  # blocks of a chunk
MOST_BLOCKS: Final = 40  # of a chunk that the registry wants larger
AHEAD: Final = 4  # blocks that are read and hashed before they are sent
SMALL: Final = 4 << 20  # content of fewer bytes is hashed first: the registry may have it already
CREATED: Final = 201
_LOST: Final = frozenset({404, 416})
_LONGER: Final = "the content became longer while it was sent"
_NO_CHUNKS: Final = frozenset({400, 405, 411, 413, 501})


class OnePieceError(OrchardError):
    """The registry wants the blob in one piece, with its digest."""


def stream_made(place: Place, content: Repeatable, media_type: str) -> Descriptor | None:
    """Send content whose digest is not known yet, and give its name; nothing if it has to be known before.

    Raises:
        OrchardError: As ``Client.send``, or as making the content raises it.
    """
    if content.size is not None and content.size <= SMALL:
        return None
    try:
        return _Streaming(place, content).run(media_type)
    except OnePieceError:
        return None


def hashed(content: Repeatable, media_type: str) -> Descriptor:
    """Make content only to learn its name.

    Raises:
        OrchardError: As making it raises it.
    """
    hasher = Hasher()
    with content.open() as body, Ring(body, hasher, blocks=2) as ring:
        for block in ring:
            ring.give_back(block)
    return Descriptor(media_type=media_type, digest=hasher.digest, size=hasher.size)


class Made:
    """Content that is made, as a source of one blob."""

    def __init__(self, content: Repeatable) -> None:
        self._content = content

    @contextmanager
    def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:  # noqa: ARG002 -- a Source
        """Make the content, from ``offset`` bytes on.

        Raises:
            OrchardError: As making it raises it.
        """
        with self._content.open(offset) as body:
            yield _Read(body)


class _Streaming:
    """One blob on its way to one repository.

    Args:
        place: Where it goes.
        content: How to make its bytes.
    """

    def __init__(self, place: Place, content: Repeatable) -> None:
        self._place = place
        self._client = place.client
        self._sessions = Sessions(place)
        self._content = content
        self._session: Session | None = None
        self._furthest = 0
        self._backoff = place.client.backoff()

    def run(self, media_type: str) -> Descriptor:
        """Bring the blob there; afterwards the registry has it, complete and verified. Give its name.

        Raises:
            OnePieceError: If the registry takes no chunks; nothing is there then.
            OrchardError: As ``Client.send``, or as making the content raises it.
        """
        while True:
            try:
                self._session = self._begin()
                return self._send(media_type)
            except _LostError as error:
                self._backoff.pause(error)
            finally:
                if self._session is not None:
                    self._sessions.cancel(self._session)

    def _begin(self) -> Session:
        session = self._sessions.open()
        if takes_one_piece(session.url) or session.least > MOST_BLOCKS * BLOCK:
            self._sessions.cancel(session)
            raise OnePieceError(f"{self._client.host}: takes no chunks")
        return session

    def _send(self, media_type: str) -> Descriptor:
        assert self._session is not None
        limit = max(CHUNK_BLOCKS, -(-self._session.least // BLOCK))
        hasher, left = Hasher(), self._content.size
        with self._content.open() as body, Ring(body, hasher, blocks=limit + AHEAD) as ring:
            blocks, sent = iter(ring), 0
            while True:
                chunk = _Chunk(blocks, sent, limit * BLOCK if left is None else min(limit * BLOCK, left))
                if left is None:
                    chunk.gather()
                if not chunk.length:
                    break
                self._send_chunk(chunk)
                sent += chunk.length
                left = None if left is None else left - chunk.length
                for block in chunk.blocks:
                    ring.give_back(block)
            if next(blocks, None) is not None:
                raise ConflictError(_LONGER)
        descriptor = Descriptor(media_type=media_type, digest=hasher.digest, size=hasher.size)
        self._commit(descriptor)
        self._session = None
        return descriptor

    def _send_chunk(self, chunk: "_Chunk") -> None:
        """Send a chunk, as often as it takes until the registry has all of it."""
        while chunk.size:
            assert self._session is not None
            try:
                answer = self._client.ask_once(self._patch(self._session, chunk))
            except TransientError as error:
                self._backoff.pause(error)
                self._recover(chunk)
                continue
            self._accept(chunk, answer)

    def _patch(self, session: Session, chunk: "_Chunk") -> Request:
        span = f"{chunk.start + chunk.offset}-{chunk.start + chunk.length - 1}"
        return Request(
            method="PATCH",
            url=session.url,
            scope=self._sessions.scope,
            headers={"Content-Type": mediatype.OCTET_STREAM, "Content-Range": span},
            body=chunk,
            wanted=_LOST | _NO_CHUNKS | {CREATED, 202, 204},
            commits=True,
        )

    def _accept(self, chunk: "_Chunk", answer: Answer) -> None:
        """Take note of what became of a chunk.

        Raises:
            OnePieceError: If the registry does not know what a chunk is.
            TransientError: If it has lost or refused the upload, and there is no further try.
        """
        assert self._session is not None
        if answer.status in _LOST:
            self._backoff.pause(TransientError(f"{self._client.host}: lost its place in an upload"))
            self._recover(chunk)
            return
        if answer.status in _NO_CHUNKS or answer.status == CREATED:
            raise OnePieceError(f"{self._client.host}: takes no chunks (PATCH: {answer.status})")
        has = received(answer)
        end = chunk.start + chunk.length
        self._session = self._sessions.moved(self._session, answer, end if has is None else has)
        self._settle(chunk, self._session.offset)
        if chunk.size:
            self._backoff.pause(TransientError(f"{self._client.host}: kept {has} of the {end} bytes sent so far"))
        elif end > self._furthest:
            self._furthest = end
            self._backoff.progressed()

    def _recover(self, chunk: "_Chunk") -> None:
        """Find out how much of a chunk arrived.

        Raises:
            _LostError: If the registry does not know.
        """
        assert self._session is not None
        found = self._sessions.asked(self._session)
        if found is None:
            raise _LostError(f"{self._client.host}: lost an upload")
        self._session = found
        self._settle(chunk, found.offset)

    def _settle(self, chunk: "_Chunk", has: int) -> None:
        """Go on after what the registry has.

        Raises:
            _LostError: If it has less than before this chunk, or more than was made; then all begins anew.
        """
        if not chunk.start <= has <= chunk.start + chunk.taken:
            raise _LostError(f"{self._client.host}: says that it has {has} bytes of an upload, which cannot be")
        chunk.offset = has - chunk.start

    def _commit(self, descriptor: Descriptor) -> None:
        """Name the blob.

        Raises:
            _LostError: If the upload is lost, and the blob is not there.
        """
        assert self._session is not None
        url = self._session.url.asking({"digest": str(descriptor.digest)})
        headers = {"Content-Type": mediatype.OCTET_STREAM}
        wanted = _LOST | {200, CREATED, 204}
        request = Request(
            method="PUT", url=url, scope=self._sessions.scope, headers=headers, wanted=wanted, commits=True
        )
        try:
            answer = self._client.ask_once(request)
        except TransientError as error:
            self._recommit(descriptor, error)
            return
        if answer.status not in _LOST:
            self._place.check_digest(answer, descriptor.digest)
        elif not self._is_there(descriptor):
            raise _LostError(f"{self._client.host}: lost an upload when it was complete")

    def _recommit(self, descriptor: Descriptor, error: TransientError) -> None:
        """Find out whether a blob was named although nobody said so; if not, name it once more.

        Raises:
            _LostError: If the upload is lost.
        """
        assert self._session is not None
        self._backoff.pause(error)
        if self._is_there(descriptor):
            return
        found = self._sessions.asked(self._session)
        if found is None or found.offset != descriptor.size:
            raise _LostError(f"{self._client.host}: lost an upload when it was complete") from error
        self._session = found
        self._commit(descriptor)

    def _is_there(self, content: Descriptor) -> bool:
        try:
            self._client.ask(self._place.reading("HEAD", "blobs", str(content.digest)))
        except NotFoundError:
            return False
        return True


class _LostError(TransientError):
    """All of the blob has to be sent again."""


class _Chunk:
    """A part of the content as the body of a request; what was made of it stays until the registry has it.

    Attributes:
        start: Where in the content it begins.
        length: Bytes of it.
        blocks: What was made of it so far.
        offset: Bytes of it that the registry has.
        taken: Bytes of ``blocks``.
    """

    def __init__(self, source: Iterator[memoryview], start: int, length: int) -> None:
        self._source = source
        self.start = start
        self.length = length
        self.blocks: list[memoryview] = []
        self.offset = 0
        self.taken = 0

    @property
    def size(self) -> int:
        """Bytes that are to be sent."""
        return self.length - self.offset

    def gather(self) -> None:
        """Make all of it now, because nobody knows how long it gets."""
        while self.taken < self.length and self._take():
            pass
        self.length = self.taken

    @contextmanager
    def open(self) -> Iterator[Iterator[bytes]]:
        """Give the bytes that are to be sent; those that were made already, then those that still have to be."""
        yield self._pieces()

    def _pieces(self) -> Iterator[bytes]:
        number, skip = 0, self.offset
        while number < len(self.blocks) or (self.taken < self.length and self._must_take()):
            block = self.blocks[number]
            number += 1
            if skip < len(block):
                yield block[skip:]  # type: ignore[misc]  # sockets take any buffer, and a copy would cost
            skip = max(0, skip - len(block))

    def _must_take(self) -> bool:
        if not self._take():
            raise ConflictError("the content became shorter while it was sent")
        return True

    def _take(self) -> bool:
        """Make one more block.

        Raises:
            ConflictError: If it is longer than the content was said to be.
        """
        block = next(self._source, None)
        if block is None:
            return False
        self.blocks.append(block)
        self.taken += len(block)
        if self.taken > self.length:
            raise ConflictError(_LONGER)
        return True


class _Read:
    """A fillable body, to be read in pieces."""

    def __init__(self, body: Fillable) -> None:
        self._body = body

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes."""
        buffer = bytearray(size)
        count = self._body.readinto(memoryview(buffer))
        return bytes(buffer[:count])
