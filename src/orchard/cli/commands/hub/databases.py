"""``orchard hub migrate`` and ``orchard hub move-database``."""

from pathlib import Path

import click

from orchard.cli.commands.hub.place import data_option, hub_settings
from orchard.cli.options import Command, current_session


@click.command("migrate", cls=Command)
@data_option
@click.option("--check", is_flag=True, help="Change nothing; fail if something would be changed.")
def migrate(data: Path | None, *, check: bool) -> None:
    """Bring the database of a hub to the shape that this release expects.

    A hub does this by itself when it starts; several that start at once wait for each other. As a step of its own it
    can run before the first of them, by an account that may change tables.

    \b
    Examples:
      orchard hub migrate
      orchard hub migrate --check
    """
    session = current_session()
    settings = hub_settings(session, data)
    from orchard.hub.app import migrate_database

    shape = migrate_database(settings, check=check)
    had = "a new one" if shape.found is None else shape.found
    told = f"The database has the shape {shape.wanted} now; it had {had}" if shape.changed else "Nothing to change"
    session.printer.result(
        told, {"engine": shape.engine, "found": shape.found, "wanted": shape.wanted, "changed": shape.changed}
    )


@click.command("move-database", cls=Command)
@data_option
@click.option("--to", required=True, metavar="URL", help="An empty database: postgresql://user@host/name.")
def move_database(data: Path | None, to: str) -> None:
    """Move all that a stopped hub keeps in its database to another one; blobs stay where they are.

    All of it is copied in one transaction and counted, or nothing is. No hub starts with the old database afterwards.
    The password is better in $PGPASSWORD or a password file than on the command line.

    \b
    Examples:
      PGPASSWORD=… orchard hub move-database --to postgresql://orchard@db.example.com/orchard
    """
    session = current_session()
    settings = hub_settings(session, data)
    from orchard.hub.app import move_database as move

    moved = move(settings, to)
    rows = sum(moved.tables.values())
    done = "Moved" if moved.copied else "An earlier run had moved"
    session.printer.result(
        f"{done} {rows} rows; start the hub with the setting `database` from now on",
        {"engine": moved.engine, "copied": moved.copied, "rows": rows, "tables": dict(moved.tables)},
    )
