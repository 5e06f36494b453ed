"""A terminal for a program to run on: it sees bars and colours there, and may ask questions."""

import fcntl
import os
import pty
import select
import subprocess
import termios
from collections.abc import Mapping

from support.cli import PATIENCE, Program, Ran


def watch(program: Program, *arguments: str) -> Ran:
    """Run a program with a terminal as its stderr, and give what was seen there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [program.path, *arguments], env=_variables(program), stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    seen = _converse(ours, {})
    return Ran(arguments, process.wait(PATIENCE), "", seen)


def talk(program: Program, answers: Mapping[str, str], *arguments: str) -> Ran:
    """Run a program on a terminal of its own, and answer its questions; what was seen is its stdout."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [program.path, *arguments],
        env=_variables(program),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 -- one system call, no lock
    )
    os.close(theirs)
    seen = _converse(ours, dict(answers))
    return Ran(arguments, process.wait(PATIENCE), seen, "")


def _variables(program: Program) -> dict[str, str]:
    return {**program.variables, "TERM": program.environ.get("TERM", "xterm")}


def _converse(terminal: int, answers: dict[str, str]) -> str:
    """Read until the other end is closed; answer each question once, when it has been asked."""
    seen = ""
    while select.select([terminal], [], [], PATIENCE)[0]:
        try:
            seen += os.read(terminal, 65536).decode()
        except OSError:  # how Linux says that the other end is closed
            break
        for question in [question for question in answers if seen.endswith(question)]:
            os.write(terminal, answers.pop(question).encode() + b"\n")
    os.close(terminal)
    assert not answers, seen
    return seen.replace("\r\n", "\n")
