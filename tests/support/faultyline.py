"""A line to a server that can be broken: TCP passed on by a thread for each direction, as the test wants it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread


@dataclass
class Line:
    """A line to a server.

    Attributes:
        port: Where it begins, on loopback.
        down: Whether nobody is let through, and all who are have been cut off.
        up_limit: Bytes that a connection takes towards the server before it breaks.
        down_limit: Bytes that a connection gives before it breaks.
        broken: How many connections have been broken by a limit.
    """

    port: int = 0
    down: bool = False
    up_limit: int | None = None
    down_limit: int | None = None
    broken: int = 0
    _open: set[socket.socket] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def cut(self) -> None:
        """Break every connection, and let nobody through."""
        self.down = True
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Be a line again."""
        self.down, self.up_limit, self.down_limit = False, None, None

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def carry(self, client: socket.socket, target: tuple[str, int]) -> None:
        """Pass on what two sockets say to each other."""
        if self.down:
            client.close()
            return
        server = socket.create_connection(target)
        with self._lock:
            self._open |= {client, server}
        back = Thread(target=self._pump, args=(server, client, False), daemon=True)
        back.start()
        self._pump(client, server, True)  # noqa: FBT003 -- upwards
        back.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pump(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:  # noqa: FBT001 -- two threads, two directions
        seen = 0
        with suppress(OSError):
            while data := source.recv(1 << 16):
                limit = self.up_limit if upwards else self.down_limit
                seen += len(data)
                if limit is not None and seen > limit:
                    sink.sendall(data[: max(0, len(data) - (seen - limit))])
                    self.broken += 1
                    break
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def faulty_line(target: tuple[str, int]) -> Iterator[Line]:
    """Lay a line to a server."""
    line, ended = Line(), Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        line.port = int(listener.getsockname()[1])

        def accept() -> None:
            while not ended.is_set():
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                Thread(target=line.carry, args=(client, target), daemon=True).start()

        thread = Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield line
        finally:
            ended.set()
            line.cut()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
