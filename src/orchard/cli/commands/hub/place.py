"""Which hub a command is about: what file, environment and flags say of it, put together in one place."""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from orchard.cli.options import Session
from orchard.errors import UnsupportedError
from orchard.project import find_home

if TYPE_CHECKING:
    from orchard.hub.settings import Key, Settings

_GIVEN: Final = "orchard.cli.hub"
_METAVARS: Final = {"a path": "PATH", "a whole number": "N", "a text": "TEXT", "a list of texts": "TEXT,…"}

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

data_option: Decorator = click.option(
    "--data",
    type=click.Path(path_type=Path, readable=False),
    metavar="DIR",
    help="Data directory of the hub (default: HOME/hub).",
)


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for every setting that is no secret, and one for the file; the command gets them by keyword."""
    from orchard.hub.settings import KEYS, Kind  # cheap: no server is behind it

    for key in reversed(KEYS.values()):
        if key.name != "data" and not key.secret and key.kind is not Kind.TABLES:
            command = _option(key)(command)
    name = click.Path(path_type=Path, readable=False)
    command = click.option("--settings", "file", type=name, metavar="FILE", help="Settings (default: DATA/hub.toml).")(
        command
    )
    return data_option(command)


def keep_flags(context: click.Context, flags: Mapping[str, object]) -> None:
    """Remember what was typed before the name of a command, such as ``orchard hub --data DIR gc``."""
    context.meta[_GIVEN] = {name: value for name, value in flags.items() if value is not None}


def hub_settings(session: Session, data: Path | None = None, **flags: object) -> "Settings":
    """Say how a hub runs; flags that are None were not given, those before the command's name count too.

    Raises:
        UnsupportedError: If the hub is not installed.
        UsageError: If a flag or a variable holds what it may not.
        InvalidDocumentError: If the settings file is not valid.
        StorageError: If it cannot be read.
    """
    if importlib.util.find_spec("granian") is None:
        raise UnsupportedError("the hub is not installed; install it with: pip install 'orchard[hub]'")
    from orchard.hub.settings import KEYS, load_settings, parse_flag

    before: dict[str, object] = click.get_current_context().meta.get(_GIVEN, {})
    given = {**before, **{name: value for name, value in (*flags.items(), ("data", data)) if value is not None}}
    file = given.pop("file", None)
    assert file is None or isinstance(file, Path)
    known = {key.field: key for key in KEYS.values()}
    typed = {name: parse_flag(known[name], value) if isinstance(value, str) else value for name, value in given.items()}
    home = find_home(session.environ, session.config) / "hub"
    return load_settings(session.environ, typed, data=home, file=file)


def _option(key: "Key") -> Decorator:
    from orchard.hub.settings import Kind

    said = key.help
    if key.default is not None and key.kind is not Kind.SWITCH:
        said = f"{said.removesuffix('.')} (default: {shown(key, key.default)})."
    if key.kind is Kind.SWITCH:
        return click.option(f"--{key.name}/--no-{key.name}", key.field, default=None, help=said)
    if key.kind is Kind.CHOICE:
        return click.option(f"--{key.name}", key.field, type=click.Choice(key.choices), help=said)
    metavar = {Kind.SECONDS: "TIME", Kind.BYTES: "SIZE"}.get(key.kind) or _METAVARS[key.kind.value]
    return click.option(f"--{key.name}", key.field, metavar=metavar, help=said)


def shown(key: "Key", value: object) -> str:
    """Write a value as people write it: ``7d``, ``64MiB``."""
    from orchard.hub.settings import Kind

    if value is None:
        return "-"
    if key.kind is Kind.SWITCH:
        return "true" if value else "false"
    if key.kind is Kind.TEXTS and isinstance(value, tuple):
        return ",".join(map(str, value)) or "-"
    if key.kind not in {Kind.SECONDS, Kind.BYTES} or not isinstance(value, int | float) or value == 0:
        return str(value)
    units = (
        (("d", 24 * 3600), ("h", 3600), ("min", 60), ("s", 1))
        if key.kind is Kind.SECONDS
        else (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1))
    )
    unit, size = next(((unit, size) for unit, size in units if value % size == 0), ("", 1))
    return f"{value / size:g}{unit}"
