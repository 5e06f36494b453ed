"""``orchard init``."""

import sys
from pathlib import Path

import click

from orchard.cli.options import Command, current_session
from orchard.formats import to_value, to_yaml
from orchard.project import propose_kitfile, write_kitfile


@click.command(cls=Command)
@click.argument("path", type=click.Path(path_type=Path, readable=False))
@click.option("--name", help="Name of the ModelKit.")
@click.option("--desc", help="What it is, in a sentence.")
@click.option("--author", help="Who made it.")
@click.option("-f", "--force", is_flag=True, help="Replace a Kitfile that is already there.")
def command(path: Path, name: str | None, desc: str | None, author: str | None, *, force: bool) -> None:
    """Look at the directory PATH and write a Kitfile for it, to be edited.

    \b
    Example:
      orchard init . --name mymodel --desc "Reads digits" --author "Ada"
    """
    session = current_session()
    if sys.stdin.isatty():
        name = _ask(name, "Enter a name for the ModelKit")
        desc = _ask(desc, "Enter a short description for the ModelKit")
        author = _ask(author, "Enter an author for the ModelKit")
    kitfile = propose_kitfile(path, name=name or "", description=desc or "", author=author or "")
    written = write_kitfile(path, kitfile, replace=force)
    text = to_yaml(kitfile)
    session.printer.result(
        f"Generated Kitfile:\n\n{text}\nSaved to path '{written}'",
        {"path": str(written), "kitfile": to_value(kitfile)},
        brief=str(written),
    )


def _ask(value: str | None, question: str) -> str:
    return value if value is not None else click.prompt(question, default="", show_default=False, err=True)
