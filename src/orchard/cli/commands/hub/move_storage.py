"""``orchard hub move-storage``."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchard.cli.commands.hub.place import data_option, hub_settings
from orchard.cli.options import Command, current_session
from orchard.cli.output import format_size
from orchard.cli.progress import watching

if TYPE_CHECKING:
    from orchard.hub.app import Moved


@click.command("move-storage", cls=Command)
@data_option
@click.option("--to", required=True, metavar="PLACE", help="The new place: s3://bucket/prefix, or a directory.")
@click.option("--to-endpoint", metavar="URL", help="Address of its object store (default: that of the old one).")
@click.option("--to-region", metavar="NAME", help="Region of its object store (default: that of the old one).")
@click.option("--remove-source", is_flag=True, help="Empty the old place when the new one serves.")
@click.option("--leave-unsound", is_flag=True, help="Leave behind blobs that are missing or damaged in the old place.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be moved, and change nothing.")
def move_storage(
    data: Path | None,
    to: str,
    to_endpoint: str | None,
    to_region: str | None,
    *,
    remove_source: bool,
    leave_unsound: bool,
    dry_run: bool,
) -> None:
    """Move all blobs of a hub to another place, each of them verified on the way.

    While the hub runs, blobs are copied and the hub stays where it is. Run the command again when it is stopped: the
    rest is copied, and the new place serves from then on. Start the hub with the new --storage then. What a run that
    was interrupted has copied is not copied again. The old place is kept unless --remove-source is given.

    \b
    Examples:
      orchard hub move-storage --to s3://models/hub --to-endpoint https://s3.example.com
      orchard hub --storage s3://models/hub move-storage --to /srv/orchard --remove-source
    """
    session = current_session()
    settings = hub_settings(session, data)
    from orchard.hub.app import Wishes
    from orchard.hub.app import move_storage as move

    target = replace(
        settings,
        storage=to,
        storage_endpoint=settings.storage_endpoint if to_endpoint is None else to_endpoint,
        storage_region=settings.storage_region if to_region is None else to_region,
    )
    wishes = Wishes(remove_source=remove_source, leave_unsound=leave_unsound, rehearse=dry_run)
    with watching(session.printer, session.progress, "Moving") as observer:
        moved = move(settings, target, wishes, observer=observer)
    passed = moved.passed
    session.printer.result(
        _told(moved, dry_run=dry_run),
        {
            "source": moved.source,
            "target": moved.target,
            "dryRun": dry_run,
            "moved": passed.moved,
            "size": passed.moved_bytes,
            "present": passed.present,
            "missing": [str(digest) for digest in passed.missing],
            "damaged": [str(digest) for digest in passed.damaged],
            "switched": moved.switched,
            "removed": moved.removed,
        },
    )


def _told(moved: "Moved", *, dry_run: bool) -> str:
    passed = moved.passed
    done = "Would move" if dry_run else "Moved"
    count = f"{passed.moved} blobs, {format_size(passed.moved_bytes)}"
    lines = [f"{done} {count}, from {moved.source} to {moved.target}; {passed.present} there already"]
    if passed.unsound:
        lines.append(f"Left behind: {len(passed.missing)} missing, {len(passed.damaged)} damaged")
    if moved.switched:
        lines.append(f"The blobs of this hub are in {moved.target} now; start it with that storage")
    elif not dry_run:
        why = "a hub is running: stop it and run this again" if moved.running else "blobs came meanwhile: run it again"
        lines.append(f"The hub still uses {moved.source}: {why}")
    if moved.removed:
        lines.append(f"Removed {moved.removed} blobs from {moved.source}")
    return "\n".join(lines)
