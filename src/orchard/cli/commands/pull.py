"""``orchard pull``."""

from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.progress import moved, moved_value, watching
from orchard.cli.workspace import open_workspace
from orchard.oci import Reference
from orchard.project import Tally

if TYPE_CHECKING:
    from orchard.project import Pulled


@click.command(cls=Command)
@click.argument("reference", metavar="REGISTRY/REPOSITORY[:TAG|@DIGEST]")
@click.option("-l", "--label", "labels", multiple=True, metavar="KEY=VALUE", help="Choose a ModelKit of an index.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be fetched, and store nothing.")
@network_options
def command(network: NetworkFlags, reference: str, labels: tuple[str, ...], *, dry_run: bool) -> None:
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

    tally: list[Tally] = []

    def pull(name: Reference) -> "tuple[Reference, Pulled]":
        with watching(session.printer, session.progress, "Pulling") as observer:
            tally.append(Tally(observer))
            return name, workspace.pull(name, dry_run=dry_run, observer=tally[-1])

    parsed, pulled = with_selected(workspace, asked, pull, labels=selector, verb="pull", remote=True)
    for referred in pulled.referred:
        session.printer.note(f"{'Would pull' if dry_run else 'Pulled'} referenced modelkit {referred}")
    digest = pulled.digest
    done = tally[-1]
    session.printer.result(
        f"Would pull {digest}: {moved(done)}" if dry_run else f"Pulled {digest}",
        {
            "reference": str(parsed),
            "digest": str(digest),
            "referenced": list(map(str, pulled.referred)),
            **moved_value(done, dry_run=dry_run),
        },
        brief=str(digest),
    )
