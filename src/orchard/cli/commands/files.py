"""``orchard files``."""

from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.output import format_size, printable, table
from orchard.cli.workspace import open_workspace
from orchard.oci import JSON, Reference

if TYPE_CHECKING:
    from orchard.formats import IndexedFile


@click.command(cls=Command)
@click.argument("reference", metavar="[REGISTRY/]REPOSITORY[:TAG|@DIGEST]")
@click.argument("path", required=False, default="")
@click.option("-r", "--remote", is_flag=True, default=None, help="Look in the registry, not in the local store.")
@click.option("-l", "--long", is_flag=True, help="Show mode, digest and layer too.")
@click.option("--digests", is_flag=True, help="Find out the digest of every file; layers are read whole for it.")
@network_options
def command(
    network: NetworkFlags, reference: str, path: str, *, remote: bool | None, long: bool, digests: bool
) -> None:
    """List the files of a ModelKit, or those below a directory of it, without unpacking it.

    It is looked for in the local store, then in its registry, of which only the headers of archives are fetched. A
    second look costs nothing: what a layer holds is remembered.

    \b
    Examples:
      orchard files mymodel:v1
      orchard files registry.example.com/team/mymodel:v1 model
      orchard files mymodel:v1 --long --digests
    """
    session = current_session()
    from orchard.project import open_version

    workspace = open_workspace(network, session)
    with open_version(workspace, Reference.parse(reference), remote=remote, hashed=digests) as opened:
        found = opened.list(path)
        value: JSON = {"digest": str(opened.version.digest), "files": [_value(file) for file in found]}
    headings = ("KIND", "MODE", "SIZE", "DIGEST", "LAYER", "PATH") if long else ("KIND", "SIZE", "PATH")
    text = table(headings, [_row(file, long=long) for file in found])
    session.printer.result(text, value, brief="\n".join(printable(file.path) for file in found))


def _row(file: "IndexedFile", *, long: bool) -> tuple[str, ...]:
    kind, size = file.kind.value, format_size(file.size)
    if not long:
        return kind, size, file.path
    return kind, _mode(file), size, file.digest or "-", file.layer.descriptor.digest.short, file.path


def _value(file: "IndexedFile") -> dict[str, JSON]:
    return {
        "path": file.path,
        "size": file.size,
        "mode": _mode(file),
        "type": file.kind.value,
        "digest": file.digest,
        "layer": str(file.layer.descriptor.digest),
        "offset": file.offset,
    }


def _mode(file: "IndexedFile") -> str:
    return f"{file.mode:04o}"
