"""``orchard hub admin trash``."""

from typing import TYPE_CHECKING

import click

from orchard.cli.commands.hub.admin_desk import at_desk, cells, said, when
from orchard.cli.options import Command, Group
from orchard.cli.output import table

if TYPE_CHECKING:
    from orchard.hub.registry import Trashed
    from orchard.oci import JSON


@click.group(cls=Group)
def trash() -> None:
    """What was deleted and can come back for a while."""


@trash.command("list", cls=Command)
@click.argument("name", metavar="REPOSITORY")
def list_trash(name: str) -> None:
    """List what was deleted in a repository, the newest first; the repository itself may be gone.

    \b
    Example:
      orchard hub admin trash list vision/resnet
    """
    with at_desk() as (desk, session):
        rows = [_entry(one) for one in desk.rules.trash(name)]
    keys = ("id", "deletedAt", "deletedBy", "kind", "what", "manifests", "why")
    text = table(("ID", "WHEN", "WHO", "KIND", "WHAT", "MANIFESTS", "WHY"), cells(rows, *keys))
    session.printer.result(text, [*rows])


@trash.command(cls=Command)
@click.argument("name", metavar="REPOSITORY")
@click.argument("number", metavar="ID", type=int)
def restore(name: str, number: int) -> None:
    """Put back what was deleted, and those of its tags whose names nothing else has taken.

    \b
    Example:
      orchard hub admin trash restore vision/resnet 12
    """
    with at_desk() as (desk, session):
        done = desk.rules.restore(name, number)
    text = f"Restored {len(done.manifests)} manifests and {len(done.tags)} tags of {name}"
    if done.taken:
        text += f"; these tags point to something else by now and stay so: {', '.join(done.taken)}"
    manifests: list[JSON] = [str(digest) for digest in done.manifests]
    said(session, text, {"manifests": manifests, "tags": [*done.tags], "taken": [*done.taken]})


@trash.command(cls=Command)
@click.argument("name", metavar="REPOSITORY")
@click.argument("number", metavar="ID", type=int)
def purge(name: str, number: int) -> None:
    """Forget for good what was deleted.

    \b
    Example:
      orchard hub admin trash purge vision/resnet 12
    """
    with at_desk() as (desk, session):
        desk.rules.governed(name).purge(number)
        said(session, f"Purged entry {number} of the trash of {name}", {"name": name, "id": number})


def _entry(found: "Trashed") -> "dict[str, JSON]":
    return {
        "id": found.id,
        "kind": found.kind,
        "what": found.what,
        "why": found.why,
        "deletedAt": when(found.deleted_at),
        "deletedBy": found.deleted_by,
        "manifests": found.manifests,
        "tags": [{"name": tag, "digest": str(digest)} for tag, digest in found.tags],
    }
