"""``orchard tag``."""

import click

from orchard.cli.options import Command, current_session
from orchard.cli.workspace import open_workspace
from orchard.oci import Reference


@click.command(cls=Command)
@click.argument("source", metavar="SOURCE[:TAG|@DIGEST]")
@click.argument("target", metavar="TARGET[:TAG[,TAG...]]")
@click.option("-n", "--dry-run", is_flag=True, help="Check that it can be done, and do nothing.")
def command(source: str, target: str, *, dry_run: bool) -> None:
    """Give a ModelKit in the local store another name; nothing is copied.

    \b
    Example:
      orchard tag mymodel:v1 registry.example.com/team/mymodel:stable
    """
    session = current_session()
    old = Reference.parse(source).or_latest()
    new, extra = Reference.parse_tags(target)
    digest = open_workspace(session=session).tag(old, new.or_latest(), extra, dry_run=dry_run)
    # kit writes names of the local store in full here, and only here
    shown = [_full(name) if session.printer.as_kit else str(name) for name in (old, new.or_latest())]
    session.printer.result(
        f"Modelkit {shown[0]} {'would be ' if dry_run else ''}tagged as {shown[1]}",
        {
            "source": str(old),
            "reference": str(new.or_latest()),
            "tags": [*extra],
            "digest": str(digest),
            "dryRun": dry_run,
        },
        brief=str(new.or_latest()),
    )


def _full(reference: Reference) -> str:
    return f"{reference.registry}/{reference}" if reference.is_local else str(reference)
