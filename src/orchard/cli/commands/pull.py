"""``orchard pull``."""

from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.progress import watching
from orchard.cli.workspace import open_workspace
from orchard.oci import Reference

if TYPE_CHECKING:
    from orchard.project import Pulled


@click.command(cls=Command)
@click.argument("reference", metavar="REGISTRY/REPOSITORY[:TAG|@DIGEST]")
@click.option("-l", "--label", "labels", multiple=True, metavar="KEY=VALUE", help="Choose a ModelKit of an index.")
@network_options
def command(network: NetworkFlags, reference: str, labels: tuple[str, ...]) -> None:
    """Pull a ModelKit from a registry into the local store, and the ones that hold its model.

    From an index, only the ModelKit that the labels choose is pulled.

    \b
    Examples:
      orchard pull registry.example.com/team/mymodel:v1
      orchard pull registry.example.com/team/mymodel:all -l quantization=q4_0
    """
    from orchard.formats import parse_selector
    from orchard.project import with_selected

    session = current_session()
    asked = Reference.parse(reference).or_latest()
    workspace = open_workspace(network, session)
    selector = parse_selector(labels)
    session.printer.note(f"Pulling {asked}")

    def pull(name: Reference) -> "tuple[Reference, Pulled]":
        with watching(session.printer, session.progress, "Pulling") as observer:
            return name, workspace.pull(name, observer=observer)

    parsed, pulled = with_selected(workspace, asked, pull, labels=selector, verb="pull", remote=True)
    for referred in pulled.referred:
        session.printer.note(f"Pulled referenced modelkit {referred}")
    digest = pulled.digest
    session.printer.result(
        f"Pulled {digest}",
        {"reference": str(parsed), "digest": str(digest), "referenced": list(map(str, pulled.referred))},
        brief=str(digest),
    )
