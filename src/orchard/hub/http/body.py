"""Request bodies: read as they come, a bounded part of one in memory at any time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, Self

from orchard.errors import LimitExceededError, RemoteError
from orchard.hub.http.asgi import Receive, Scope
from orchard.hub.http.threads import Threads

# Bytes handed to a thread at once, so a hop costs 0.06 CPU-s a GiB; one batch is written while the next one comes in.
BATCH: Final = 1 << 20
DRAIN: Final = 16 << 20
_DRAIN_SECONDS: Final = 5.0


class Body:
    """The body of one request.

    Attributes:
        length: Its size, if the client says so.
    """

    def __init__(self, receive: Receive, length: int | None, *, timeout: float) -> None:
        self._receive = receive
        self._timeout = timeout
        self._ended = length == 0
        self.length = length

    @classmethod
    def of(cls, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, *, timeout: float) -> Self:
        """Get ready to read the body of a request. One that HTTP/1 does not announce is empty (RFC 9112, 6.3)."""
        value = headers.get(b"content-length", b"")
        if value.isdigit():
            return cls(receive, int(value), timeout=timeout)
        empty = b"transfer-encoding" not in headers and scope["http_version"].startswith("1")
        return cls(receive, 0 if empty else None, timeout=timeout)

    async def read(self, limit: int, what: str) -> bytes:
        """Read a small body whole.

        Raises:
            LimitExceededError: If it is larger than ``limit``.
            RemoteError: If the client went away or stopped sending.
        """
        if self.length is not None and self.length > limit:
            raise LimitExceededError(f"{what}: {self.length} bytes, at most {limit} are accepted")
        parts: list[bytes] = []
        left = limit
        while piece := await self._next():
            left -= len(piece)
            if left < 0:
                raise LimitExceededError(f"{what}: more than {limit} bytes")
            parts.append(piece)
        return b"".join(parts)

    async def pour(self, sink: Callable[[Sequence[bytes]], None], threads: Threads) -> int:
        """Give the body to ``sink`` in a thread, one batch at a time, while the next one is received.

        What was received before a failure is in the sink. Gives the number of bytes.

        Raises:
            RemoteError: If the client went away or stopped sending.
        """
        pending: asyncio.Future[None] | None = None
        total = 0
        try:
            async for batch in self._batches():
                total += sum(map(len, batch))
                if pending is not None:
                    await pending
                pending = threads.start(partial(sink, batch))
        finally:
            if pending is not None:
                await pending
        return total

    async def drain(self) -> None:
        """Throw away what is left of a body, up to a limit: some clients see no answer before they have sent all."""
        if self._ended:
            return
        left = DRAIN
        with suppress(TimeoutError, RemoteError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while left > 0 and (piece := await self._next()):
                    left -= len(piece)

    async def _batches(self) -> AsyncIterator[list[bytes]]:
        """Give the body in batches; before a failure, what came until then.

        Raises:
            RemoteError: If the client went away or stopped sending.
        """
        batch: list[bytes] = []
        size = 0
        try:
            while piece := await self._next():
                batch.append(piece)
                size += len(piece)
                if size >= BATCH:
                    full, batch, size = batch, [], 0
                    yield full
        except RemoteError:
            if batch:
                yield batch
            raise
        if batch:
            yield batch

    async def _next(self) -> bytes:
        """Receive the next bytes, at least one; none at the end.

        Raises:
            RemoteError: If the client went away or stopped sending.
        """
        piece = b""
        while not piece and not self._ended:
            try:
                async with asyncio.timeout(self._timeout):
                    message = await self._receive()
            except TimeoutError:
                self._ended = True
                raise RemoteError(f"no byte of the body came for {self._timeout:g} seconds") from None
            if message["type"] != "http.request":
                self._ended = True
                raise RemoteError("the client went away")
            self._ended = not message.get("more_body", False)
            piece = message.get("body", b"")
        return piece
