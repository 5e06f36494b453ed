"""``orchard unpack``."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.output import Printer
from orchard.cli.planned import one_line
from orchard.cli.progress import watching
from orchard.cli.workspace import open_workspace
from orchard.errors import UsageError
from orchard.oci import Reference
from orchard.project import Existing, Terms

if TYPE_CHECKING:
    from orchard.oci import JSON
    from orchard.project import Unpacked, Version

_NAMED = frozenset(("model", "modelpart", "dataset"))  # kinds of layers that kit's lines name
MAX_WARNINGS = 10
_OLD = ("kitfile", "model", "code", "datasets", "docs")


@click.command(cls=Command)
@click.argument("reference", metavar="[REGISTRY/]REPOSITORY[:TAG|@DIGEST]")
@click.option(
    "-d", "--dir", "directory", type=click.Path(path_type=Path, readable=False), help="Where to unpack (default: here)."
)
@click.option("-o", "--overwrite", is_flag=True, help="Replace files that are already there.")
@click.option("-i", "--ignore-existing", is_flag=True, help="Keep files that are already there.")
@click.option("-f", "--filter", "filters", multiple=True, metavar="TYPE[,TYPE][:NAME|PATH,...]", help="What to unpack.")
@click.option("-l", "--label", "labels", multiple=True, metavar="KEY=VALUE", help="Choose a ModelKit of an index.")
@click.option(
    "--as-skill",
    "agents",
    is_flag=False,
    flag_value="auto",
    metavar="[=AGENT,...]",
    help="Install prompts with a SKILL.md for coding agents instead: for those that are here, or for these.",
)
@click.option("--max-files", type=click.IntRange(min=1), default=100_000, show_default=True, help="Files to accept.")
@click.option("--any-names", is_flag=True, help="Accept names that differ by case only, or that Windows reserves.")
@click.option("--include-remote", is_flag=True, help="Fetch remote datasets too, from S3 and from other ModelKits.")
@click.option("--dry-run", is_flag=True, help="Say what would be written and what is in the way; write nothing.")
@click.option("--kitfile", is_flag=True, hidden=True)
@click.option("--model", is_flag=True, hidden=True)
@click.option("--code", is_flag=True, hidden=True)
@click.option("--datasets", is_flag=True, hidden=True)
@click.option("--docs", is_flag=True, hidden=True)
@network_options
def command(
    network: NetworkFlags,
    reference: str,
    directory: Path | None,
    filters: tuple[str, ...],
    labels: tuple[str, ...],
    agents: str | None,
    *,
    overwrite: bool,
    ignore_existing: bool,
    max_files: int,
    any_names: bool,
    include_remote: bool,
    dry_run: bool,
    kitfile: bool,
    model: bool,
    code: bool,
    datasets: bool,
    docs: bool,
) -> None:
    """Unpack a ModelKit, or the parts that filters select, into a directory.

    What is not in the local store is fetched from the registry, and only what is selected. A layer appears when all of
    it is verified; a failure leaves the directory as it was. What the ModelKit takes from others comes along.

    \b
    Examples:
      orchard unpack mymodel:v1 -d ./here
      orchard unpack registry.example.com/team/mymodel:v1 --filter model,kitfile
      orchard unpack mymodel:v1 --filter datasets:train
      orchard unpack registry.example.com/team/mymodel:all -l quantization=q4_0
      orchard unpack mymodel:v1 --as-skill
    """
    from orchard.cli.skills import Skills
    from orchard.formats import parse_filters, parse_selector
    from orchard.project import with_selected

    session = current_session()
    parsed, extra = Reference.parse_tags(reference)
    if extra:
        raise UsageError("can not unpack multiple tags")
    old = [name for name, on in zip(_OLD, (kitfile, model, code, datasets, docs), strict=True) if on]
    existing = _existing(overwrite=overwrite, keep=ignore_existing)
    chosen = parse_filters(filters or ([",".join(old)] if old else ()))
    workspace = open_workspace(network, session)
    selector = parse_selector(labels)
    if agents is not None:
        skills = Skills(agents, directory, replace=existing is Existing.OVERWRITE, dry_run=dry_run)
        with_selected(workspace, parsed, partial(skills.install, workspace, chosen), labels=selector, verb="unpack")
        return
    directory = directory or Path()
    session.printer.note(f"{'Would unpack' if dry_run else 'Unpacking'} to {directory.absolute()}")
    terms = Terms(existing, max_files, any_names=any_names, include_remote=include_remote, dry_run=dry_run)

    def unpack(name: Reference) -> "tuple[Version, Unpacked]":
        with watching(session.printer, session.progress, "Unpacking") as observer:
            return workspace.unpack(name, directory, filters=chosen, terms=terms, observer=observer)

    version, unpacked = with_selected(workspace, parsed, unpack, labels=selector, verb="unpack")
    if not unpacked.layers and not unpacked.kitfile and not unpacked.fetched and not unpacked.skipped:
        session.printer.warn("nothing in this ModelKit matches the filters; see: orchard info")
    if dry_run:
        _warn(session.printer, unpacked)
        session.printer.result("\n".join(map(one_line, unpacked.files)), _value(version, unpacked, dry_run=True))
        return
    _note(session.printer, unpacked, wanted=chosen.kitfile)
    session.printer.result("", _value(version, unpacked))


def _warn(printer: Printer, unpacked: "Unpacked") -> None:
    """Say what would have made it fail."""
    for path in unpacked.in_the_way[:MAX_WARNINGS]:
        printer.warn(f"path '{one_line(path)}' already exists in {unpacked.destination}")
    if len(unpacked.in_the_way) > MAX_WARNINGS:
        printer.warn(f"and {len(unpacked.in_the_way) - MAX_WARNINGS} more")


def _existing(*, overwrite: bool, keep: bool) -> Existing:
    if overwrite and keep:
        raise UsageError("--overwrite and --ignore-existing contradict each other")
    if overwrite:
        return Existing.OVERWRITE
    return Existing.KEEP if keep else Existing.REFUSE


def _note(printer: Printer, unpacked: "Unpacked", *, wanted: bool) -> None:
    for text in unpacked.referred:
        printer.note(f"Unpacked referenced modelkit {text}")
    if unpacked.kitfile:
        words = "Unpacking config" if printer.as_kit else "Unpacked Kitfile"
        printer.note(f"{words} to {unpacked.destination / 'Kitfile'}")
    elif wanted and printer.as_kit and (unpacked.destination / "Kitfile").is_file():
        printer.note(f"Found existing Kitfile at {unpacked.destination / 'Kitfile'}")
    for layer in unpacked.layers:
        name = f" {layer.name}" if layer.name else ""
        if printer.as_kit:
            kind = "model part" if layer.kind.value == "modelpart" else layer.kind.value
            printer.note(f"Unpacking {kind}{name if layer.kind.value in _NAMED else ''} to {layer.path}")
        else:
            printer.note(f"Unpacked {layer.kind.value}{name} to {unpacked.destination / layer.path}")
    for url in unpacked.fetched:
        printer.note(f"Unpacked dataset from {url}")
    if unpacked.skipped:
        printer.note("ModelKit contains remote datasets. To unpack, specify the --include-remote flag")


def _value(version: "Version", unpacked: "Unpacked", *, dry_run: bool = False) -> "JSON":
    return {
        "digest": str(version.digest),
        "directory": str(unpacked.destination),
        "files": list(unpacked.files),
        "layers": [
            {
                "type": layer.kind.value,
                "name": layer.name,
                "path": layer.path,
                "digest": str(layer.descriptor.digest),
                "size": layer.descriptor.size,
            }
            for layer in unpacked.layers
        ],
        "referenced": list(unpacked.referred),
        "remote": list(unpacked.fetched),
        "skipped": list(unpacked.skipped),
        "dryRun": dry_run,
        "inTheWay": list(unpacked.in_the_way),
    }
