import io
import json

import pytest

from orchard.cli.output import Level, Printer, format_size, printable, table
from orchard.cli.progress import PlainLines

SIZES = [
    pytest.param(0, "0 B", id="nothing"),
    pytest.param(1023, "1023 B", id="below-a-step"),
    pytest.param(1024, "1.0 KiB", id="a-step"),
    pytest.param(1126, "1.0 KiB", id="rounded-down"),
    pytest.param(1127, "1.1 KiB", id="first-that-shows"),
    pytest.param(2**20 - 1, "1023.9 KiB", id="just-below"),
    pytest.param(2**40, "1.0 TiB", id="tera"),
    pytest.param(2**60, "1024.0 PiB", id="endless"),
]


@pytest.mark.parametrize(("size", "text"), SIZES)
def test_format_size_then_it_is_written_as_kit_does(size: int, text: str) -> None:
    assert format_size(size) == text


def make_printer(*, level: Level = Level.INFO, as_json: bool = False, colour: bool = False) -> Printer:
    return Printer(io.StringIO(), io.StringIO(), level=level, as_json=as_json, colour=colour)


def texts(printer: Printer) -> tuple[str, str]:
    assert isinstance(printer.stdout, io.StringIO)
    assert isinstance(printer.stderr, io.StringIO)
    return printer.stdout.getvalue(), printer.stderr.getvalue()


@pytest.mark.parametrize("level", list(Level))
def test_result_at_any_level_then_it_is_on_stdout(level: Level) -> None:
    printer = make_printer(level=level)
    printer.result("Pushed sha256:1", {"digest": "sha256:1"})
    assert texts(printer) == ("Pushed sha256:1\n", "")


def test_result_without_text_then_nothing_is_written() -> None:
    printer = make_printer()
    printer.result("", {"files": []})
    assert texts(printer) == ("", "")


def test_result_as_json_then_it_is_one_document() -> None:
    printer = make_printer(as_json=True)
    printer.result("text", {"name": "é"})
    assert json.loads(texts(printer)[0]) == {"name": "é"}


LEVELS = [
    pytest.param(Level.INFO, "said\n[WARN] odd\n[ERROR] bad\n", id="info"),
    pytest.param(Level.DEBUG, "[DEBUG] deep\n[INFO] said\n[WARN] odd\n[ERROR] bad\n", id="debug"),
    pytest.param(Level.ERROR, "[ERROR] bad\n", id="error"),
]


@pytest.mark.parametrize(("level", "expected"), LEVELS)
def test_notes_then_the_level_decides_which_are_written(level: Level, expected: str) -> None:
    printer = make_printer(level=level)
    printer.debug("deep")
    printer.note("said")
    printer.warn("odd")
    printer.error("bad", kind="OrchardError", code=1)
    assert texts(printer) == ("", expected)


def test_error_as_json_then_it_is_one_object_on_stderr() -> None:
    printer = make_printer(as_json=True)
    printer.error("x: not there", kind="NotFoundError", code=3)
    out, err = texts(printer)
    assert out == ""
    assert json.loads(err) == {"error": {"kind": "NotFoundError", "message": "x: not there", "exitCode": 3}}


def test_warn_in_colour_then_only_the_label_is_coloured() -> None:
    printer = make_printer(colour=True)
    printer.warn("odd")
    assert texts(printer)[1] == "\x1b[93m[WARN] \x1b[0modd\n"


def test_printable_then_a_name_from_outside_cannot_drive_the_terminal() -> None:
    assert printable("a\x1b[31mb\r\n\tc\x9b") == "a\\x1b[31mb\\r\n\tc\\x9b"


def test_note_with_half_a_character_then_it_is_escaped() -> None:
    printer = make_printer()
    printer.note("\udcff")
    assert texts(printer)[1] == "\\udcff\n"


def test_table_then_columns_are_three_spaces_apart() -> None:
    assert table(("A", "BB"), [("xyz", "1"), ("x", "2")]) == "A     BB\nxyz   1\nx     2"


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_plain_progress_of_quick_work_then_nothing_is_written() -> None:
    printer, clock = make_printer(), Clock()
    lines = PlainLines(printer, "Packing", clock)
    lines.started("model", 100)
    clock.time = 9
    lines.advanced("model", 100)
    lines.finished("model")
    assert texts(printer) == ("", "")


def test_plain_progress_of_long_work_then_a_line_is_written_every_ten_seconds() -> None:
    printer, clock = make_printer(), Clock()
    lines = PlainLines(printer, "Packing", clock)
    lines.started("model", 4096)
    for clock.time in (5.0, 11.0, 12.0, 21.0):
        lines.advanced("model", 1024)
    assert texts(printer)[1] == "Packing model: 2.0 KiB of 4.0 KiB\nPacking model: 4.0 KiB of 4.0 KiB\n"
