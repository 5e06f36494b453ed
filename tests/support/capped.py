"""A registry to read from that gives each connection so many bytes a second and no more.

nginx's ``limit_rate`` is no stand-in: it counts anew with each request, so that small ranges are not limited at all.
``python -m support.capped PATH RATE`` runs one as a process and prints its host.
"""

import os
import re
import sys
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Self

TICK = 0.01  # seconds between two portions


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the base class's
        """Say nothing."""

    def setup(self) -> None:
        super().setup()
        self.due = time.monotonic()
        self.server.capped.note(1)

    def finish(self) -> None:
        super().finish()
        self.server.capped.note(-1)

    def do_HEAD(self) -> None:
        self._head(200, self._file().stat().st_size)

    def do_GET(self) -> None:
        capped = self.server.capped
        size = self._file().stat().st_size
        capped.ranges.append(self.headers.get("Range"))
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, end = (int(found[1]), int(found[2] or size - 1) + 1) if found else (0, size)
        end = min(end, size)
        if found and found[2] and capped.refuses:
            self.send_response(capped.refuses)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        partial = found is not None and capped.gives_ranges
        start, end = (start, end) if partial else (0, size)
        self.send_response(206 if partial else 200)
        self.send_header("Content-Length", str(end - start))
        if partial:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.end_headers()
        cut = partial and capped.takes_cut()
        try:
            self._pour(start, end - (end - start) // 2 if cut else end)
            self.close_connection = self.close_connection or cut
        except OSError:
            self.close_connection = True

    def _head(self, status: int, length: int, content_range: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if "/manifests/" in self.path:
            self.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        self.wfile.flush()

    def _file(self) -> Path:
        path = self.server.capped.path
        return path / "blobs/sha256" / self.path.rpartition(":")[2] if path.is_dir() else path

    def _pour(self, start: int, end: int) -> None:
        rate = self.server.capped.rate
        pause = Event()
        with self._file().open("rb") as file:
            while start < end:
                wait = self.due - time.monotonic()
                if wait > 0:
                    pause.wait(wait)
                portion = end - start if rate is None else min(end - start, max(1, int(rate * TICK)))
                sent = os.sendfile(self.connection.fileno(), file.fileno(), start, portion)
                start += sent
                if rate is not None:
                    self.due = max(self.due, time.monotonic() - TICK) + sent / rate


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    capped: "CappedServer"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that give up are part of the tests."""


@dataclass
class CappedServer:
    """The server; use it as a context.

    Attributes:
        path: The one blob that it gives, whatever is asked for; or a layout, whose content it gives by digest.
        rate: Bytes a second for each connection; no limit if not given.
        gives_ranges: Whether it answers 206 where a range is asked for, or gives the whole.
        refuses: Status with which it refuses ranges that have an end, if it does.
        cuts: How many of the next ranges end in the middle.
        ranges: What was asked for.
        most: Connections there were at once.
    """

    path: Path
    rate: int | None = None
    gives_ranges: bool = True
    refuses: int = 0
    cuts: int = 0
    ranges: list[str | None] = field(default_factory=list)
    most: int = 0
    open: int = 0
    lock: Lock = field(default_factory=Lock)

    def __enter__(self) -> Self:
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.capped = self
        self.thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.002}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"

    def takes_cut(self) -> bool:
        with self.lock:
            cut = self.cuts > 0
            self.cuts -= cut
            return cut

    def note(self, change: int) -> None:
        with self.lock:
            self.open += change
            self.most = max(self.most, self.open)


if __name__ == "__main__":
    with CappedServer(Path(sys.argv[1]), int(sys.argv[2]) or None) as running:
        sys.stdout.write(f"{running.host}\n")
        sys.stdout.flush()
        sys.stdin.read()
