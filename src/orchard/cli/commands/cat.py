"""``orchard cat``."""

from base64 import b64encode
from typing import TYPE_CHECKING, Final

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.workspace import open_workspace
from orchard.oci import JSON, Reference

if TYPE_CHECKING:
    from orchard.project import OpenVersion

_AT_ONCE: Final = 8 << 20  # bytes; up to here everything is verified before the first byte is printed
_AS_JSON: Final = 64 << 20  # bytes


@click.command(cls=Command)
@click.argument("reference", metavar="[REGISTRY/]REPOSITORY[:TAG|@DIGEST]")
@click.argument("path")
@click.option("-r", "--remote", is_flag=True, default=None, help="Look in the registry, not in the local store.")
@click.option("--offset", type=click.IntRange(min=0), default=0, metavar="BYTES", help="Leave out so many bytes.")
@click.option("--length", type=click.IntRange(min=0), metavar="BYTES", help="Print so many bytes at most.")
@click.option("--verify", is_flag=True, help="Fetch the layer whole and verify it before anything is printed.")
@network_options
def command(
    network: NetworkFlags,
    reference: str,
    path: str,
    *,
    remote: bool | None,
    offset: int,
    length: int | None,
    verify: bool,
) -> None:
    """Print one file of a ModelKit, without unpacking it.

    It is looked for in the local store, then in its registry, of which only this file is fetched. Of an archive in a
    registry a part cannot be verified, because a digest names the whole; --verify fetches and verifies the whole. A
    layer that is one bare file is verified in any case.

    \b
    Examples:
      orchard cat mymodel:v1 README.md
      orchard cat registry.example.com/team/mymodel:v1 data/train.csv --length 1000
      orchard cat mymodel:v1 model/config.json | jq .
    """
    session = current_session()
    from orchard.project import open_version

    workspace = open_workspace(network, session)
    with open_version(workspace, Reference.parse(reference), remote=remote, verify=verify) as opened:
        if session.printer.as_json:
            session.printer.document(_document(opened, path, offset, length))
            return
        size = opened.file(path).size
        if size <= _AT_ONCE:
            session.printer.raw(opened.read(path, offset=offset, size=length))
            return
        for piece in opened.stream(path, offset=offset, size=length):
            session.printer.raw(piece)


def _document(opened: "OpenVersion", path: str, offset: int, length: int | None) -> dict[str, JSON]:
    file = opened.file(path)
    data = opened.read(path, offset=offset, size=length, limit=_AS_JSON)
    try:
        encoding, content = "utf-8", data.decode()
    except UnicodeDecodeError:
        encoding, content = "base64", b64encode(data).decode()
    return {
        "path": file.path,
        "size": file.size,
        "offset": min(offset, file.size),
        "length": len(data),
        "encoding": encoding,
        "content": content,
    }
