"""The real program, run as people run it: a process of its own, with a home of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import IO, Any, Self

from support import quickly
from support.schemas import check_run

PROGRAMS = Path(sys.executable).parent
ORCHARD = PROGRAMS / "orchard"
PATIENCE = 60.0  # seconds that one command may take
ERROR = "[ERROR] "
ESCAPE = "\x1b"

Word = str | Path


@dataclass(frozen=True)
class Ran:
    """One run that has ended."""

    command: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:  # noqa: ANN401 -- whatever JSON the command gives
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()

    @property
    def complaint(self) -> str:
        """The line that says what failed; a list of problems may be indented below it, and nothing else may follow."""
        before, *errors = re.split(rf"^{re.escape(ERROR)}", self.stderr, flags=re.MULTILINE)
        assert len(errors) == 1, self
        assert "Traceback" not in before, self
        first, *problems = errors[0].removesuffix("\n").split("\n")
        assert all(line.startswith("  ") for line in problems), self
        assert all(0 < len(line) < 700 for line in (first, *problems)), self
        return "\n".join((first, *problems))

    def __str__(self) -> str:
        return f"{' '.join(self.command)}\nexit code {self.code}\n--- stdout\n{self.stdout}--- stderr\n{self.stderr}"

    __repr__ = __str__


@dataclass(frozen=True)
class Program:
    """A program with its home directory and, where a test needs them, more variables."""

    home: Path
    path: Path = ORCHARD
    environ: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()

    def __call__(
        self, *arguments: Word, stdin: str = "", cwd: Path | None = None, before: Callable[[], None] | None = None
    ) -> Ran:
        """Run it to its end, whatever that is."""
        command, environ = self._command(arguments), self.variables
        if self.path.parent == PROGRAMS and before is None and not self.prefix and quickly.suits(environ):
            done = quickly.run(command, stdin=stdin, cwd=cwd, environ=environ, patience=PATIENCE)
        else:
            done = subprocess.run(
                command,
                input=stdin,
                cwd=cwd,
                env=environ,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
                preexec_fn=before,
            )
        if self.path.parent == PROGRAMS:  # ours: KitOps' own knows no schemas
            check_run([*map(str, arguments)], done.stdout, done.stderr)
        return Ran(tuple(command), done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: Word, stdin: str = "", cwd: Path | None = None) -> Ran:
        """Run it and assert that it worked."""
        ran = self(*arguments, stdin=stdin, cwd=cwd)
        assert ran.code == 0, ran
        return ran

    def start(self, *arguments: Word, output: IO[bytes] | int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
        """Start it and leave it running."""
        return subprocess.Popen(
            self._command(arguments), env=self.variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )

    def digest(self, *arguments: Word) -> str:
        """Run a command that ends with a digest, and give it."""
        digest = self.ok(*arguments, "--output", "json").document["digest"]
        assert isinstance(digest, str)
        return digest

    @property
    def variables(self) -> dict[str, str]:
        return {**os.environ, "ORCHARD_HOME": str(self.home), **self.environ}

    def _command(self, arguments: tuple[Word, ...]) -> list[str]:
        return [*self.prefix, str(self.path), *map(str, arguments)]


class HubProgram:
    """A hub as people start it: `orchard hub`, in a process that can be killed and started again in its place."""

    def __init__(self, directory: Path, *flags: str, environ: Mapping[str, str] | None = None) -> None:
        self.data = directory / "data"
        self.host = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._log = directory / "log"
        self._flags = flags
        self._program = Program(directory, environ=environ or {})

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self.process is not None:
            self.end(signal.SIGTERM)

    def start(self) -> None:
        """Start it, at its old address if it had one, and wait until it listens."""
        port = self.host.rpartition(":")[2] or "0"
        with self._log.open("wb") as log:
            self.process = self._program.start("hub", "--data", self.data, "--port", port, *self._flags, output=log)
        until = time.monotonic() + PATIENCE
        while (found := re.search(r"listening on http://(\S+)", self._log.read_text())) is None:
            assert time.monotonic() < until, self._log.read_text()
            assert self.process.poll() is None, self._log.read_text()
            Event().wait(0.01)
        self.host = found[1]

    def end(self, number: signal.Signals) -> int:
        """Send it a signal and give what it ended with."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self.process = None
        return code

    @property
    def received(self) -> int:
        """Bytes that the hub keeps at this moment, finished or not."""
        total = 0
        for path in self.data.rglob("*"):
            with suppress(FileNotFoundError):  # renamed since
                total += path.stat().st_size
        return total
