"""``orchard hub scrub``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchard.cli.commands.hub.place import data_option, hub_settings
from orchard.cli.options import Command, current_session
from orchard.cli.output import format_size, table

if TYPE_CHECKING:
    from orchard.hub.registry import Damage

_NOTHING = {"blobs": 0, "read_bytes": 0, "healed": 0}


@click.command(cls=Command)
@data_option
@click.option("--all", "everything", is_flag=True, help="Read every blob, not only those that were not read for long.")
@click.option("--list", "only_list", is_flag=True, help="Read nothing: list the blobs that are known to be damaged.")
def scrub(data: Path | None, *, everything: bool, only_list: bool) -> None:
    """Read the blobs of a hub again, to see whether their bytes are still what their digests say.

    A hub does this by itself, with every blob once a month. A damaged blob is not given to anybody; pushing it again
    heals it. If a hub runs on the data directory, it is asked to do it now, at its own pace (--scrub-rate); else it is
    done here, as fast as the disk can.

    \b
    Examples:
      orchard hub scrub --all
      orchard hub scrub --list --output json
    """
    session = current_session()
    settings = hub_settings(session, data)
    from orchard.hub import app

    found: Mapping[str, int] = _NOTHING
    if not only_list:
        found = app.scrub(settings, lambda *_: None, everything=everything)
    damaged = app.damages(settings)
    session.printer.result(
        _told(found, damaged, only_list=only_list),
        {
            "blobs": found["blobs"],
            "size": found["read_bytes"],
            "healed": found["healed"],
            "damaged": [
                {
                    "digest": str(one.digest),
                    "size": one.size,
                    "since": one.since.isoformat(),
                    "repositories": list(one.repositories),
                }
                for one in damaged
            ],
        },
    )


def _told(found: Mapping[str, int], damaged: "Sequence[Damage]", *, only_list: bool) -> str:
    lines = [] if only_list else [f"Read {found['blobs']} blobs, {format_size(found['read_bytes'])}"]
    if found["healed"]:
        lines.append(f"Sound again: {found['healed']}")
    if damaged:
        rows = [_row(one) for one in damaged]
        lines += ["Damaged; push them again to heal them:", table(("DIGEST", "SIZE", "SINCE", "IN"), rows)]
    else:
        lines.append("No blob is known to be damaged")
    return "\n".join(lines)


def _row(damage: "Damage") -> tuple[str, str, str, str]:
    since = f"{damage.since:%Y-%m-%d}"
    return str(damage.digest), format_size(damage.size), since, ", ".join(damage.repositories)
