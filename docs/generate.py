"""Write ``docs/commands.md`` from what the commands themselves say. ``make docs`` runs it; a test compares."""

import sys
from pathlib import Path

import click

from orchard.cli import COMMANDS, program

TARGET = Path(__file__).parent / "commands.md"
HEAD = """# Commands

What `orchard COMMAND --help` prints, for each command. `kit` is the same program. This page is generated: `make docs`.

Flags may stand before or after arguments, and the global ones before or after the command. `--flag=true` and
`--flag=false` work for every switch.
"""


def reference() -> str:
    """Give the page."""
    context = click.Context(program, info_name="orchard", terminal_width=100, **program.context_settings)
    parts = [HEAD, "## orchard\n", "```text", program.get_help(context).rstrip(), "```\n"]
    for name in COMMANDS:
        command = program.get_command(context, name)
        assert command is not None
        parts += _sections(command, name, context)
    return "\n".join(parts)


def _sections(command: click.Command, name: str, parent: click.Context) -> list[str]:
    """Give the help of a command and, if it is a family, of each of its commands."""
    own = click.Context(command, info_name=name, parent=parent, terminal_width=100)
    parts = [f"## {own.command_path}\n", "```text", command.get_help(own).rstrip(), "```\n"]
    if isinstance(command, click.Group):
        for below in command.list_commands(own):
            child = command.get_command(own, below)
            assert child is not None
            parts += _sections(child, below, own)
    return parts


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
    sys.stdout.write(f"wrote {TARGET.name}\n")
