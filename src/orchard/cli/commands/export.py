"""``orchard export``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, NetworkFlags, Session, current_session, network_options
from orchard.cli.output import format_size
from orchard.cli.progress import watching
from orchard.cli.referred import needed_kits, say_needed
from orchard.cli.workspace import open_workspace
from orchard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchard.oci import JSON
    from orchard.project import Exported, Item, Workspace


@click.command(cls=Command)
@click.argument("references", metavar="[REGISTRY/]REPOSITORY[:TAG[,TAG...]|@DIGEST]...", nargs=-1, required=True)
@click.option("-o", "--file", "target", metavar="FILE", required=True, help="Where to write; '-' is standard output.")
@click.option("-r", "--remote", is_flag=True, help="Read from the registry, even what the local store has.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is already there.")
@network_options
def command(network: NetworkFlags, references: tuple[str, ...], target: str, *, remote: bool, overwrite: bool) -> None:
    """Write versions, with signatures and all else that refers to them, into one file to carry elsewhere.

    The file is a tar of an OCI image layout, which `orchard load`, `skopeo` and `oras` read. The same versions give the
    same bytes. What is not in the local store is streamed from its registry, and no copy is kept. An export that was
    interrupted goes on where it was.

    \b
    Examples:
      orchard export mymodel:v1 -o mymodel.tar
      orchard export --remote registry.example.com/team/mymodel:v1,v2 -o mymodel.tar
      orchard export mymodel:v1 -o - | ssh there orchard load -
    """
    session = current_session()
    if target == "-" and (session.printer.as_json or sys.stdout.isatty()):
        raise UsageError("-o -: the archive goes to standard output, which is a terminal or shall be JSON; name a file")
    from orchard.project import find_items

    workspace = open_workspace(network, session)
    items = find_items(workspace, references, remote=True if remote else None)
    exported = _export(session, items, target, overwrite=overwrite)
    _say_missing(session, workspace, exported, remote=True if remote else None)
    kept = f", {format_size(exported.reused)} of it from an earlier run" if exported.reused else ""
    lines = [f"Exported {item.reference} (digest {item.root.digest})" for item in exported.items]
    lines.append(f"Saved {exported.blobs} blobs, {format_size(exported.size)}{kept}: {target}")
    if target == "-":
        session.printer.note("\n".join(lines))
        return
    session.printer.result("\n".join(lines), _value(exported, target), brief=target)


def _export(session: Session, items: "Sequence[Item]", target: str, *, overwrite: bool) -> "Exported":
    from orchard.project import export_file, export_stream

    with watching(session.printer, session.progress, "Exporting") as observer:
        if target == "-":
            return export_stream(items, sys.stdout.buffer, observer=observer)
        return export_file(items, Path(target), overwrite=overwrite, observer=observer)


def _say_missing(session: Session, workspace: "Workspace", exported: "Exported", *, remote: bool | None) -> None:
    held = {item.root.digest for item in exported.items}
    roots = (item.reference.at(item.root.digest) for item in exported.items)
    needed = needed_kits(workspace, roots, remote=remote)
    missing = [one for one in needed if one[2] not in held]
    say_needed(session.printer.warn, missing, "which is not in the file; name it too")


def _value(exported: "Exported", target: str) -> "JSON":
    return {
        "file": target,
        "size": exported.size,
        "reused": exported.reused,
        "blobs": exported.blobs,
        "referrers": exported.referrers,
        "versions": [{"reference": str(item.reference), "digest": str(item.root.digest)} for item in exported.items],
    }
