"""``orchard hub``."""

import importlib.util
from pathlib import Path

import click

from orchard.cli.options import Command, current_session
from orchard.errors import UnsupportedError
from orchard.project import find_home

DEFAULT_PORT = 8080


@click.command(cls=Command)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: a free one.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, readable=False),
    metavar="DIR",
    help="Where it keeps everything (default: HOME/hub).",
)
def command(host: str, port: int, data: Path | None) -> None:
    """Run a hub: a registry for ModelKits and every other OCI artifact, with pages to look at them.

    On a loopback address it needs no login. On any other it asks for one: the account `admin` is made at the first
    start, with the password of $ORCHARD_ADMIN_PASSWORD or one that is printed once. Ctrl-C stops it; what was
    acknowledged is safe.

    \b
    Examples:
      orchard hub
      orchard hub --host 0.0.0.0 --port 443 --data /srv/orchard
    """
    session = current_session()
    if importlib.util.find_spec("granian") is None:
        raise UnsupportedError("the hub is not installed; install it with: pip install 'orchard[hub]'")
    # The hub costs 400 ms to import: only this command pays for it
    from orchard.hub import Settings, run

    settings = Settings(
        host=host,
        port=port,
        data=data or find_home(session.environ, session.config) / "hub",
        admin_password=session.environ.get("ORCHARD_ADMIN_PASSWORD"),
    )
    run(settings, announce=session.printer.announce)
