"""``orchard hub settings``."""

from pathlib import Path

import click

from orchard.cli.commands.hub.place import data_option, hub_settings, shown
from orchard.cli.options import Command, current_session
from orchard.cli.output import table

_HEAD = ("SETTING", "VALUE", "DEFAULT")
_SECRET = "(set, not shown)"  # noqa: S105 -- what stands in place of one


@click.command(cls=Command)
@data_option
def settings(data: Path | None) -> None:
    """Show how the hub would run: what file, environment and flags say together.

    \b
    Examples:
      orchard hub settings
      orchard hub --login required settings --output json
    """
    session = current_session()
    chosen = hub_settings(session, data)
    from orchard.hub.settings import KEYS

    rows, values = [], {}
    for key in KEYS.values():
        value = getattr(chosen, key.field)
        said = _SECRET if key.secret and value is not None else shown(key, value)
        default = "" if key.field == "data" else shown(key, key.default)
        rows.append((key.name, said, default))
        values[key.name] = (
            _SECRET if key.secret and value is not None else str(value) if isinstance(value, Path) else value
        )
    session.printer.result(table(_HEAD, rows), {"settings": values})
