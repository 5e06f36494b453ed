"""A wire between a client and a server that counts what goes through it, and can raise an alarm on the way."""

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Self

PIECE = 256 << 10


@dataclass
class Wire:
    """Forwards connections to ``host``. Use it as a context; ``address`` is what to give to the client.

    Attributes:
        host: The server.
        sent: Bytes from the client to the server.
        received: Bytes from the server to the client.
        alarm: Called, once, when ``limit`` bytes have gone in either direction.
        limit: When to raise the alarm.
    """

    host: str
    alarm: Callable[[], None] = lambda: None
    limit: int = 1 << 62
    sent: int = 0
    received: int = 0
    lock: Lock = field(default_factory=Lock)

    def __enter__(self) -> Self:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.ends: list[socket.socket] = []
        self.threads = [Thread(target=self._accept, daemon=True)]
        self.threads[0].start()
        return self

    def __exit__(self, *_raised: object) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for end in self.ends:
            end.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def reset(self) -> None:
        """Count anew, and raise no alarm any more."""
        with self.lock:
            self.sent = self.received = 0
            self.limit = 1 << 62

    def _accept(self) -> None:
        host, _, port = self.host.rpartition(":")
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection((host, int(port)))
                self.ends += [client, server]
                for one, other, outward in ((client, server, True), (server, client, False)):
                    thread = Thread(target=self._pump, args=(one, other), kwargs={"outward": outward}, daemon=True)
                    self.threads.append(thread)
                    thread.start()

    def _pump(self, source: socket.socket, target: socket.socket, *, outward: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE):
                target.sendall(piece)
                self._count(len(piece), outward=outward)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _count(self, size: int, *, outward: bool) -> None:
        with self.lock:
            if outward:
                self.sent += size
            else:
                self.received += size
            rings = max(self.sent, self.received) >= self.limit
            if rings:
                self.limit = 1 << 62
        if rings:
            self.alarm()
