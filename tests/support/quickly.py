"""Runs of the command line that begin quickly: a process that has loaded all of it makes copies of itself.

Loading costs more than most commands do, and twice as much where coverage is measured. A copy has everything of its own
that a process has: number, arguments, environment, directory, streams, signals, end. What is about loading, about a
terminal or about limits of a process is run as people run it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from atexit import register
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Final

from support.copier import LENGTH, MEASURED

_STALE: Final = ("PYTHON", "LC_", "LANG", "COVERAGE_")  # what a copy cannot take on any more

_running: list["Quick"] = []
_lock: Final = Lock()


def suits(environ: Mapping[str, str]) -> bool:
    """Tell whether a copy can do with this environment."""
    return all(
        environ.get(name) == os.environ.get(name) or name == MEASURED
        for name in environ.keys() | os.environ.keys()
        if name.startswith(_STALE)
    )


def run(
    command: Sequence[str], *, stdin: str, cwd: Path | None, environ: Mapping[str, str], patience: float
) -> "subprocess.CompletedProcess[str]":
    """Do what ``subprocess.run`` does with a command of ours."""
    with _lock:
        if not _running:
            _running.append(Quick())
            register(_running[0].end)
    return _running[0].run(command, stdin=stdin, cwd=cwd, environ=environ, patience=patience)


class Quick:
    """The process that makes copies of itself, and the way to it."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="quick")
        self._address = str(Path(self._directory.name, "socket"))
        # A copy that is measured begins to be when it is made: what loading covers is covered without it.
        environ = {name: value for name, value in os.environ.items() if name != MEASURED}
        command = [sys.executable, str(Path(__file__).with_name("copier.py")), self._address]
        self._process = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()
        self._directory.cleanup()

    def run(
        self, command: Sequence[str], *, stdin: str, cwd: Path | None, environ: Mapping[str, str], patience: float
    ) -> "subprocess.CompletedProcess[str]":
        request = json.dumps([list(command), str(cwd or Path.cwd()), dict(environ)]).encode()
        streams = [os.memfd_create(name) for name in ("stdin", "stdout", "stderr")]
        try:
            os.pwrite(streams[0], stdin.encode(), 0)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(patience)
                connection.connect(self._address)
                socket.send_fds(connection, [len(request).to_bytes(LENGTH)], streams)
                connection.sendall(request)
                code = self._wait(connection, command, patience)
            out, err = (_text(stream) for stream in streams[1:])
        finally:
            for stream in streams:
                os.close(stream)
        return subprocess.CompletedProcess(list(command), code, out, err)

    @staticmethod
    def _wait(connection: socket.socket, command: Sequence[str], patience: float) -> int:
        with connection.makefile("r") as answers:
            pid = int(answers.readline())
            try:
                return int(answers.readline())
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(command), patience) from None


def _text(stream: int) -> str:
    size = os.fstat(stream).st_size
    return os.pread(stream, size, 0).decode().replace("\r\n", "\n").replace("\r", "\n")
