"""``orchard logout``."""

import click

from orchard.cli.options import Command, current_session
from orchard.cli.workspace import open_workspace


@click.command(cls=Command)
@click.argument("registry")
def command(registry: str) -> None:
    """Forget the credential of a registry.

    \b
    Example:
      orchard logout registry.example.com
    """
    session = current_session()
    if not open_workspace(session=session).credentials.erase(registry):
        session.printer.note(f"{registry}: nobody was logged in")
    session.printer.result(f"Successfully logged out from {registry}", {"registry": registry}, brief="")
