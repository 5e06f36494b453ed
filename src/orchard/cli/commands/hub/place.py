"""Which hub a command is about: what file, environment and flags say of it, put together in one place."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchard.cli.options import Session
from orchard.errors import UnsupportedError
from orchard.project import find_home

if TYPE_CHECKING:
    from orchard.hub import Settings

data_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--data",
    type=click.Path(path_type=Path, readable=False),
    metavar="DIR",
    help="Where it keeps everything (default: HOME/hub).",
)


def hub_settings(session: Session, data: Path | None, **flags: Any) -> "Settings":  # noqa: ANN401 -- those of Settings, which checks them
    """Say how a hub runs; flags that are None were not given.

    Raises:
        UnsupportedError: If the hub is not installed.
    """
    if importlib.util.find_spec("granian") is None:
        raise UnsupportedError("the hub is not installed; install it with: pip install 'orchard[hub]'")
    from orchard.hub import Settings  # only the commands of a hub need it

    given = {name: value for name, value in flags.items() if value is not None}
    return Settings(
        data=data or find_home(session.environ, session.config) / "hub",
        admin_password=session.environ.get("ORCHARD_ADMIN_PASSWORD"),
        **given,
    )
