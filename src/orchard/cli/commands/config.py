"""``orchard config``."""

from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, Group, current_session
from orchard.cli.output import table
from orchard.cli.settings import KEYS, Setting, from_text, key_of, read_file, variable_of
from orchard.errors import InvalidDocumentError, NotFoundError, UsageError

if TYPE_CHECKING:
    from orchard.cli.settings import Key, Settings
    from orchard.oci import JSON


def _complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in KEYS if name.startswith(incomplete)]


def _plain(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    """Take a host without the quotes that it has in the file."""
    return name.replace('"', "")


@click.group(cls=Group)
def command() -> None:
    """Show or change defaults: what holds where nothing else is typed.

    What is typed beats $ORCHARD_* variables, these beat the file. Keys of one registry are `registry.HOST.KEY`, with
    the keys of `network`.
    """


@command.command(cls=Command)
@click.argument("name", metavar="KEY", shell_complete=_complete, callback=_plain)
def get(name: str) -> None:
    """Print the value of a key.

    \b
    Example:
      orchard config get pack.compression
    """
    session = current_session()
    _known(name)
    value = session.settings.get(name)
    if value is None:
        raise NotFoundError(f"{name}: not set; to set it: orchard config set {name} VALUE")
    session.printer.result(_shown(value), _value(session.settings, name, value), brief=_shown(value))


@command.command("set", cls=Command)
@click.argument("name", metavar="KEY", shell_complete=_complete, callback=_plain)
@click.argument("text", metavar="VALUE")
def set_(name: str, text: str) -> None:
    """Set a key in the config file; a list is written with commas.

    \b
    Examples:
      orchard config set pack.compression zstd
      orchard config set registry.registry.example.com.tls-cert /etc/ssl/ours.pem
    """
    from orchard.cli.settingsfile import change

    session = current_session()
    value = from_text(name, text, where="orchard config set")
    change(session.settings.path, name, value)
    session.printer.note(f"{name} = {_shown(value)} in {session.settings.path}")
    if name in session.settings.environ:
        session.printer.warn(f"${variable_of(name)} is set and beats it")
    session.printer.result("", _row(name, value, str(session.settings.path)))


@command.command(cls=Command)
@click.argument("name", metavar="KEY", shell_complete=_complete, callback=_plain)
def unset(name: str) -> None:
    """Take a key out of the config file.

    \b
    Example:
      orchard config unset pack.compression
    """
    from orchard.cli.settingsfile import change

    session = current_session()
    _known(name)
    if name not in read_file(session.settings.path):
        raise NotFoundError(f"{name}: not set in {session.settings.path}")
    change(session.settings.path, name, None)
    session.printer.result("", {"key": name, "value": None, "origin": str(session.settings.path)})


@command.command("list", cls=Command)
@click.option("--all", "everything", is_flag=True, help="List also the keys that are not set, and what they do.")
def list_(*, everything: bool) -> None:
    """List what is set, and where.

    \b
    Example:
      orchard config list --all
    """
    session = current_session()
    settings = session.settings
    names = dict.fromkeys([*(KEYS if everything else ()), *settings.file, *settings.environ])
    values = [_value(settings, name, settings.get(name)) for name in names]
    headings = ["KEY", "VALUE", "ORIGIN", *(["WHAT IT DOES"] if everything else [])]
    rows = [
        [*map(_shown, one.values()), *([key_of(name, "").help] if everything else [])]
        for name, one in zip(names, values, strict=True)
    ]
    brief = "\n".join(f"{name}={_shown(settings.get(name))}" for name in names)
    session.printer.result(table(headings, rows), [*values], brief=brief)


@command.command(cls=Command)
def reset() -> None:
    """Take every key out of the config file.

    \b
    Example:
      orchard config reset
    """
    from orchard.cli.settingsfile import change

    session = current_session()
    path = session.settings.path
    names = list(read_file(path))
    for name in names:
        change(path, name, None)
    session.printer.result("", {"path": str(path), "unset": [*names]})


@command.command(cls=Command)
def path() -> None:
    """Print which file is read and written.

    \b
    Example:
      orchard config path
    """
    session = current_session()
    found = session.settings.path
    session.printer.result(str(found), {"path": str(found), "exists": found.is_file()})


def _known(name: str) -> "Key":
    try:
        return key_of(name, "KEY")
    except InvalidDocumentError as error:
        raise UsageError(str(error)) from error


def _value(settings: "Settings", name: str, value: Setting | None) -> "dict[str, JSON]":
    origin = f"${variable_of(name)}" if name in settings.environ else str(settings.path)
    return _row(name, value, "default" if value is None else origin)


def _row(name: str, value: Setting | None, origin: str) -> "dict[str, JSON]":
    return {"key": name, "value": [*value] if isinstance(value, list) else value, "origin": origin}


def _shown(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return ",".join(map(str, value))
        case None:
            return "-"
        case _:
            return str(value)
