"""``orchard hub``."""

from pathlib import Path

import click

from orchard.cli.commands.hub.place import data_option, hub_settings
from orchard.cli.options import Group, current_session

DEFAULT_PORT = 8080


@click.group(cls=Group, invoke_without_command=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: a free one.")
@data_option
@click.pass_context
def command(context: click.Context, host: str, port: int, data: Path | None) -> None:
    """Run a hub: a registry for ModelKits and every other OCI artifact, with pages to look at them.

    On a loopback address it needs no login. On any other it asks for one: the account `admin` is made at the first
    start, with the password of $ORCHARD_ADMIN_PASSWORD or one that is printed once. Ctrl-C stops it; what was
    acknowledged is safe.

    \b
    Examples:
      orchard hub
      orchard hub --host 0.0.0.0 --port 443 --data /srv/orchard
    """
    if context.invoked_subcommand is not None:
        return
    session = current_session()
    settings = hub_settings(session, data, host=host, port=port)
    # The hub costs 400 ms to import: only this command pays for it
    from orchard.hub import run

    run(settings, announce=session.printer.announce)
