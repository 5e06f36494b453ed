"""Reads tables by a process that may do nothing else; here no byte of a dataset is looked at."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Final, Self

import msgspec

from orchard.errors import OrchardError
from orchard.insight.access import RandomAccess
from orchard.insight.datasets import TableInsight
from orchard.insight.insights import Unreadable
from orchard.insight.tables.frames import BYTES, DONE, FAILED, JOB, MOST, READ, Line, unpack_place, until
from orchard.insight.tables.kinds import COUNTED, detect_table
from orchard.insight.tables.worker import Answer, Job

FILE_SECONDS: Final = 60.0
ALL_SECONDS: Final = 300.0
_START: Final = 30.0  # seconds until a process is ready, on a machine that is busy
_GOODBYE: Final = 1.0
_LARGEST: Final = 2 << 20  # bytes of an answer
_MAX_WHY: Final = 1000
_COMMAND: Final = (sys.executable, "-I", "-m", "orchard.insight.tables.worker")
NO_PREVIEW: Final = Unreadable(why="no preview: install orchard[preview]")


def tables_readable() -> bool:
    """Tell whether datasets can be read here: whether the extra ``preview`` is installed, on a system with limits."""
    return sys.platform != "win32" and all(importlib.util.find_spec(name) is not None for name in ("duckdb", "fsspec"))


class TableReader:
    """Reads the datasets of one version, one after the other. Close it, or use it as a context. Safe for threads.

    The process starts with the first file and serves all of them; where one ends it, the next starts another. One that
    has been taken over by a hostile file could lie about the files after it, and about nothing else: so never share a
    reader between versions of different people.

    Args:
        seconds: How long all files together may take; what comes after that is not read.
        for_one: How long one may take.
        counting: Bytes of a text file that are passed over for counting its rows; less where they come from afar.
        now: Seconds that only grow.
    """

    def __init__(
        self,
        *,
        seconds: float = ALL_SECONDS,
        for_one: float = FILE_SECONDS,
        counting: int = COUNTED,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._left = seconds
        self._for_one = for_one
        self._counting = counting
        self._worker: _Worker | None = None
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._worker is not None:
                self._worker.close()
                self._worker = None

    def __call__(self, path: str, source: RandomAccess) -> TableInsight | Unreadable:
        """Read one dataset; whatever its bytes are, the answer comes within a bounded time.

        Args:
            path: Its name tells the format.
            source: Its bytes.

        Raises:
            OrchardError: Only if the source cannot be read.
        """
        kind = detect_table(path)
        if kind is None:
            return Unreadable(why="no preview: not CSV, TSV, JSON Lines or Parquet")
        if not tables_readable():
            return NO_PREVIEW
        job = Job(kind.format, kind.packing, source.size, self._counting)
        with self._lock:
            if self._left <= 0:
                return Unreadable(
                    why="no preview: the datasets before it took all the time that there is for a version"
                )
            start = self._now()
            try:
                return self._look(job, source)
            finally:
                self._left -= self._now() - start

    def _look(self, job: Job, source: RandomAccess) -> TableInsight | Unreadable:
        try:
            if self._worker is None:
                self._worker = _Worker(until(_START, self._now))
            found = self._worker.look(job, source, until(min(self._for_one, self._left), self._now))
        except (OSError, msgspec.DecodeError) as error:
            self._end()
            slow = isinstance(error, TimeoutError)
            return Unreadable(why="it takes longer than a preview may" if slow else "its reader gave up on it")
        except BaseException:
            self._end()
            raise
        if found.table is not None:
            return found.table
        return NO_PREVIEW if found.missing else Unreadable(why=found.why[:_MAX_WHY])

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker = None


class _Worker:
    """The process, and the line to it."""

    def __init__(self, left: Callable[[], float]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 -- ourselves
                _COMMAND,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"MALLOC_ARENA_MAX": "1"},  # nothing of ours, above all no secret
                cwd="/",
                start_new_session=True,
            )
        self._socket = ours
        self._line = Line(ours, limit=_LARGEST, left=left)
        try:
            self._ready = self._answer(self._line.receive())
        except BaseException:
            self.kill()
            raise

    def look(self, job: Job, source: RandomAccess, left: Callable[[], float]) -> Answer:
        """Have a file looked at, and give the bytes that this takes.

        Raises:
            OSError: If the process has ended, talks nonsense or takes too long.
            OrchardError: As the source raises it.
        """
        if self._ready.missing:
            return self._ready
        self._line.left = left
        self._line.send(JOB, msgspec.json.encode(job))
        failure: OrchardError | None = None
        while True:
            kind, body = self._line.receive()
            if kind != READ:
                break
            try:
                data = _read(source, *unpack_place(body))
            except OrchardError as error:
                failure = error
                self._line.send(FAILED)
            else:
                self._line.send(BYTES, data)
        if failure is not None:
            raise failure
        return self._answer((kind, body))

    def close(self) -> None:
        """Let it end: it does when nobody is at the other side."""
        self._socket.close()
        try:
            self._process.wait(_GOODBYE)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, with whatever it started."""
        self._socket.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @staticmethod
    def _answer(message: tuple[bytes, bytes]) -> Answer:
        kind, body = message
        if kind != DONE:
            raise ConnectionError("it has ended")
        return msgspec.json.decode(body, type=Answer)


def _read(source: RandomAccess, offset: int, size: int) -> bytes:
    if size > MOST or offset + size > source.size:
        raise OSError("asks for what is not there")
    return source.read_at(offset, size)
