"""Answers: made by handlers as values, sent in one place."""

import asyncio
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from orchard.hub.http.asgi import Headers, Receive, Send
from orchard.hub.http.threads import Threads

_PIECE: Final = 1 << 20  # bytes of a range read at once: one hop each


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client gets.

    Attributes:
        status: HTTP status.
        headers: Headers; ``content-length`` among them.
        body: The body, if it is in memory.
        file: The file whose bytes are the body, if it is not.
        part: Which bytes of the file; all if absent.
    """

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    file: Path | None = None
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
    if head or answer.file is None:
        await send({"type": "http.response.body", "body": b"" if head else answer.body})
    elif answer.part is None:
        # The server sends the file itself, without the interpreter: 0.50 CPU-s/GiB where pieces cost 0.59 and more.
        await send({"type": "http.response.pathsend", "path": str(answer.file)})
    else:
        await _send_part(answer.file, answer.part, threads, receive=receive, send=send)


async def _send_part(path: Path, part: range, threads: Threads, *, receive: Receive, send: Send) -> None:
    """Send a part of a file, and stop when the client goes away: sending to nobody raises nothing."""
    handle = await threads.run(lambda: os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    gone = asyncio.ensure_future(_departure(receive))
    try:
        for start in range(part.start, part.stop, _PIECE):
            size = min(_PIECE, part.stop - start)
            piece = await threads.run(partial(os.pread, handle, size, start))
            if gone.done() or len(piece) < size:
                return
            await send({"type": "http.response.body", "body": piece, "more_body": start + size < part.stop})
    finally:
        gone.cancel()
        os.close(handle)
