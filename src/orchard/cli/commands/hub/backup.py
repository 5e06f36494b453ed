"""``orchard hub backup`` and ``orchard hub restore``."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchard.cli.commands.hub.place import data_option, hub_settings
from orchard.cli.options import Command, current_session
from orchard.cli.output import format_size
from orchard.cli.progress import watching
from orchard.errors import IntegrityError

if TYPE_CHECKING:
    from orchard.hub.app import BackedUp
    from orchard.oci import JSON

_DIRECTORY = click.Path(path_type=Path, file_okay=False)


@click.command(cls=Command)
@data_option
@click.argument("directory", type=_DIRECTORY)
def backup(data: Path | None, directory: Path) -> None:
    """Copy a hub into a directory, be it running or not: the catalog of one moment, and all that it names.

    Made again in the same directory, only what is new is copied. Every blob is verified on the way. A backup is a data
    directory: `orchard hub --data DIRECTORY` serves it. It holds keys and hashes of passwords: keep it as safe as the
    hub.

    \b
    Examples:
      orchard hub backup /backups/hub
      orchard hub --storage s3://models/hub backup /backups/hub
    """
    session = current_session()
    settings = hub_settings(session, data)
    from orchard.hub.app import back_up

    with watching(session.printer, session.progress, "Copying") as observer:
        done = back_up(settings, directory, at=time.time_ns() // 1_000_000, observer=observer)
    session.printer.result(
        f"Backed up {done.blobs} blobs ({format_size(done.size)}); {done.passed.moved} of them were new",
        _facts(directory, done),
        brief=str(directory),
    )
    if done.passed.unsound:
        named = ", ".join(map(str, done.passed.unsound[:3]))
        raise IntegrityError(
            f"{len(done.passed.unsound)} blobs are missing or damaged in the hub ({named}); all else is backed up. "
            "Push them again and repeat"
        )


@click.command(cls=Command)
@data_option
@click.argument("directory", type=_DIRECTORY)
def restore(data: Path | None, directory: Path) -> None:
    """Make a new hub of a backup; it may keep its rows and blobs elsewhere than the old one.

    The new hub must be empty and stopped. First all blobs are copied and verified, then the catalog, at once. What was
    interrupted goes on when it is run again.

    \b
    Examples:
      orchard hub --data /srv/orchard restore /backups/hub
      orchard hub --storage s3://models/hub restore /backups/hub
    """
    session = current_session()
    settings = hub_settings(session, data)
    from orchard.hub.app import restore as make

    with watching(session.printer, session.progress, "Copying") as observer:
        done = make(settings, directory, observer=observer)
    session.printer.result(
        f"Restored {done.blobs} blobs ({format_size(done.size)})", _facts(directory, done), brief=str(directory)
    )


def _facts(directory: Path, done: "BackedUp") -> "dict[str, JSON]":
    return {
        "directory": str(directory),
        "blobs": done.blobs,
        "size": done.size,
        "copied": done.passed.moved,
        "copiedSize": done.passed.moved_bytes,
        "missing": [str(digest) for digest in done.passed.missing],
        "damaged": [str(digest) for digest in done.passed.damaged],
    }
