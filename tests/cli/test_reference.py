import importlib.util
from pathlib import Path

from orchard.cli import COMMANDS, EXIT_CODES, program

DOCS = Path(__file__).parent.parent.parent / "docs"


def load_generator() -> object:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_commands_page_then_it_says_what_the_commands_say() -> None:
    page = load_generator().reference()  # type: ignore[attr-defined]
    assert (DOCS / "commands.md").read_text() == page, "run: make docs"


def test_schemas_page_then_it_lists_what_the_schemas_say() -> None:
    page = load_generator().schemas()  # type: ignore[attr-defined]
    assert (DOCS / "schemas/README.md").read_text() == page, "run: make docs"


def test_settings_page_then_it_says_what_the_settings_say() -> None:
    page = load_generator().settings()  # type: ignore[attr-defined]
    assert (DOCS / "hub-settings.md").read_text() == page, "run: make docs"


def test_exit_codes_page_then_it_lists_every_code() -> None:
    rows = [line.split("|")[1].strip() for line in (DOCS / "exit-codes.md").read_text().splitlines() if "|" in line]
    documented = {int(cell) for cell in rows if cell.isdigit()}
    assert documented == {0, 130, *EXIT_CODES.values()}


def test_table_of_commands_then_each_has_its_help_and_its_module() -> None:
    for name, (_, text) in COMMANDS.items():
        command = program.get_command(program.make_context("orchard", [], resilient_parsing=True), name)
        assert command is not None, name
        assert command.help, name
        assert text
