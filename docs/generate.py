"""Write the pages that repeat what stands elsewhere. ``make docs`` runs it; a test compares.

``commands.md`` is what the commands say themselves, ``schemas/README.md`` what the schemas do, ``hub-settings.md`` what
the settings do; ``new.sql`` of the hub is what its migrations make.
"""

import json
import sys
import tempfile
from pathlib import Path

import click

from orchard.cli import COMMANDS, program
from orchard.cli.commands.hub.place import shown
from orchard.hub.settings import KEYS

TARGET = Path(__file__).parent / "commands.md"
SCHEMAS = Path(__file__).parent / "schemas"
DATABASE = Path(__file__).parents[1] / "src/orchard/hub/db/new.sql"
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


SCHEMAS_HEAD = """# Schemas

JSON Schemas (2020-12) of what commands print with `--output json`; [output](../output.md) says what is promised. This
page is generated: `make docs`.

| schema | of | keys |
|---|---|---|
"""


def schemas() -> str:
    """Give the page that lists the schemas."""
    rows = []
    for path in sorted(SCHEMAS.glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        inside = schema.get("items", schema)
        keys = ", ".join(f"`{key}`" for key in inside.get("properties", {}))
        rows.append(f"| [{path.stem}]({path.name}) | {schema['title']} | {keys or '-'} |\n")
    return SCHEMAS_HEAD + "".join(rows)


SETTINGS = Path(__file__).parent / "hub-settings.md"
SETTINGS_HEAD = """# Settings of the hub

Everything has a default: `orchard hub` needs none of this. A setting is typed (`--keep-deleted 14d`), or stands in the
environment (`ORCHARD_HUB_KEEP_DELETED=14d`), or in the file `hub.toml` of the data directory (`keep-deleted = "14d"`;
`--settings FILE` or `$ORCHARD_HUB_SETTINGS` names another). What is typed wins, then the environment, then the file.
`orchard hub settings` shows what holds. This page is generated: `make docs`.

- A key, variable or value that cannot be is an error that names it. Nothing is left out in silence.
- Secrets are not typed, for other users of the machine would see them: use the environment, or a variable that ends in
  `_FILE` and names the file that holds the value (`ORCHARD_HUB_DATABASE_FILE=/run/secrets/database`), or `hub.toml`.
- Times may have a unit: `s`, `min`, `h`, `d`; sizes too: `KiB`, `MiB`, `GiB`, `TiB`. In the environment lists are
  written with commas.
- The object store's credentials come from where Amazon's own tools look: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`
  or the machine's role.

| setting | is | default | what it does |
|---|---|---|---|
"""


def settings() -> str:
    """Give the page of the hub's settings."""
    rows = []
    for key in KEYS.values():
        kind = ", ".join(f"`{word}`" for word in key.choices) or key.kind.name.lower()
        default = "`HOME/hub`" if key.name == "data" else f"`{shown(key, key.default)}`"
        rows.append(f"| `{key.name}` | {kind} | {default} | {key.help} |\n")
    return SETTINGS_HEAD + "".join(rows)


def new_database() -> str:
    """Give the shape of a new hub's database."""
    from orchard.hub.db import drawn, upgrade  # noqa: PLC0415 -- the other pages need no database
    from orchard.hub.db.sqlite import open_sqlite  # noqa: PLC0415 -- as above

    with tempfile.TemporaryDirectory() as directory:
        database = open_sqlite(Path(directory) / "new.sqlite3")
        with database.overhaul() as connection:
            upgrade(connection)
            drawing = drawn.draw(connection)
        database.close()
    return drawing


if __name__ == "__main__":
    SETTINGS.write_text(settings(), encoding="utf-8")
    TARGET.write_text(reference(), encoding="utf-8")
    (SCHEMAS / "README.md").write_text(schemas(), encoding="utf-8")
    DATABASE.write_text(new_database(), encoding="utf-8")
    sys.stdout.write(f"wrote {TARGET.name}, {SETTINGS.name}, {SCHEMAS.name}/README.md and {DATABASE.name}\n")
