"""The printer: the only place that writes to the terminal.

Results go to stdout and depend on nothing but the result. Everything else (notes, warnings, errors, progress) goes to
stderr and obeys ``--log-level``, ``--progress`` and ``NO_COLOR``.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

if TYPE_CHECKING:
    from orchard.oci import JSON  # importing it costs more than the whole of `orchard version`

UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP: Final = 1024


class Level(IntEnum):
    """How much is said on stderr."""

    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4


_PAINTS: Final = {"head": "1", "good": "32", "bad": "31", "hunk": "36"}
_COLOURS: Final = {Level.DEBUG: "34", Level.WARN: "93", Level.ERROR: "31"}


class Printer(NamedTuple):
    """Writes results, notes and errors.

    Attributes:
        stdout: Where results go.
        stderr: Where everything else goes.
        level: The least important level that is still written.
        as_json: Whether results are JSON documents.
        quiet: Whether only names are written where a result has one.
        as_kit: Whether the program was called ``kit``.
        notes_on_stdout: Whether notes go to stdout, where scripts written for ``kit`` look for them.
        colour: Whether levels are coloured.
    """

    stdout: TextIO
    stderr: TextIO
    level: Level = Level.INFO
    as_json: bool = False
    colour: bool = False
    quiet: bool = False
    as_kit: bool = False
    notes_on_stdout: bool = False

    def result(self, text: str, value: "JSON", *, brief: str | None = None) -> None:
        """Write a result.

        Args:
            text: For people; nothing is written where it is empty.
            value: For ``--output json``.
            brief: For ``--quiet``: the names alone, one a line; the text if there are none.
        """
        if self.as_json:
            self.document(value)
            return
        if self.quiet and brief is not None:
            text = brief
        if text:
            print(text, file=self.stdout)

    def document(self, value: "JSON") -> None:
        """Write one JSON document, whatever the output format."""
        print(json.dumps(value, indent=2, ensure_ascii=False), file=self.stdout)

    def raw(self, data: bytes) -> None:
        """Write bytes that are a result of their own."""
        self.stdout.flush()
        self.stdout.buffer.write(data)

    def note(self, text: str) -> None:
        """Say what is going on."""
        self._say(Level.INFO, text, self.stdout if self.notes_on_stdout and not self.as_json else self.stderr)

    def aside(self, text: str) -> None:
        """Say something by the way: on stderr, whatever the program is called."""
        self._say(Level.INFO, text, self.stderr)

    def debug(self, text: str) -> None:
        """Say what only somebody who looks for a fault wants to know."""
        self._say(Level.DEBUG, text, self.stderr)

    def warn(self, text: str) -> None:
        """Say what may be wrong."""
        self._say(Level.WARN, text, self.stderr)

    def announce(self, text: str) -> None:
        """Say on stderr what must be seen whatever the level: an address, a password that is shown once."""
        print(printable(text), file=self.stderr, flush=True)

    def error(self, text: str, *, kind: str, code: int) -> None:
        """Say what failed; one JSON object a line with ``--output json``."""
        if self.as_json:
            problem = {"error": {"kind": kind, "message": text, "exitCode": code}}
            print(json.dumps(problem, ensure_ascii=False), file=self.stderr)
            return
        self._say(Level.ERROR, text, self.stderr)

    def _say(self, level: Level, text: str, stream: TextIO) -> None:
        if level < self.level:
            return
        label = "" if level is Level.INFO and self.level is Level.INFO else f"[{level.name}] "
        colour = _COLOURS.get(level) if self.colour and label else None
        shown = f"\x1b[{colour}m{label}\x1b[0m" if colour else label
        stream.write(f"{shown}{printable(text)}\n")  # in one piece: several threads may speak at once


def make_printer(environ: Mapping[str, str], *, level: Level, as_json: bool, quiet: bool, as_kit: bool) -> Printer:
    """Make the printer of a command, for the terminal it runs in."""
    colour = sys.stderr.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return Printer(sys.stdout, sys.stderr, level=level, as_json=as_json, colour=colour, quiet=quiet, as_kit=as_kit)


def painter(stream: TextIO, environ: Mapping[str, str]) -> Callable[[str, str], str]:
    """Give what makes a line fit to be shown: control characters escaped; coloured by its style on a terminal."""
    if not stream.isatty() or environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return lambda text, _: printable(text)
    return lambda text, style: f"\x1b[{_PAINTS[style]}m{printable(text)}\x1b[0m" if style else printable(text)


def printable(text: str) -> str:
    """Escape control characters, so that a name from outside cannot drive the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def format_size(size: int) -> str:
    """Write a number of bytes as ``kit`` does: one decimal, rounded down.

    >>> format_size(500), format_size(1536), format_size(2**30)
    ('500 B', '1.5 KiB', '1.0 GiB')
    """
    unit = 0
    scaled = size * 10
    while scaled >= _STEP * 10 and unit < len(UNITS) - 1:
        scaled //= _STEP
        unit += 1
    return f"{size} B" if unit == 0 else f"{scaled // 10}.{scaled % 10} {UNITS[unit]}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out columns, three spaces apart, the last one ragged."""
    lines = [headings, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    padded = ("   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)
