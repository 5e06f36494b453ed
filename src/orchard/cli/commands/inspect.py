"""``orchard inspect``."""

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.workspace import open_workspace
from orchard.formats import MAX_CONFIG, ProjectFormat
from orchard.oci import JSON, MAX_MANIFEST, Reference, loads, read_all
from orchard.project import read_origin


@click.command(cls=Command)
@click.argument("reference", metavar="[REGISTRY/]REPOSITORY[:TAG|@DIGEST]")
@click.option("-r", "--remote", is_flag=True, help="Look in the registry, not in the local store.")
@network_options
def command(network: NetworkFlags, reference: str, *, remote: bool) -> None:
    """Show the digest, the Kitfile and the manifest of a ModelKit, and where in Git it comes from, as JSON.

    Of a ModelPack or a Docker model, the config is shown too, and the Kitfile is the one that says the same.

    \b
    Examples:
      orchard inspect mymodel:v1
      orchard inspect --remote registry.example.com/team/mymodel:v1
    """
    session = current_session()
    version, store = open_workspace(network, session).find(Reference.parse(reference), remote=remote)
    manifest = version.manifest
    with store.open(manifest.config) as body:
        config = read_all(body, manifest.config, limit=MAX_CONFIG)
    origin = read_origin(manifest.annotations)
    is_kit = version.kit.format is ProjectFormat.MODELKIT
    kitfile = config if is_kit else version.kit.kitfile.to_json()
    value: dict[str, JSON] = {
        "digest": str(version.digest),
        "format": version.kit.format.value,
        "cliVersion": version.kit.cli_version or "unknown",
    }
    if origin:
        value["provenance"] = origin
    value["kitfile"] = loads(kitfile, what="config", limit=2 * MAX_CONFIG)
    if not is_kit:
        value["config"] = loads(config or b"{}", what="config", limit=MAX_CONFIG)
    value["manifest"] = loads(manifest.raw, what="manifest", limit=MAX_MANIFEST)
    session.printer.document(value)
