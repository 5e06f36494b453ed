"""Pushing a blob while it is made: it is hashed as it is sent, and named when all of it is there.

A registry needs the digest with the last request only, so nothing has to be stored on this side. Content whose size is
known goes in large chunks, and what the registry did not get of one is made once more. Other content (a compressed
layer) goes in chunks of 16 MiB, each of which stays in memory until the registry has it. A registry that takes no
chunks gets the blob in one piece, whose digest must be known before: then the bytes are made twice, hashed the first
time and sent the second.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Final

from orchard.errors import NotFoundError, OrchardError
from orchard.oci import BLOCK, Descriptor, Fillable, Hasher, Readable, Repeatable, Ring, mediatype
from orchard.remote.chunks import Kept, Part, Supply
from orchard.remote.client import Answer, Request
from orchard.remote.failures import TransientError
from orchard.remote.place import Place
from orchard.remote.session import Session, Sessions, received, takes_one_piece
from orchard.remote.sizes import FLOOR, Sizes

KEPT: Final = 16 * BLOCK  # bytes of a chunk that stays in memory
MOST_KEPT: Final = 40 * BLOCK  # of one that the registry wants larger
AHEAD: Final = 4  # blocks that are read and hashed while such a chunk is sent
SMALL: Final = 4 << 20  # content of fewer bytes is hashed first: the registry may have it already
CREATED: Final = 201
_LOST: Final = frozenset({404, 416})
_TOO_LARGE: Final = 413
_NO_CHUNKS: Final = frozenset({400, 405, 411, _TOO_LARGE, 501})


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
        chunking = place.client.options.chunking
        self._sizes = Sizes(chunking.size, chunking.ceiling, place.client.timing.monotonic)
        self._most = MOST_KEPT if content.size is None else chunking.ceiling

    def run(self, media_type: str) -> Descriptor:
        """Bring the blob there; afterwards the registry has it, complete and verified. Give its name.

        Raises:
            OnePieceError: If the registry takes no chunks; nothing is there then.
            OrchardError: As ``Client.send``, or as making the content raises it.
        """
        with nullcontext() if self._content.size is None else Supply(self._content) as supply:
            while (sent := self._attempt(supply, media_type)) is None:
                continue
        return sent

    def _attempt(self, supply: Supply | None, media_type: str) -> Descriptor | None:
        """Send all of it in one session; nothing if that was lost, and there is a further try."""
        try:
            self._session = self._begin()
            return self._send(supply, media_type)
        except _LostError as error:
            self._backoff.pause(error)
            return None
        finally:
            if self._session is not None:
                self._sessions.cancel(self._session)

    def _begin(self) -> Session:
        session = self._sessions.open()
        if takes_one_piece(session.url) or session.least > self._most:
            self._sessions.cancel(session)
            raise OnePieceError(f"{self._client.host}: takes no chunks")
        return session

    def _send(self, supply: Supply | None, media_type: str) -> Descriptor:
        hasher = self._send_kept() if supply is None else self._send_made(supply)
        descriptor = Descriptor(media_type=media_type, digest=hasher.digest, size=hasher.size)
        self._commit(descriptor)
        self._session = None
        return descriptor

    def _send_made(self, supply: Supply) -> Hasher:
        """Send content of a known size; nothing of it is kept."""
        assert self._session is not None
        assert self._content.size is not None
        while left := self._content.size - self._session.offset:
            self._send_chunk(supply.part(self._session.offset, self._sizes.begin(left, self._session.least)))
        supply.check_end()
        return supply.hasher

    def _send_kept(self) -> Hasher:
        """Send content of which nobody knows how long it gets, each chunk as often as it takes."""
        assert self._session is not None
        limit = max(KEPT, self._session.least)
        hasher = Hasher()
        with self._content.open() as body, Ring(body, hasher, blocks=-(-limit // BLOCK) + AHEAD) as ring:
            blocks = iter(ring)
            while (chunk := Kept(blocks, self._session.offset, limit)).size:
                while chunk.size:
                    self._send_chunk(chunk)
                    chunk.start = self._session.offset
                for block in chunk.blocks:
                    ring.give_back(block)
        return hasher

    def _send_chunk(self, chunk: Part | Kept) -> None:
        """Send a chunk once, and find out how much the registry has; that is where to go on.

        Raises:
            OnePieceError: If the registry does not know what a chunk is.
            TransientError: If there is no further try.
        """
        try:
            answer = self._client.ask_once(self._patch(chunk))
        except TransientError as error:
            self._try_again(chunk, error)
            return
        if answer.status in _LOST:
            self._try_again(chunk, TransientError(f"{self._client.host}: lost its place in an upload"))
        elif answer.status == _TOO_LARGE and self._sizes.refused():
            self._recover(chunk)
        elif answer.status in _NO_CHUNKS or answer.status == CREATED:
            raise OnePieceError(f"{self._client.host}: takes no chunks (PATCH: {answer.status})")
        else:
            self._accept(chunk, answer)

    def _patch(self, chunk: Part | Kept) -> Request:
        assert self._session is not None
        span = f"{chunk.start}-{chunk.start + chunk.size - 1}"
        return Request(
            method="PATCH",
            url=self._session.url,
            scope=self._sessions.scope,
            headers={"Content-Type": mediatype.OCTET_STREAM, "Content-Range": span},
            body=chunk,
            wanted=_LOST | _NO_CHUNKS | {CREATED, 202, 204},
            commits=True,
        )

    def _accept(self, chunk: Part | Kept, answer: Answer) -> None:
        """Take note of what the registry says that it has after a chunk."""
        assert self._session is not None
        has, end = received(answer), chunk.start + chunk.size
        self._settle(chunk, self._sessions.moved(self._session, answer, end if has is None else has))
        if self._session.offset < end:
            self._sizes.broke()
            self._backoff.pause(TransientError(f"{self._client.host}: kept {has} of the {end} bytes sent so far"))
            return
        self._sizes.arrived()
        if end > self._furthest:
            self._furthest = end
            self._backoff.progressed()

    def _try_again(self, chunk: Part | Kept, error: TransientError) -> None:
        """Wait after a failure, if there is a further try, and go on where the registry is."""
        self._sizes.broke()
        self._backoff.pause(error)
        self._recover(chunk)

    def _recover(self, chunk: Part | Kept) -> None:
        """Find out how much of a chunk arrived; if that is a good deal, it counts as progress.

        Raises:
            _LostError: If the registry does not know.
        """
        assert self._session is not None
        found = self._sessions.asked(self._session)
        if found is None:
            raise _LostError(f"{self._client.host}: lost an upload")
        self._settle(chunk, found)
        if found.offset >= self._furthest + FLOOR:
            self._furthest = found.offset
            self._backoff.progressed()

    def _settle(self, chunk: Part | Kept, session: Session) -> None:
        """Go on after what the registry has.

        Raises:
            _LostError: If that is what cannot be sent again, or more than was made; then all begins anew.
        """
        self._session = session
        if session.offset not in chunk.reach:
            has = session.offset
            raise _LostError(f"{self._client.host}: says that it has {has} bytes of an upload, which cannot be")

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


class _Read:
    """A fillable body, to be read in pieces."""

    def __init__(self, body: Fillable) -> None:
        self._body = body

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes."""
        buffer = bytearray(size)
        count = self._body.readinto(memoryview(buffer))
        return bytes(buffer[:count])
