"""``orchard push``."""

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.progress import moved, moved_value, watching
from orchard.cli.referred import needed_kits, say_local
from orchard.cli.workspace import open_workspace
from orchard.oci import Reference
from orchard.project import Tally


@click.command(cls=Command)
@click.argument("source", metavar="SOURCE")
@click.argument("destination", metavar="[DESTINATION]", required=False)
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@network_options
def command(network: NetworkFlags, source: str, destination: str | None, *, dry_run: bool) -> None:
    """Push a ModelKit from the local store to a registry, under its own name or as DESTINATION.

    \b
    Examples:
      orchard push registry.example.com/team/mymodel:v1
      orchard push mymodel:v1 localhost:8080/team/mymodel:v1
      orchard push mymodel:v1 localhost:8080/team/mymodel:v1 --dry-run
    """
    session = current_session()
    parsed, tags = Reference.parse_tags(source)
    target = None
    if destination:
        target, tags = Reference.parse_tags(destination)
    there = (target or parsed).or_latest()
    session.printer.note(f"Pushing {parsed.or_latest()}" + (f" to {there}" if target else ""))
    with watching(session.printer, session.progress, "Pushing") as observer:
        tally = Tally(observer)
        workspace = open_workspace(network, session)
        digest = workspace.push(parsed, target, tags=tags, dry_run=dry_run, observer=tally)
    text = f"Would push {digest}: {moved(tally)}" if dry_run else f"Pushed {digest}"
    value = {"reference": str(there), "digest": str(digest), **moved_value(tally, dry_run=dry_run)}
    session.printer.result(text, value, brief=str(digest))
    say_local(session.printer.warn, (text for _, text, _ in needed_kits(workspace, [parsed], remote=False)))
