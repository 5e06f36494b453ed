"""``orchard push``."""

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.progress import watching
from orchard.cli.workspace import open_workspace
from orchard.oci import Reference


@click.command(cls=Command)
@click.argument("source", metavar="SOURCE")
@click.argument("destination", metavar="[DESTINATION]", required=False)
@network_options
def command(network: NetworkFlags, source: str, destination: str | None) -> None:
    """Push a ModelKit from the local store to a registry, under its own name or as DESTINATION.

    \b
    Examples:
      orchard push registry.example.com/team/mymodel:v1
      orchard push mymodel:v1 localhost:8080/team/mymodel:v1
    """
    session = current_session()
    parsed, tags = Reference.parse_tags(source)
    target = None
    if destination:
        target, tags = Reference.parse_tags(destination)
    there = (target or parsed).or_latest()
    session.printer.note(f"Pushing {parsed.or_latest()}" + (f" to {there}" if target else ""))
    with watching(session.printer, session.progress, "Pushing") as observer:
        digest = open_workspace(network, session).push(parsed, target, tags=tags, observer=observer)
    session.printer.result(f"Pushed {digest}", {"reference": str(there), "digest": str(digest)}, brief=str(digest))
