"""``orchard prune``."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, current_session
from orchard.cli.output import format_size, table
from orchard.cli.workspace import open_workspace
from orchard.oci import Reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchard.oci import JSON
    from orchard.project import Stale
    from orchard.store import SweepReport

_HEADINGS = ("REPOSITORY", "TAGS", "ADDED", "DIGEST")
_NONE = "<none>"


@click.command(cls=Command)
@click.option(
    "--keep-last", type=click.IntRange(min=0), metavar="N", help="Keep the newest N versions of each repository."
)
@click.option("--older-than", metavar="AGE", help="Keep what is younger, such as 12h, 30d or 8w.")
@click.option("--keep", multiple=True, metavar="PATTERN", help="Keep these names, such as 'team/*:v*'; repeatable.")
@click.option("-a", "--all-unused", is_flag=True, help="Remove versions with tags too, if nothing here keeps them.")
@click.option("--keep-interrupted", is_flag=True, help="Keep what interrupted transfers would go on with.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
def command(
    keep_last: int | None,
    older_than: str | None,
    keep: tuple[str, ...],
    *,
    all_unused: bool,
    keep_interrupted: bool,
    dry_run: bool,
) -> None:
    """Remove versions from the local store, and free what nothing needs any more.

    Versions without a tag go; with --keep-last or --all-unused, those with tags too. What a kept version needs stays:
    the version that holds its model, the manifests of an index, signatures. They go when the version goes.

    \b
    Examples:
      orchard prune --dry-run
      orchard prune --older-than 30d
      orchard prune --keep-last 5 --keep '*:prod' --older-than 30d
    """
    from orchard.project import Policy, parse_age, stale

    session = current_session()
    policy = Policy(
        tagged=all_unused,
        keep_last=keep_last,
        older_than=None if older_than is None else parse_age(older_than),
        keep=keep,
    )
    layout = open_workspace(session=session).layout
    gone = stale(layout, policy, now=time.time())
    entries = [entry for one in gone for entry in one.entries]
    if dry_run:
        swept = layout.would_free(entries, partials=not keep_interrupted)
    else:
        if entries:
            layout.drop(entries)
        swept = layout.sweep(partials=not keep_interrupted)
    if swept.busy:
        session.printer.note("The store is busy; space is freed later")
    session.printer.result(
        _text(gone, swept, dry_run=dry_run),
        _value(gone, swept, dry_run=dry_run),
        brief="\n".join(f"{_name(one)}@{one.descriptor.digest}" for one in gone),
    )


def _text(gone: "Sequence[Stale]", swept: "SweepReport", *, dry_run: bool) -> str:
    rows = [(_name(one), ",".join(one.tags) or _NONE, _day(one) or "?", str(one.descriptor.digest)) for one in gone]
    verbs = ("Would remove", "would free") if dry_run else ("Removed", "freed")
    counts = [f"{n} {what}{'' if n == 1 else 's'}" for n, what in ((len(gone), "version"), (swept.blobs, "blob"))]
    last = f"{verbs[0]} {' and '.join(counts)}; {verbs[1]} {format_size(swept.bytes)}"
    return f"{table(_HEADINGS, rows)}\n{last}" if rows else last


def _value(gone: "Sequence[Stale]", swept: "SweepReport", *, dry_run: bool) -> "JSON":
    return {
        "dryRun": dry_run,
        "versions": [
            {
                "repository": _name(one),
                "tags": list(one.tags),
                "digest": str(one.descriptor.digest),
                "added": _day(one, "%Y-%m-%dT%H:%M:%SZ"),
            }
            for one in gone
        ],
        "blobs": swept.blobs,
        "freed": swept.bytes,
        "busy": swept.busy,
    }


def _name(one: "Stale") -> str:
    registry, _, repository = one.repository.partition("/")
    return str(Reference(registry, repository))


def _day(one: "Stale", form: str = "%Y-%m-%d %H:%M") -> str | None:
    return None if one.added is None else datetime.fromtimestamp(one.added, UTC).strftime(form)
