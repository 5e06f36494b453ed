"""Credential helper programs: ``docker-credential-<name> get|store|erase``, a line protocol over stdin and stdout."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Final

from orchard.errors import InvalidError, StorageError
from orchard.oci import dumps, loads

MAX_OUTPUT: Final = 1 << 20  # bytes that a helper may print
TIMEOUT: Final = 60.0  # seconds; some ask the user for a passphrase

_NAME: Final = re.compile(r"[a-z0-9-]+")  # it becomes part of a program's name (security notes 5.4)
_NOT_FOUND: Final = b"credentials not found"  # the message of docker-credential-helpers, on stdout with status 1


@dataclass(frozen=True, slots=True)
class Secret:
    """What a helper keeps for a server."""

    username: str
    value: str = field(repr=False)


class HelperProgram:
    """One helper program, started anew for each question, without a shell.

    Args:
        name: What follows ``docker-credential-``.
        environ: Environment of the program; its ``PATH`` is where it is looked for.
        timeout: Seconds after which it is ended.

    Raises:
        StorageError: If the name is not made of ``a-z``, ``0-9`` and ``-``.
    """

    def __init__(self, name: str, environ: Mapping[str, str], timeout: float = TIMEOUT) -> None:
        if _NAME.fullmatch(name) is None:
            raise StorageError(f"credential helper {name[:64]!r}: the name may hold a-z, 0-9 and - only")
        self._program = f"docker-credential-{name}"
        self._environ = dict(environ)
        self._timeout = timeout

    def get(self, server: str) -> Secret | None:
        """Ask for a secret; ``None`` if the helper has none or is not installed on this machine.

        A missing program is no error, because public repositories need none of it; where a login is needed, the
        registry will say so.

        Raises:
            StorageError: If it fails otherwise.
        """
        if self._path() is None:
            return None
        status, output = self._run("get", server.encode())
        if status != 0 and _NOT_FOUND in output.lower():
            return None
        value = self._document(status, output)
        username, secret = value.get("Username"), value.get("Secret")
        if not isinstance(username, str) or not isinstance(secret, str):
            raise StorageError(f"{self._program}: gave no user name and secret for {server}")
        return Secret(username, secret) if secret else None

    def store(self, server: str, username: str, secret: str) -> None:
        """Hand over a secret.

        Raises:
            StorageError: If the helper is missing or fails.
        """
        document = {"ServerURL": server, "Username": username or "<token>", "Secret": secret}
        self._succeed("store", dumps(document))

    def erase(self, server: str) -> None:
        """Let the helper forget a secret.

        Raises:
            StorageError: If the helper is missing or fails.
        """
        self._succeed("erase", server.encode())

    def _succeed(self, action: str, data: bytes) -> None:
        if self._path() is None:
            raise StorageError(f"{self._program} is not installed; install it or remove it from the credential file")
        status, _ = self._run(action, data)
        if status != 0:
            raise StorageError(f"{self._program} {action} failed with status {status}")

    def _document(self, status: int, output: bytes) -> dict[str, object]:
        try:
            value = loads(output, what=self._program, limit=MAX_OUTPUT) if status == 0 else None
        except InvalidError as error:
            raise StorageError(f"{self._program} gave no usable answer") from error
        if not isinstance(value, dict):
            raise StorageError(f"{self._program} get failed with status {status}")
        return {**value}

    def _path(self) -> str | None:
        return shutil.which(self._program, path=self._environ.get("PATH"))

    def _run(self, action: str, data: bytes) -> tuple[int, bytes]:
        """Run the program once; what it prints is bounded, and so is the time it takes.

        Raises:
            StorageError: If it cannot be started, prints too much or does not end.
        """
        try:
            process = subprocess.Popen(  # noqa: S603 -- a fixed prefix and a checked name, no shell
                [self._path() or self._program, action],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environ,
            )
        except OSError as error:
            raise StorageError(f"{self._program}: {error.strerror}") from error
        output: list[bytes] = []
        talk = Thread(target=_talk, args=(process, data, output), daemon=True)
        talk.start()
        talk.join(self._timeout)
        printed = sum(map(len, output))
        if talk.is_alive() or printed > MAX_OUTPUT:
            process.kill()
        try:
            status = process.wait(self._timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        if printed > MAX_OUTPUT:
            raise StorageError(f"{self._program} {action} printed more than {MAX_OUTPUT} bytes")
        if status < 0:
            raise StorageError(f"{self._program} {action} did not end within {self._timeout:.0f} s")
        return status, b"".join(output)


def _talk(process: "subprocess.Popen[bytes]", data: bytes, output: list[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdout as stdout:
        with suppress(BrokenPipeError), process.stdin as stdin:  # a helper need not read
            stdin.write(data)
        output.append(stdout.read(MAX_OUTPUT + 1))
