"""Pushing one blob: open a session, send it in one piece or in several, recover from whatever breaks.

Follows the OCI distribution spec, "Push"; where registries differ from it, a comment says which one does.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from orchard.errors import IntegrityError, NotFoundError, OrchardError, RemoteError
from orchard.oci import mediatype, wire
from orchard.remote.client import Answer, Request
from orchard.remote.content import Content, Window
from orchard.remote.failures import TransientError
from orchard.remote.place import Place
from orchard.remote.session import Session, Sessions, received, takes_one_piece
from orchard.remote.sizes import FLOOR, Sizes

if TYPE_CHECKING:
    from orchard.remote.unfinished import Note

CREATED: Final = 201
ACCEPTED: Final = 202
TOO_LARGE: Final = 413
LOST: Final = frozenset({404, 416})  # the session is gone, or is not where we think it is


class Upload:
    """One blob on its way to one repository.

    Args:
        place: Where it goes.
        content: Its bytes.
        mount: Repository of the same registry that has it already, if one is known.
    """

    def __init__(self, place: Place, content: Content, mount: str | None = None) -> None:
        self._place = place
        self._client = place.client
        self._content = content
        self._wanted = content.wanted
        self._mount = mount
        self._sessions = Sessions(place)
        self._scope = self._sessions.scope
        self._session: Session | None = None
        self._note: Note | None = None
        self._chunking = place.client.options.chunking
        self._sizes = Sizes(self._chunking.size, self._chunking.ceiling, self._client.timing.monotonic)
        self._furthest = 0
        self._one_piece_refused = False
        self._backoff = place.client.backoff()

    def run(self) -> None:
        """Bring the blob there; afterwards the registry has it, complete and verified.

        Raises:
            IntegrityError: If the source gives other bytes than promised; the registry keeps nothing then.
            OrchardError: As ``Client.send``, or what the source raises.
        """
        self._note = self._place.note(self._wanted)
        try:
            self._go_on(self._resumed() or self._begin())
            while self._session is not None:
                self._go_on(self._try(self._session))
        except BaseException as error:
            self._leave(error)
            raise
        finally:
            if self._note is not None:
                self._note.close()

    def _go_on(self, session: Session | None) -> None:
        """Change the session, and remember it for another run; nothing of one that is over."""
        before, self._session = self._session, session
        if self._note is None:
            return
        if session is None:
            self._note.forget()
        elif before is None or before.url != session.url:
            self._note.write(str(session.url))

    def _leave(self, error: BaseException) -> None:
        """Keep a session for another run to go on with, unless what was sent is wrong or nobody remembers it."""
        if self._session is None or (self._note is not None and not isinstance(error, IntegrityError)):
            return
        self._sessions.cancel(self._session)
        self._go_on(None)

    def _resumed(self) -> Session | None:
        """Go on with the upload that an earlier run left, if the registry still knows it.

        Raises:
            IntegrityError: If the registry has all bytes, and those of the source are not the promised ones.
            OrchardError: If the source cannot be read.
        """
        location = None if self._note is None else self._note.read()
        if location is None:
            return None
        try:
            url = self._sessions.own(self._place.uploads, location)
            answer = self._client.ask(replace(self._status, url=url))
        except OrchardError:
            return None
        offset = received(answer) or 0
        if not 1 < offset <= self._wanted.size or takes_one_piece(url):
            self._sessions.cancel(Session(url))
            return None
        self._content.catch_up(offset)
        return self._sessions.moved(Session(url), answer, offset)

    @property
    def _status(self) -> Request:
        return Request(method="GET", url=self._place.uploads, scope=self._scope, wanted=frozenset({200, 204}))

    def _try(self, session: Session) -> Session | None:
        """Send what is missing; give the session to go on with, or nothing when the blob is there.

        Raises:
            TransientError: If the source failed, or there is no further try.
        """
        try:
            return self._send(session)
        except TransientError as error:
            if self._content.failure is error:
                raise
            self._sizes.broke()
            self._backoff.pause(error)
            return self._recover()

    def _begin(self) -> Session | None:
        """Open a session; nothing if the blob could be mounted instead."""
        if self._mount is not None:
            mounted = self._post({"mount": str(self._wanted.digest), "from": self._mount}, self._mount)
            if mounted is not None:
                return None if mounted.status == CREATED else self._sessions.opened(mounted)
        algorithm = self._wanted.digest.algorithm
        opened = self._post({} if algorithm == "sha256" else {"digest-algorithm": algorithm})
        assert opened is not None
        return self._sessions.opened(opened)

    def _post(self, query: dict[str, str], source: str | None = None) -> Answer | None:
        url = self._place.uploads.asking(query) if query else self._place.uploads
        scope = self._scope if source is None else self._scope.and_pull(source)
        wanted = frozenset({ACCEPTED} if source is None else {CREATED, ACCEPTED})
        try:
            return self._client.ask(Request(method="POST", url=url, scope=scope, wanted=wanted))
        except OrchardError:
            if source is None:
                raise
            return None  # whatever is wrong with mounting, uploading may still work

    def _send(self, session: Session) -> Session | None:
        if self._fits_one_request(session):
            return self._send_whole(session)
        while left := self._wanted.size - session.offset:
            end = session.offset + self._sizes.begin(left, session.least)
            sent = self._send_chunk(session, end)
            if sent is None:
                return None
            session = sent
            self._go_on(session)
            self._judge(session.offset, end)
        return self._finish(session, None)

    def _judge(self, has: int, end: int) -> None:
        """Count a chunk as progress, but one of which the registry kept a part only as a failure."""
        if has == end:
            self._sizes.arrived()
            self._furthest = max(self._furthest, end)
            self._backoff.progressed()
        elif self._sizes.under_way:
            self._sizes.broke()
            self._backoff.pause(TransientError(f"{self._client.host}: kept {has} of the {end} bytes sent so far"))

    def _fits_one_request(self, session: Session) -> bool:
        """Decide whether to send all in one piece."""
        if takes_one_piece(session.url) or self._wanted.size == 0:
            return True
        wants_chunks = self._wanted.size >= self._chunking.threshold or self._one_piece_refused
        return session.offset == 0 and (not wants_chunks or session.least > self._chunking.ceiling)

    def _send_whole(self, session: Session) -> Session | None:
        return self._finish(session, self._content.window(0, self._wanted.size))

    def _finish(self, session: Session, body: Window | None) -> Session | None:
        """Send the last request: with all bytes, or with none if they are there already."""
        url = session.url.asking({"digest": str(self._wanted.digest)})
        headers = {"Content-Type": mediatype.OCTET_STREAM}
        wanted = LOST | {200, CREATED, 204} | ({TOO_LARGE} if body is not None else set())
        request = Request(
            method="PUT", url=url, scope=self._scope, headers=headers, body=body, wanted=wanted, commits=True
        )
        answer = self._client.ask_once(request)
        self._refuse_lost(answer)
        if answer.status == TOO_LARGE:
            return self._in_pieces(session)
        self._place.check_digest(answer, self._wanted.digest)
        return None

    def _in_pieces(self, session: Session) -> Session | None:
        """Start again in chunks, because the blob is too large for one request.

        Raises:
            RemoteError: If chunks are what was refused, or cannot be used.
        """
        if self._one_piece_refused or takes_one_piece(session.url):
            raise RemoteError(f"{self._client.host}: {self._wanted.digest}: {self._wanted.size} bytes are too many")
        self._one_piece_refused = True
        self._sessions.cancel(session)
        return self._begin()

    def _send_chunk(self, session: Session, end: int) -> Session | None:
        """Send the bytes up to ``end``; give where to go on, or nothing if the registry says that it has the blob."""
        headers = {"Content-Type": mediatype.OCTET_STREAM, "Content-Range": f"{session.offset}-{end - 1}"}
        request = Request(
            method="PATCH",
            url=session.url,
            scope=self._scope,
            headers=headers,
            body=self._content.window(session.offset, end),
            wanted=LOST | {CREATED, ACCEPTED, 204, TOO_LARGE},
            commits=True,
        )
        answer = self._client.ask_once(request)
        self._refuse_lost(answer)
        if answer.status == TOO_LARGE:
            return self._in_smaller_pieces(end - session.offset)
        if answer.status == CREATED and wire.DIGEST_HEADER in answer.headers and end == self._wanted.size:
            self._place.check_digest(answer, self._wanted.digest)
            return None
        return self._advanced(session, answer, end)

    def _in_smaller_pieces(self, length: int) -> Session | None:
        """Go on with smaller chunks, because one was too large for somebody on the way.

        Raises:
            RemoteError: If it was a small one.
        """
        if not self._sizes.refused():
            raise RemoteError(
                f"{self._client.host}: {self._wanted.digest}: a chunk of {length} bytes is too large (413)"
            )
        return self._recover()

    def _refuse_lost(self, answer: Answer) -> None:
        if answer.status in LOST:
            raise TransientError(f"{self._client.host}: lost its place in the upload of {self._wanted.digest}")

    def _advanced(self, session: Session, answer: Answer, end: int) -> Session:
        has = received(answer)
        moved = self._sessions.moved(session, answer, end if has is None else has)
        if has is not None and not session.offset < has <= end:
            raise TransientError(f"{self._client.host}: says that it has {has} bytes after {end} were sent")
        return moved

    def _recover(self) -> Session | None:
        """Find out how far the upload got, and go on there; start again if it is lost; nothing if the blob is there."""
        session = self._session
        assert session is not None
        try:
            answer = self._client.ask(replace(self._status, url=session.url))
            offset = received(answer) or 0
        except OrchardError:
            answer, offset = None, -1
        usable = 0 <= offset <= self._content.hashed and not (offset and takes_one_piece(session.url))
        if answer is None or not usable:
            self._sessions.cancel(session)
            return None if self._is_there() else self._begin_anew()
        if offset >= self._furthest + FLOOR:
            self._furthest = offset
            self._backoff.progressed()
        return self._sessions.moved(session, answer, 0 if offset == 1 else offset)

    def _begin_anew(self) -> Session | None:
        self._mount = None
        return self._begin()

    def _is_there(self) -> bool:
        request = self._place.reading("HEAD", "blobs", str(self._wanted.digest))
        try:
            self._client.ask(request)
        except NotFoundError:
            return False
        return True
