"""``orchard history``."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.output import format_size, printable
from orchard.cli.workspace import open_workspace
from orchard.oci import Reference

if TYPE_CHECKING:
    from orchard.oci import JSON
    from orchard.project import Step

_RFC3339: Final = "%Y-%m-%dT%H:%M:%SZ"


@click.command(cls=Command)
@click.argument("reference", metavar="[REGISTRY/]REPOSITORY[:TAG|@DIGEST]")
@click.option("-r", "--remote", is_flag=True, help="Ask the registry, not the local store.")
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="Show the newest N only.")
@network_options
def command(network: NetworkFlags, reference: str, limit: int | None, *, remote: bool) -> None:
    """Show the versions of a repository, the newest first: tags, commits, sizes, what each brought.

    With a tag or a digest, that version and those before it. The local store knows when each came, and which tags it
    had before they moved on. Of a registry, versions with tags are shown, in the order of the times that they claim.

    \b
    Examples:
      orchard history mymodel
      orchard history mymodel:v3 -n 5
      orchard history --remote registry.example.com/team/mymodel
    """
    from orchard.project import local_history, read_tags, remote_history

    session = current_session()
    parsed = Reference.parse(reference)
    workspace = open_workspace(network, session)
    if remote:
        repository = workspace.remote(parsed)
        steps = remote_history(read_tags(repository, repository.tags(), workers=network.concurrency), parsed)
    else:
        steps = local_history(workspace.layout, parsed)
    shown = steps[:limit]
    session.printer.result(
        "\n\n".join("\n".join(map(printable, _lines(step))) for step in shown),
        [_value(step) for step in shown],
        brief="\n".join(str(step.version.digest) for step in shown),
    )


def _lines(step: "Step") -> Iterator[str]:
    version, package = step.version, step.version.kit.kitfile.package
    tags = f" ({', '.join(step.tags)})" if step.tags else ""
    yield f"version {version.digest}{tags}"
    name = " ".join(filter(None, (package.name, package.version)))
    if name:
        yield f"Name:    {name}"
    if step.added is not None:
        yield f"Added:   {_time(step.added, '%Y-%m-%d %H:%M:%S UTC')}"
    if step.created is not None:
        yield f"Created: {_time(step.created, '%Y-%m-%d %H:%M:%S UTC')}"
    if commit := _commit(step):
        yield f"Commit:  {commit}"
    yield f"Size:    {format_size(version.size)} in {_count(len(version.manifest.layers))}, {format_size(step.new)} new"
    if step.parent is not None:
        text, digest = step.parent
        yield f"Model:   {text}" + (f" ({digest})" if digest is not None else "")
    if step.former_tags:
        yield f"Was:     {', '.join(step.former_tags)}"


def _commit(step: "Step") -> str:
    origin = step.origin
    where = [str(origin["branch"])] if "branch" in origin else []
    where += ["with changes"] if origin.get("dirty") else []
    parts = [str(origin["revision"]) if "revision" in origin else "", f"({', '.join(where)})" if where else ""]
    return " ".join(filter(None, (*parts, str(origin.get("source", "")))))


def _value(step: "Step") -> "JSON":
    version = step.version
    return {
        "digest": str(version.digest),
        "tags": list(step.tags),
        "formerTags": list(step.former_tags),
        "name": version.kit.kitfile.package.name,
        "version": version.kit.kitfile.package.version,
        "added": None if step.added is None else _time(step.added, _RFC3339),
        "created": None if step.created is None else _time(step.created, _RFC3339),
        "size": version.size,
        "new": step.new,
        "layers": len(version.manifest.layers),
        "provenance": step.origin or None,
        "parent": None
        if step.parent is None
        else {"reference": step.parent[0], "digest": None if step.parent[1] is None else str(step.parent[1])},
    }


def _time(seconds: float, form: str) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(form)


def _count(layers: int) -> str:
    return f"{layers} layer{'' if layers == 1 else 's'}"
