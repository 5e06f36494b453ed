"""Pages that show what goes on: the hub tells a browser when there is something new to fetch (server-sent events).

A region of a page says where it is told (``<div id="progress" data-live="/live/…" data-seen="…">``); ``app.js`` listens
there, fetches the page again when it hears ``changed``, and puts the region of the same id in the place of the old
one. ``ended`` is the last that it hears. Without a script, or where too many listen already, the page is a page.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from orchard.errors import OrchardError
from orchard.hub.access import Kind, Principal
from orchard.hub.http.asgi import Message, Receive, Scope, Send
from orchard.hub.http.pages.answers import SAFE
from orchard.hub.http.replies import departure
from orchard.hub.http.watched import ENDPOINT

MOST: Final = 64  # that listen at once, on a whole hub
EACH: Final = 8  # likewise, of one account, or of one address of those without one
_RETRY: Final = 30  # seconds
_MARK: Final = 200  # characters
# Proxies are neither to keep it, nor to gather or pack it until it is worth sending.
_HEADERS: Final = {**SAFE, "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class State:
    """How far something has come.

    Attributes:
        mark: Another one whenever the page would say something else.
        ended: Whether nothing more is to come.
    """

    mark: str
    ended: bool = False

    @property
    def line(self) -> str:
        """The mark as it can stand in an event."""
        return _line(self.mark)


@dataclass(frozen=True, slots=True)
class Stream:
    """Where a region of a page is told that it has changed.

    Attributes:
        path: Its address, as that of a ``Door``. By custom it begins with ``/live/``.
        look: Tells how far it is. Runs in a thread, about once a second for each listener, so it must be cheap; it
            raises an ``OrchardError`` where somebody may not know, or may no longer.
    """

    path: str
    look: Callable[[Request, Principal], State]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often is looked, in seconds.

    Attributes:
        first: Between two looks, when something has just changed.
        most: Likewise, when nothing has for long.
        heartbeat: After which a listener hears something, whatever happens.
        whole: After which it is sent away, and comes again if it still wants to know.
    """

    first: float = 0.7
    most: float = 5.0
    heartbeat: float = 15.0
    whole: float = 600.0


@dataclass(slots=True)
class Live:
    """All who listen to one hub.

    Attributes:
        pace: How often is looked.
        most: How many may listen at once.
        each: How many of them for one account.
    """

    pace: Pace = field(default_factory=Pace)
    most: int = MOST
    each: int = EACH
    _listening: Counter[str] = field(default_factory=Counter)
    _leaving: set[asyncio.Event] = field(default_factory=set)
    _closed: bool = False

    def close(self) -> None:
        """Send everybody away, and let nobody in again: the hub ends, and must not wait for them."""
        self._closed = True
        for leaving in self._leaving:
            leaving.set()

    def route(self, stream: Stream, refuse: Callable[[Request, OrchardError], Response]) -> Route:
        """Make the place where is listened to something.

        Args:
            stream: To what.
            refuse: Answers whoever may not.
        """
        return Route(stream.path, _Endpoint(self, stream, refuse), methods=["GET"], name=stream.path)

    @contextmanager
    def listening(self, who: str) -> Iterator[asyncio.Event | None]:
        """Let somebody listen, if there is room; the event says that they must go."""
        if self._closed or self._listening.total() >= self.most or self._listening[who] >= self.each:
            yield None
            return
        leaving = asyncio.Event()
        self._leaving.add(leaving)
        self._listening[who] += 1
        try:
            yield leaving
        finally:
            self._leaving.remove(leaving)
            self._listening -= Counter({who: 1})


class _Endpoint:
    """What answers at one address, as an application: a listener counts until it has gone."""

    def __init__(self, live: Live, stream: Stream, refuse: Callable[[Request, OrchardError], Response]) -> None:
        self._live = live
        self._stream = stream
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope[ENDPOINT] = "live"  # whose seconds say nothing of how long pages take
        request = Request(scope)
        with self._live.listening(_account(request)) as leaving:
            if leaving is None:
                response: Response = PlainTextResponse(
                    "too many are listening\n", 503, {**SAFE, "Retry-After": str(_RETRY)}
                )
                await response(scope, receive, send)
                return
            try:
                state = await run_in_threadpool(self._look, request)
            except OrchardError as error:
                response = await run_in_threadpool(self._refuse, request, error)
                await response(scope, receive, send)
                return
            listener = _Listener(send, self._live.pace, _seen(request))
            await listener.begin(over=scope["method"] == "HEAD")
            if scope["method"] != "HEAD":
                await self._tell(listener, request, state, receive=receive, leaving=leaving)

    def _look(self, request: Request) -> State:
        """Look how far it is, for whoever asks: if they are still who they were.

        Raises:
            OrchardError: If they may not know.
        """
        again: Callable[[], Principal] | None = getattr(request.state, "again", None)
        return self._stream.look(request, request.state.who if again is None else again())

    async def _tell(
        self, listener: "_Listener", request: Request, state: State, *, receive: Receive, leaving: asyncio.Event
    ) -> None:
        """Tell what changes until it has ended, or the listener has gone, must go, or may listen no more."""
        gone, going = asyncio.ensure_future(departure(receive)), asyncio.ensure_future(leaving.wait())
        try:
            while await listener.hear(state):
                await asyncio.wait({gone, going}, timeout=listener.pause, return_when=asyncio.FIRST_COMPLETED)
                if gone.done() or going.done() or listener.tired:
                    return
                try:
                    state = await run_in_threadpool(self._look, request)
                except OrchardError:  # the listener comes again, and is told why not
                    return
        finally:
            gone.cancel()
            going.cancel()
            await listener.end()


class _Listener:
    """Somebody who listens."""

    def __init__(self, send: Send, pace: Pace, seen: str | None) -> None:
        self._send = send
        self._pace = pace
        self._seen = seen
        self._started = self._spoken = monotonic()
        self.pause = pace.first

    @property
    def tired(self) -> bool:
        """Whether it has listened for long enough."""
        return monotonic() - self._started >= self._pace.whole

    async def begin(self, *, over: bool) -> None:
        """Begin to speak, or only say how that would be."""
        headers = {**_HEADERS, "Content-Type": "text/event-stream; charset=utf-8"}
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": raw})
        await self._send(_piece("" if over else ": hello\n\n", more=not over))

    async def hear(self, state: State) -> bool:
        """Tell what is new, and whether there is more to come."""
        changed = state.line != self._seen
        self.pause = self._pace.first if changed else min(self.pause * 1.3, self._pace.most)
        if changed:
            self._seen = state.line
            await self._say(f"id: {state.line}\nevent: changed\ndata:\n\n")
        elif monotonic() - self._spoken >= self._pace.heartbeat:
            await self._say(": still here\n\n")
        if state.ended:
            await self._say(f"id: {state.line}\nevent: ended\ndata:\n\n")
        return not state.ended

    async def end(self) -> None:
        """Say nothing more."""
        await self._send(_piece("", more=False))

    async def _say(self, text: str) -> None:
        self._spoken = monotonic()
        await self._send(_piece(text, more=True))


def _piece(text: str, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": text.encode(), "more_body": more}


def _account(request: Request) -> str:
    """Name whoever listens, so that nobody takes the room of all."""
    who: Principal = request.state.who
    if who.kind is not Kind.ANONYMOUS:
        return f"account {who.name}"
    return f"address {request.client.host if request.client is not None else 'unknown'}"


def _seen(request: Request) -> str | None:
    """Tell what a listener knows already: what it heard last, else what its page said."""
    known = request.headers.get("last-event-id") or request.query_params.get("seen")
    return None if known is None else _line(known)


def _line(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())[:_MARK]
