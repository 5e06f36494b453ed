"""The process that reads tables: ``python -I -m orchard.insight.tables.worker``, with a socket as its standard input.

Files come from strangers and DuckDB is a million lines of C++, so this process is given nothing to lose. It has no
environment, opens no file and no connection (no descriptor is left for one), writes nothing, and has an end of memory
and of processor time. All it can do is ask for bytes of the file at hand, and answer.
"""

import codecs
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Final

import msgspec

from orchard.errors import OrchardError, StorageError, UnsupportedError
from orchard.insight.datasets import Packing, TableFormat, TableInsight
from orchard.insight.tables.frames import BYTES, DONE, JOB, MOST, READ, Line, pack_place
from orchard.insight.tables.kinds import COUNTED, TableKind

if TYPE_CHECKING:
    from orchard.insight.tables.looking import Limited

MEMORY: Final = 1536 << 20  # bytes of address space; libraries and threads reserve 700 MiB of it and use 90
SECONDS: Final = 20  # of processor time for a file
NOFILES: Final = 3  # the socket and two ends of nothing: whatever is opened would be the fourth
_AGAIN: Final = 0.5  # seconds; what goes on nevertheless is stopped again
_LONGEST: Final = 64 << 10  # bytes of a job


class Job(msgspec.Struct, frozen=True):
    """A file to look at; not even its name comes here.

    Attributes:
        format: How its rows are written.
        packing: The compression around them.
        size: Bytes of it.
        counting: Bytes of text that are passed over for counting rows.
    """

    format: TableFormat
    packing: Packing
    size: int
    counting: int = COUNTED


class Answer(msgspec.Struct, frozen=True):
    """What was found.

    Attributes:
        table: The dataset.
        why: Why there is none.
        missing: Whether that is because a library is not installed.
    """

    table: TableInsight | None = None
    why: str = ""
    missing: bool = False


class Asked:
    """The file at hand, as an ``insight.RandomAccess``: every read is a question.

    Args:
        line: Whom to ask.
        size: Bytes of the file.
    """

    def __init__(self, line: Line, size: int) -> None:
        self._line = line
        self.size = size

    def read_at(self, offset: int, size: int, /) -> bytes:
        """Ask for exactly these bytes.

        Raises:
            StorageError: If they cannot be had.
        """
        parts: list[bytes] = []
        while size:
            piece = min(size, MOST)
            self._line.send(READ, pack_place(offset, piece))
            kind, body = self._line.receive()
            if kind != BYTES or len(body) != piece:
                raise StorageError("the file cannot be read")
            parts.append(body)
            offset += piece
            size -= piece
        return parts[0] if len(parts) == 1 else b"".join(parts)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Give a block some seconds of processor time, a running statement of DuckDB included. For the main thread only.

    Raises:
        LimitExceededError: If it takes longer.
    """
    before = signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, seconds, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _too_long(_number: int, _frame: object) -> None:
    from orchard.errors import LimitExceededError  # noqa: PLC0415 -- only then

    raise LimitExceededError("it takes longer than a preview may")


def answer(line: Line, job: Job, *, forbid: Callable[[], object], limited: "Limited" = limited) -> Answer:
    """Look at one file.

    Args:
        line: Where its bytes come from.
        job: Which one.
        forbid: Called before the first byte of it is read.
        limited: Ends what takes too long.
    """
    # Not at the top: may not be installed.
    from orchard.insight.tables.database import Database  # noqa: PLC0415
    from orchard.insight.tables.looking import look  # noqa: PLC0415

    try:
        database = Database()
        forbid()
        kind, file = TableKind(job.format, job.packing), Asked(line, job.size)
        return Answer(table=look(kind, file, database, limited=limited, counting=job.counting))
    except OrchardError as error:
        return Answer(why=str(error))
    except MemoryError:
        return Answer(why="it takes more memory than a preview is given")
    except RecursionError:
        return Answer(why="it is nested too deeply")


def serve(line: Line, run: Callable[[Job], str]) -> None:
    """Look at one file after the other, until nobody wants more.

    Args:
        line: Where they come from.
        run: Looks at one and answers; gives the reason where it could not answer.
    """
    while True:
        kind, body = line.receive()
        if kind != JOB:
            return
        failed = run(msgspec.json.decode(body, type=Job))
        if failed:
            line.send(DONE, msgspec.json.encode(Answer(why=failed)))


def look_apart(line: Line, job: Job) -> str:
    """Look at a file in a process forked for it: what one file breaks, the next one does not meet."""
    child = os.fork()
    if not child:
        try:
            line.send(DONE, msgspec.json.encode(answer(line, job, forbid=forbid_files)))
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if not status:
        return ""
    code = os.waitstatus_to_exitcode(status)
    return _ENDS.get(-code, "its reader gave up on it")


_ENDS: Final[dict[int, str]] = {
    signal.SIGXCPU: "it takes longer than a preview may",
    signal.SIGSEGV: "its reader crashed on it",
}


def forbid_files() -> None:
    """Leave the process nothing but memory, time and the line."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))  # first SIGXCPU, then SIGKILL
    resource.setrlimit(resource.RLIMIT_NOFILE, (NOFILES, NOFILES))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))  # no process and no thread more; does not bind root


def load_all() -> None:
    """Load what every file needs, once, and take away what none needs.

    Raises:
        UnsupportedError: If DuckDB is not installed.
    """
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        import_module("orchard.insight.tables.looking")
    except ModuleNotFoundError as error:
        raise UnsupportedError(f"{error.name} is not installed") from error
    for encoding in ("latin-1", "utf-16", "utf-8-sig"):
        codecs.lookup(encoding)


def main() -> None:
    """Run until the other side ends."""
    line = Line(socket.socket(fileno=0), limit=_LONGEST + MOST)
    try:
        load_all()
    except UnsupportedError as error:
        line.send(DONE, msgspec.json.encode(Answer(why=str(error), missing=True)))
        return
    line.send(DONE, msgspec.json.encode(Answer()))
    serve(line, lambda job: look_apart(line, job))


if __name__ == "__main__":
    main()
