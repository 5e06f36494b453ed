"""The process that makes copies of itself for ``support.quickly``; it is run, with the address where it is asked."""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import selectors
import socket
import sys
import threading
import traceback
from contextlib import suppress
from typing import Final, NoReturn

import coverage

import orchard
from orchard.cli import main

LENGTH: Final = 8  # bytes that say how long a request is
MEASURED: Final = "COVERAGE_PROCESS_CONFIG"

_STREAMS: Final = 3
_LEFT_OUT: Final = ("orchard.hub.", "orchard.deploy.", "orchard.integrations.")


def load() -> None:
    """Load what commands may need."""
    for found in pkgutil.walk_packages(orchard.__path__, "orchard."):
        if not found.name.startswith(_LEFT_OUT):
            importlib.import_module(found.name)
    # What coverage looks up in a thousand modules when it begins is looked up once: else every copy takes 0.1 s.
    rehearsal = coverage.Coverage(data_file=None, config_file=False)
    rehearsal.start()
    rehearsal.stop()
    gc.collect()
    gc.freeze()


class Copier:
    """Makes a copy for whoever connects, and tells its number and how it ended."""

    def __init__(self, address: str) -> None:
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(address)
        self._listening.listen()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ, self._copy)
        self._selector.register(0, selectors.EVENT_READ, sys.exit)  # nobody is there any more

    def serve(self) -> NoReturn:
        os.write(1, b"ready\n")
        while True:
            for key, _ in self._selector.select():
                key.data()

    def _copy(self) -> None:
        connection = self._listening.accept()[0]
        request, streams = _receive(connection)
        pid = os.fork()
        if pid == 0:
            self._selector.close()
            self._listening.close()
            connection.close()
            become(request, streams)
        for stream in streams:
            os.close(stream)
        connection.sendall(b"%d\n" % pid)
        watch = os.pidfd_open(pid)
        self._selector.register(watch, selectors.EVENT_READ, lambda: self._ended(pid, watch, connection))

    def _ended(self, pid: int, watch: int, connection: socket.socket) -> None:
        self._selector.unregister(watch)
        os.close(watch)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with connection, suppress(OSError):  # maybe nobody waits any more
            connection.sendall(b"%d\n" % code)


def _receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    head, streams, _, _ = socket.recv_fds(connection, LENGTH, _STREAMS)
    left = int.from_bytes(head)
    parts: list[bytes] = []
    while left:
        parts.append(connection.recv(left))
        left -= len(parts[-1])
    return b"".join(parts), list(streams)


def become(request: bytes, streams: list[int]) -> NoReturn:
    """Be the program from now on."""
    command, cwd, environ = json.loads(request)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = command
    if environ.get(MEASURED):
        coverage.process_startup(slug="quickly")
    try:
        main()
    except SystemExit as stop:
        end(stop.code if isinstance(stop.code, int) else int(stop.code is not None))
    except BaseException:  # noqa: BLE001 -- as the interpreter does
        traceback.print_exc()
    end(1)


def end(code: int) -> NoReturn:
    """End as the interpreter does, but do not take apart all that was loaded: that would copy most of the memory."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 -- waits for threads
    atexit._run_exitfuncs()  # noqa: SLF001 -- coverage among them
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    load()
    Copier(sys.argv[1]).serve()
