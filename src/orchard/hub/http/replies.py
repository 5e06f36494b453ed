"""Answers: made by handlers as values, sent in one place."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from orchard.hub.http.asgi import Headers, Message, Receive, Send
from orchard.hub.http.threads import Threads
from orchard.hub.registry import Content

_END: Final = b""

Run = Callable[[Callable[[], Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client gets.

    Attributes:
        status: HTTP status.
        headers: Headers; ``content-length`` among them.
        body: The body, if it is in memory.
        content: Where the bytes of the body are, if they are not.
        part: Which of its bytes; all of a file if absent.
        sip: Bytes that are sent at once; as many as are read if 0.
        begun: The first piece of them and what gives the others, once that is known to be readable.
    """

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    content: Content | None = None
    part: range | None = None
    sip: int = 0
    begun: tuple[bytes, Generator[bytes]] | None = None

    async def begin(self, threads: Threads) -> "Reply":
        """Read the first piece of a body that does not leave by itself, while an error can still be answered.

        Raises:
            NotFoundError: If it is not there.
            StorageError: If it cannot be read.
        """
        if self.content is None or self.part is None:
            return self
        pieces = self.content.read(self.part.start, self.part.stop)
        return replace(self, begun=(await self.run(threads)(lambda: next(pieces, _END)), pieces))

    def run(self, threads: Threads) -> Run:
        """Choose the threads that read the body: what is no file of this machine is waited for elsewhere."""
        near = self.content is None or self.content.file is not None
        return threads.run if near else threads.wait


def reply(status: int, headers: Headers | None = None, body: bytes = b"") -> Reply:
    """Answer from memory."""
    return Reply(status, [*(headers or ()), (b"content-length", b"%d" % len(body))], body)


async def departure(receive: Receive) -> None:
    """Wait until the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_reply(answer: Reply, receive: Receive, send: Send, *, head: bool, threads: Threads) -> None:
    """Send an answer; to a HEAD request its headers only."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    content = answer.content
    if head or content is None:
        await send({"type": "http.response.body", "body": b"" if head else answer.body})
    elif answer.part is None:
        # The server sends the file itself, without the interpreter, and waits for a thread for every 128 KiB of it.
        await send({"type": "http.response.pathsend", "path": str(content.file)})
    else:
        assert answer.begun is not None, "an answer in pieces is begun before it is sent"
        sending = send if not answer.sip else _in_sips(send, answer.sip)
        await _send_pieces(answer.begun, len(answer.part), answer.run(threads), receive=receive, send=sending)


def _in_sips(send: Send, size: int) -> Send:
    """Send parts of a body a little at a time: the server keeps some twenty of them for each client."""

    async def sending(message: Message) -> None:
        piece: bytes = message["body"]
        for start in range(0, len(piece), size):
            more = message["more_body"] or start + size < len(piece)
            await send({**message, "body": piece[start : start + size], "more_body": more})

    return sending


async def _send_pieces(
    begun: tuple[bytes, Generator[bytes]], left: int, run: Run, *, receive: Receive, send: Send
) -> None:
    """Send some bytes, and stop when the client goes away: sending to nobody raises nothing."""
    gone = asyncio.ensure_future(departure(receive))
    piece, pieces = begun
    try:
        while piece and not gone.done():
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
            piece = await run(lambda: next(pieces, _END)) if left else _END
    finally:
        gone.cancel()
        await run(pieces.close)
