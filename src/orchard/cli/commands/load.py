"""``orchard load``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, NetworkFlags, Session, current_session, network_options
from orchard.cli.progress import watching
from orchard.cli.referred import Needed, needed_kits, say_needed
from orchard.cli.workspace import open_workspace
from orchard.errors import NotFoundError, UsageError
from orchard.oci import Reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchard.oci import JSON
    from orchard.project import Loaded, Workspace


@click.command(cls=Command)
@click.argument("file", metavar="FILE")
@click.option("--as", "name", metavar="NAME[:TAG]", help="What to call the version, if the file holds one.")
@click.option("--to", "prefix", metavar="REGISTRY[/PREFIX]", help="Push to a registry, and store nothing here.")
@network_options
def command(network: NetworkFlags, file: str, name: str | None, prefix: str | None) -> None:
    """Take the versions of a file that `orchard export` wrote, or of any archive of an OCI layout.

    They go into the local store or, with --to, straight to a registry. Every byte is verified before a name points to
    it, and what is there already is skipped: a load that was interrupted goes on where it was. '-' is standard input.

    \b
    Examples:
      orchard load mymodel.tar
      orchard load mymodel.tar --to registry.example.com/team
      orchard load theirs.tar --as mymodel:v1
    """
    session = current_session()
    chosen = Reference.parse(name) if name else None
    if chosen is not None and chosen.digest is not None:
        raise UsageError(f"--as {name}: a digest cannot be chosen")
    workspace = open_workspace(network, session)
    if file == "-":
        loaded = _load_stream(session, workspace, chosen, prefix)
    else:
        loaded = _load_file(session, workspace, file, name=chosen, prefix=prefix, workers=network.concurrency)
    session.printer.result(
        "\n".join(map(_line, loaded)),
        {"file": file, "loaded": [_value(one) for one in loaded]},
        brief="\n".join(str(one.reference) for one in loaded),
    )
    if prefix is None:
        _say_missing(session, workspace, loaded)


def _say_missing(session: Session, workspace: "Workspace", loaded: "Sequence[Loaded]") -> None:
    named = (one.reference.at(one.descriptor.digest) for one in loaded if one.named)
    missing = [one for one in needed_kits(workspace, named, remote=False) if not _is_local(workspace, one)]
    say_needed(session.printer.warn, missing, "which is not in the local store; load it too, or pull it")


def _is_local(workspace: "Workspace", needed: Needed) -> bool:
    _, text, digest = needed
    reference, _ = Reference.parse_tags(text)
    try:
        workspace.find(reference if digest is None else reference.at(digest), remote=False)
    except NotFoundError:
        return False
    return True


def _load_file(
    session: Session, workspace: "Workspace", file: str, *, name: Reference | None, prefix: str | None, workers: int
) -> "Sequence[Loaded]":
    from orchard.project import load_file

    with watching(session.printer, session.progress, "Loading") as observer:
        return load_file(workspace, Path(file), name=name, prefix=prefix, workers=workers, observer=observer)


def _load_stream(
    session: Session, workspace: "Workspace", name: Reference | None, prefix: str | None
) -> "Sequence[Loaded]":
    from orchard.project import ArchiveStream, copy_all, destinations

    if prefix is not None:
        raise UsageError("--to needs a file: a registry may ask for bytes again, and standard input comes once")
    if sys.stdin.isatty():
        raise UsageError("-: no data piped; name a file, or pipe one: orchard load - < FILE")
    layout = workspace.layout
    with watching(session.printer, session.progress, "Loading") as observer, layout.writing():
        stream = ArchiveStream(sys.stdin.buffer, layout, observer=observer)
        loaded = destinations(stream.held, name=name)
        copy_all(stream, loaded, lambda reference: layout.repository(reference.name), observer=observer)
    return loaded


def _line(one: "Loaded") -> str:
    what = "Loaded" if one.named else "Loaded referrer"
    return f"{what} {one.reference}" + (f" (digest {one.descriptor.digest})" if one.reference.tag else "")


def _value(one: "Loaded") -> "JSON":
    return {"reference": str(one.reference), "digest": str(one.descriptor.digest), "referrer": not one.named}
