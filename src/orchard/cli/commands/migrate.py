"""``orchard migrate``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, current_session
from orchard.cli.output import Printer, format_size
from orchard.cli.progress import watching
from orchard.cli.workspace import open_workspace
from orchard.errors import IntegrityError, NotFoundError

if TYPE_CHECKING:
    from orchard.oci import JSON
    from orchard.project import Moved


@click.command(cls=Command)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, readable=False),
    metavar="DIR",
    help="Home of kit (default: where kit looks for it).",
)
@click.option("--dry-run", is_flag=True, help="Say what would be taken over; change nothing.")
def command(source: Path | None, *, dry_run: bool) -> None:
    """Take over every ModelKit that KitOps' kit keeps on this machine, with its tags, and kit's logins.

    Every byte is verified. Blobs are shared with kit's store where the file system can, so they take no new room; kit's
    store is not changed. What was taken over before is passed over: run it as often as you like.

    \b
    Examples:
      orchard migrate --dry-run
      orchard migrate --from ~/.local/share/kitops
    """
    from orchard.project import find_kit_home, list_foreign, move_in

    session = current_session()
    workspace = open_workspace(session=session)
    home = source or find_kit_home(session.environ, sys.platform, workspace.home)
    if home is None:
        raise NotFoundError("no home of kit was found; name it: orchard migrate --from DIR")
    found = list_foreign(home)
    with watching(session.printer, session.progress, "Taking over") as observer:
        moved = [move_in(one, workspace.layout, dry_run=dry_run, observer=observer) for one in found]
    logins: list[str] = []
    if not dry_run and home.resolve() != workspace.home.resolve():
        logins = workspace.credentials.take_over(home / "credentials.json")
    failed = [one for one in moved if one.problem]
    for one in failed:
        session.printer.warn(f"{one.foreign.repository}@{one.foreign.descriptor.digest} was left: {one.problem}")
    _report(session.printer, home, moved, logins, dry_run=dry_run)
    if failed:
        raise IntegrityError(f"{len(failed)} of {len(moved)} versions could not be taken over; kit's store is damaged")


def _report(printer: Printer, home: Path, moved: "list[Moved]", logins: list[str], *, dry_run: bool) -> None:
    shared, copied = (sum(sizes) for sizes in ([one.shared for one in moved], [one.copied for one in moved]))
    new = sum(one.new for one in moved)
    will = "Would take over" if dry_run else "Took over"
    lines = [line for one in moved for line in _lines(one)]
    lines.append(
        f"{will} {new} of {len(moved)} versions from {home}: {format_size(shared)} shared, {format_size(copied)} copied"
    )
    if logins:
        lines.append(f"{will} logins: {', '.join(logins)}")
    value: JSON = {
        "from": str(home),
        "dryRun": dry_run,
        "shared": shared,
        "copied": copied,
        "logins": [*logins],
        "versions": [_value(one) for one in moved],
    }
    printer.result("\n".join(lines), value, brief="\n".join(lines[: -1 - bool(logins)]))


def _lines(one: "Moved") -> list[str]:
    from orchard.project import shown_name

    if one.problem:
        return []
    name = shown_name(one.foreign)
    names = [f"{name}:{tag}" for tag in one.tags]
    return names or ([f"{name}@{one.foreign.descriptor.digest}"] if one.new else [])


def _value(one: "Moved") -> "JSON":
    from orchard.project import shown_name

    return {
        "repo": shown_name(one.foreign),
        "digest": str(one.foreign.descriptor.digest),
        "tags": [*one.tags],
        "new": one.new,
        "problem": one.problem,
    }
