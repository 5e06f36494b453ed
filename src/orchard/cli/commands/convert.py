"""``orchard convert``."""

from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.progress import watching
from orchard.cli.workspace import open_workspace
from orchard.oci import Reference

if TYPE_CHECKING:
    from orchard.oci import JSON
    from orchard.project import Converted


@click.command(cls=Command)
@click.argument("reference", metavar="[REGISTRY/]REPOSITORY[:TAG|@DIGEST]")
@click.option(
    "--to",
    "form",
    type=click.Choice(["modelpack", "modelkit"]),
    required=True,
    help="The format it shall have.",
)
@click.option("-t", "--tag", metavar="TARGET", help="What to call the result; without it, it has only its digest.")
@click.option("-r", "--remote", is_flag=True, help="Convert in the registry; layers stay there.")
@click.option(
    "--explode", is_flag=True, help="Take archives apart: a bare file for each file in them. This moves data."
)
@click.option("--drop-unsupported", is_flag=True, help="ModelPack: leave out MCP servers, which it has no place for.")
@network_options
def command(
    network: NetworkFlags,
    reference: str,
    form: str,
    tag: str | None,
    *,
    remote: bool,
    explode: bool,
    drop_unsupported: bool,
) -> None:
    """Convert a ModelKit to a ModelPack, or a ModelPack or a Docker model to a ModelKit.

    Layers keep their bytes and their digests, so nothing is copied: a small config and a manifest are new. Converting
    back gives the version that was there before, by its digest.

    \b
    Examples:
      orchard convert mymodel:v1 --to modelpack -t mymodel:v1-modelpack
      orchard convert -r registry.example.com/m:v1 --to modelpack -t registry.example.com/m:pack
      orchard convert mymodel:v1 --to modelpack --explode -t mymodel:v1-files
    """
    from orchard.formats import ProjectFormat
    from orchard.project import Names, Wish, convert_reference

    session = current_session()
    source = Reference.parse(reference)
    target, extra = Reference.parse_tags(tag) if tag else (None, ())
    wish = Wish(
        to=ProjectFormat.MODELPACK if form == "modelpack" else ProjectFormat.MODELKIT,
        explode=explode,
        drop_unsupported=drop_unsupported,
        workers=network.concurrency,
    )
    with watching(session.printer, session.progress, "Converting") as observer:
        converted = convert_reference(
            open_workspace(network, session),
            source,
            wish,
            names=Names(target, extra),
            remote=remote,
            observer=observer,
        )
    for note in converted.notes:
        session.printer.warn(note)
    name = f" as {target.or_latest()}" if target is not None else ""
    digest = str(converted.descriptor.digest)
    text = f"Converted {source.or_latest()} to a {converted.after.value}{name}: {digest}"
    value = _value(converted, source, target, tags=extra)
    session.printer.result(text, value, brief=str(target.or_latest()) if target is not None else digest)


def _value(converted: "Converted", source: Reference, target: Reference | None, *, tags: tuple[str, ...]) -> "JSON":
    return {
        "source": str(source.or_latest()),
        "reference": str(target.or_latest()) if target is not None else None,
        "tags": [*tags],
        "from": converted.before.value,
        "to": converted.after.value,
        "digest": str(converted.descriptor.digest),
        "restored": converted.draft.restored,
        "layers": len(converted.draft.manifest.layers),
        "rewritten": converted.rewritten,
        "notes": [*converted.notes],
    }
