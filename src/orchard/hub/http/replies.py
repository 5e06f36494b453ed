"""Answers: made by handlers as values, sent in one place."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from orchard.hub.http.asgi import Headers, Receive, Send
from orchard.hub.http.threads import Threads
from orchard.hub.registry import Content

_END: Final = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client gets.

    Attributes:
        status: HTTP status.
        headers: Headers; ``content-length`` among them.
        body: The body, if it is in memory.
        content: Where the bytes of the body are, if they are not.
        part: Which of its bytes; all of a file if absent.
    """

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    content: Content | None = None
    part: range | None = None


def reply(status: int, headers: Headers | None = None, body: bytes = b"") -> Reply:
    """Answer from memory."""
    return Reply(status, [*(headers or ()), (b"content-length", b"%d" % len(body))], body)


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_reply(answer: Reply, receive: Receive, send: Send, *, head: bool, threads: Threads) -> None:
    """Send an answer; to a HEAD request its headers only."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    content = answer.content
    if head or content is None:
        await send({"type": "http.response.body", "body": b"" if head else answer.body})
    elif answer.part is None and content.file is not None:
        # The server sends the file itself, without the interpreter: 0.50 CPU-s/GiB where pieces cost 0.59 and more.
        await send({"type": "http.response.pathsend", "path": str(content.file)})
    else:
        assert answer.part is not None, "only a file is sent whole without being told how long it is"
        await _send_part(content, answer.part, threads, receive=receive, send=send)


async def _send_part(content: Content, part: range, threads: Threads, *, receive: Receive, send: Send) -> None:
    """Send some bytes, and stop when the client goes away: sending to nobody raises nothing."""
    gone = asyncio.ensure_future(_departure(receive))
    left = len(part)
    pieces = content.read(part.start, part.stop)
    try:
        while left and (piece := await threads.run(lambda: next(pieces, _END))) and not gone.done():
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
    finally:
        gone.cancel()
        await threads.run(pieces.close)
