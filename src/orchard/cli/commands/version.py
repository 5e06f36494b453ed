"""``orchard version``."""

import platform

import click

from orchard import __version__
from orchard.cli.options import Command, current_session


@click.command(cls=Command)
@click.option(
    "--show-update-notifications",
    type=bool,
    is_flag=False,
    flag_value=True,
    hidden=True,
    help="Taken for the sake of kit's scripts.",
)
def command(show_update_notifications: bool | None) -> None:
    """Print the version of Orchard and of Python.

    Orchard never looks for updates, so there are no notifications to turn off.
    """
    printer = current_session().printer
    if show_update_notifications is not None:
        printer.note("Orchard never looks for updates; there is nothing to turn on or off")
        return
    python = platform.python_version()
    # kit tells commit and date of its build; a package in Python has none
    build = "Commit: unknown\nBuilt: unknown\n" if printer.as_kit else ""
    printer.result(
        f"Version: {__version__}\n{build}Python version: {python}",
        {"version": __version__, "python": python},
        brief=__version__,
    )
