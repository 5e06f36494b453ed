"""``orchard info``."""

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.workspace import open_workspace
from orchard.errors import NotFoundError, UsageError
from orchard.formats import to_value, to_yaml, value_to_yaml
from orchard.oci import JSON, Reference


@click.command(cls=Command)
@click.argument("reference", metavar="[REGISTRY/]REPOSITORY[:TAG|@DIGEST]")
@click.option("-r", "--remote", is_flag=True, help="Look in the registry, not in the local store.")
@click.option("-f", "--filter", "path", metavar="NODE", help="Show one part only, as in model.parameters.")
@network_options
def command(network: NetworkFlags, reference: str, path: str | None, *, remote: bool) -> None:
    """Show the Kitfile of a ModelKit, or one part of it.

    \b
    Examples:
      orchard info mymodel:v1
      orchard info mymodel:v1 --filter package.authors
      orchard info mymodel:v1 --filter datasets.0.path
    """
    session = current_session()
    version, _ = open_workspace(network, session).find(Reference.parse(reference), remote=remote)
    value = to_value(version.kit.kitfile)
    if path is None:
        session.printer.result(to_yaml(version.kit.kitfile).rstrip("\n"), value)
        return
    part = _part(value, path)
    session.printer.result(value_to_yaml(part).rstrip("\n"), part)


def _part(value: JSON, path: str) -> JSON:
    """Find a part by its path; names match without regard to case, as ``kit`` users may have written ``dataSets``.

    Raises:
        UsageError: If the path is not one.
        NotFoundError: If there is no such part.
    """
    names = path.removeprefix(".").split(".")
    if not all(names) or "[" in path:
        raise UsageError(f"--filter {path}: write the parts of a path with dots between them, as in datasets.0.path")
    here = value
    for name in names:
        if isinstance(here, list) and name.isdigit() and int(name) < len(here):
            here = here[int(name)]
            continue
        found = {key.lower(): key for key in here} if isinstance(here, dict) else {}
        if name.lower() not in found or not isinstance(here, dict):
            raise NotFoundError(f"--filter {path}: the Kitfile has no {name!r} there")
        here = here[name if name in here else found[name.lower()]]
    return here
