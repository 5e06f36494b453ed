"""``orchard pull``."""

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.progress import watching
from orchard.cli.workspace import open_workspace
from orchard.oci import Reference


@click.command(cls=Command)
@click.argument("reference", metavar="REGISTRY/REPOSITORY[:TAG|@DIGEST]")
@network_options
def command(network: NetworkFlags, reference: str) -> None:
    """Pull a ModelKit from a registry into the local store, and the ones that hold its model.

    \b
    Example:
      orchard pull registry.example.com/team/mymodel:v1
    """
    session = current_session()
    parsed = Reference.parse(reference).or_latest()
    session.printer.note(f"Pulling {parsed}")
    with watching(session.printer, session.progress, "Pulling") as observer:
        pulled = open_workspace(network, session).pull(parsed, observer=observer)
    for referred in pulled.referred:
        session.printer.note(f"Pulled referenced modelkit {referred}")
    digest = pulled.digest
    session.printer.result(
        f"Pulled {digest}",
        {"reference": str(parsed), "digest": str(digest), "referenced": list(map(str, pulled.referred))},
        brief=str(digest),
    )
