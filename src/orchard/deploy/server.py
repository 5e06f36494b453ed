"""One development server a home: its process, its lock, its log.

    dev/server.lock     locked by the process of the engine as long as it lives
    dev/server.json     where it listens and what it serves
    dev/server.log      what the engine says
    dev/model/          a model that was unpacked to be served; gone with the server

The engine inherits the lock, so it tells the truth about whether the engine lives, whatever became of the command that
started it; a process number alone may belong to somebody else by now.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event
from typing import Final

import msgspec

from orchard.deploy.engines import Wanted, start_command
from orchard.deploy.models import ServedModel
from orchard.deploy.place import Place
from orchard.errors import ConflictError, NotFoundError, OrchardError, StorageError
from orchard.oci import convert, dumps, loads

_GRACE: Final = 10.0  # seconds that an engine gets to end by itself
_POLL: Final = 0.05
_ASK: Final = 2.0  # seconds for one answer
_HEALTH: Final = "/health"
_HEALTHY: Final = 200
_LAST: Final = 12  # lines of the log that an error shows
_TAIL: Final = 16 << 10  # bytes
_MAX_STATE: Final = 64 << 10


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A server that runs.

    Attributes:
        pid: Its process, which leads a group of its own.
        engine: What runs the model.
        model: The model's file.
        name: What clients call the model.
        source: What was asked for: a directory or a reference.
        url: Where its page and its API are.
    """

    pid: int
    engine: str
    model: str
    name: str
    source: str
    url: str


class DevServer:
    """The development server of a home.

    Args:
        directory: Where its files are; made when it starts.
        sleep: Waits for some seconds.
        now: Seconds that only grow.
    """

    def __init__(
        self,
        directory: Path,
        *,
        sleep: Callable[[float], object] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._state = directory / "server.json"
        self._log = directory / "server.log"
        self._lock = directory / "server.lock"
        self._sleep = Event().wait if sleep is None else sleep
        self._now = now

    @contextmanager
    def claim(self) -> Iterator["Claim"]:
        """Keep other servers of this home from starting while the block runs; give what one can be started with.

        Raises:
            ConflictError: If a server runs.
            StorageError: If the directory cannot be written.
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StorageError(f"{self._directory}: cannot be written: {error.strerror}") from error
        try:
            if not _take(lock):
                running = self._read()
                where = f" at {running.url}, serving {running.source}" if running else ""
                raise ConflictError(f"a development server runs already{where}; end it with: orchard dev stop")
            self._forget()
            try:
                yield Claim(self, lock)
            except BaseException:
                self._forget()
                raise
        finally:
            os.close(lock)

    def running(self) -> Running | None:
        """Give the server that runs, if one does.

        Raises:
            StorageError: If its state cannot be read.
        """
        return self._read() if self._is_locked() else None

    def stop(self) -> Running:
        """End the server, and remove the model that was unpacked for it.

        Raises:
            NotFoundError: If none runs.
            OrchardError: If it does not end.
        """
        running = self.running()
        if running is None:
            self._forget()
            raise NotFoundError("no running server found; start one with: orchard dev start")
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(running.pid, number)
            until = self._now() + _GRACE
            while self._is_locked() and self._now() < until:
                self._sleep(_POLL)
            if not self._is_locked():
                self._forget()
                return running
        raise OrchardError(f"the server (process {running.pid}) does not end")

    def log(self, *, follow: bool) -> Iterator[str]:
        """Give what the engine has said and, if wanted, what it says until it ends, in pieces.

        Raises:
            NotFoundError: If no server has run.
            StorageError: If the log cannot be read.
        """
        try:
            with self._log.open(encoding="utf-8", errors="replace") as file:
                alive = True
                while alive:
                    alive = follow and self._is_locked()  # before reading, so that nothing it said last is missed
                    yield from iter(partial(file.read, _TAIL), "")
                    self._sleep(_POLL if alive else 0)
        except FileNotFoundError as error:
            raise NotFoundError("no server has run yet; start one with: orchard dev start") from error
        except OSError as error:
            raise StorageError(f"{self._log}: cannot be read: {error.strerror}") from error

    def launch(self, command: list[str], lock: int, *, environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start the process of an engine, which holds the lock from now on.

        Raises:
            StorageError: If it cannot be started.
        """
        try:
            with self._log.open("wb") as log:
                return subprocess.Popen(  # noqa: S603 -- an engine of ours, or the llama-server of the user's PATH
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._directory,
                    env=dict(environ),
                    pass_fds=(lock,),
                    start_new_session=True,
                )
        except OSError as error:
            raise StorageError(f"{command[0]}: cannot be started: {error.strerror}") from error

    def wait(self, process: "subprocess.Popen[bytes]", place: Place, patience: float) -> None:
        """Wait until the server says that it is well.

        Raises:
            OrchardError: If it ends before, or takes too long; it is ended then.
        """
        until = self._now() + patience
        while process.poll() is None:
            if _is_healthy(place):
                return
            if self._now() >= until:
                _end(process)
                raise OrchardError(f"the server was not ready after {patience:g} s; it said:\n{self._last_words()}")
            self._sleep(_POLL)
        raise OrchardError(f"the server ended at once; it said:\n{self._last_words()}")

    def record(self, running: Running) -> None:
        """Write down what runs.

        Raises:
            StorageError: If that cannot be written.
        """
        fresh = self._state.with_suffix(".new")
        try:
            fresh.write_bytes(dumps(msgspec.to_builtins(running)))
            fresh.replace(self._state)
        except OSError as error:
            raise StorageError(f"{self._state}: cannot be written: {error.strerror}") from error

    @property
    def model_directory(self) -> Path:
        """Where a model is unpacked to be served."""
        return self._directory / "model"

    def _is_locked(self) -> bool:
        try:
            lock = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            return not _take(lock)
        finally:
            os.close(lock)

    def _read(self) -> Running | None:
        try:
            raw = self._state.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"{self._state}: cannot be read: {error.strerror}") from error
        return convert(loads(raw, what=str(self._state), limit=_MAX_STATE), Running, what=str(self._state))

    def _forget(self) -> None:
        self._state.unlink(missing_ok=True)
        shutil.rmtree(self.model_directory, ignore_errors=True)

    def _last_words(self) -> str:
        with suppress(OSError), self._log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            lines = file.read(_TAIL).decode("utf-8", "replace").splitlines()
            return "\n".join(f"  {line[:300]}" for line in lines[-_LAST:])
        return "  nothing"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to start the server of a home.

    Attributes:
        server: The server.
        lock: Descriptor of its lock, held.
    """

    server: DevServer
    lock: int

    @property
    def model_directory(self) -> Path:
        """Where to unpack a model to be served; it does not exist yet, and is removed when the server ends."""
        return self.server.model_directory

    def start(
        self,
        model: ServedModel,
        place: Place,
        *,
        source: str,
        wanted: Wanted,
        environ: Mapping[str, str],
    ) -> Running:
        """Start an engine for a model, and come back when it answers.

        Args:
            model: What to serve.
            place: Where.
            source: What was asked for, for people.
            wanted: How.
            environ: The environment of the engine.

        Raises:
            UnsupportedError: If the engine is not installed.
            UsageError: If the engine does not run such a model.
            OrchardError: If it does not come up; the error has its last words.
        """
        name, command = start_command(model, place, wanted, environ=environ)
        process = self.server.launch(command, self.lock, environ=environ)
        try:
            running = Running(
                pid=process.pid, engine=name, model=str(model.path), name=model.name, source=source, url=place.url
            )
            self.server.record(running)
            self.server.wait(process, place, wanted.patience)
        except BaseException:
            _end(process)
            raise
        return running


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _is_healthy(place: Place) -> bool:
    host = place.url.removeprefix("http://").rpartition(":")[0].strip("[]")
    connection = HTTPConnection(host, place.port, timeout=_ASK)
    try:
        connection.request("GET", _HEALTH)
        return connection.getresponse().status == _HEALTHY
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
