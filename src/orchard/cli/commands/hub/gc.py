"""``orchard hub gc``."""

from collections.abc import Mapping
from pathlib import Path

import click

from orchard.cli.commands.hub.place import data_option, hub_settings
from orchard.cli.options import Command, current_session
from orchard.cli.output import format_size


@click.command(cls=Command)
@data_option
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be deleted, and change nothing.")
def gc(data: Path | None, *, dry_run: bool) -> None:
    """Collect the garbage of a hub: content that nothing names any more. Safe beside pushes.

    A hub does this by itself, every six hours. If one runs on the data directory, it is asked to do it now; else it is
    done here.

    \b
    Examples:
      orchard hub gc --dry-run
      orchard hub gc --output json
    """
    session = current_session()
    settings = hub_settings(session, data)
    from orchard.hub.app import collect_garbage

    found = collect_garbage(settings, lambda *_: None, rehearse=dry_run)
    session.printer.result(
        _told(found, dry_run=dry_run),
        {
            "dryRun": dry_run,
            "referrers": found["referrers"],
            "links": found["links"],
            "blobs": found["blobs"],
            "size": found["blob_bytes"],
            "strays": found["strays"],
            "straySize": found["stray_bytes"],
            "objects": found["objects"],
        },
    )


def _told(found: Mapping[str, int], *, dry_run: bool) -> str:
    verb = "Would delete" if dry_run else "Deleted"
    lines = [f"{verb} {found['blobs']} blobs, {format_size(found['blob_bytes'])}"]
    if found["strays"] or found["objects"]:
        size = format_size(found["stray_bytes"])
        lines.append(f"Left behind by crashes: {found['strays']} blobs, {size}, and {found['objects']} objects")
    if found["referrers"]:
        lines.append(f"Signatures and other referrers of what is not there: {found['referrers']}")
    return "\n".join(lines)
