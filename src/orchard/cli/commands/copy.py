"""``orchard copy``."""

from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.output import format_size
from orchard.cli.progress import watching
from orchard.cli.referred import needed_kits, say_needed
from orchard.cli.workspace import open_workspace

if TYPE_CHECKING:
    from orchard.oci import JSON
    from orchard.project import Copied, CopiedVersion, Place
    from orchard.store import Related


@click.command(cls=Command)
@click.argument("source", metavar="SOURCE")
@click.argument("destination", metavar="DESTINATION")
@click.option("--all-tags", is_flag=True, help="Copy every version that has a tag; name repositories only.")
@click.option(
    "--referrers/--no-referrers",
    default=True,
    help="Copy signatures and all else that refers to a version too (default: yes).",
)
@click.option("--dry-run", is_flag=True, help="Show what would be copied; copy nothing.")
@network_options
def command(
    network: NetworkFlags, source: str, destination: str, *, all_tags: bool, referrers: bool, dry_run: bool
) -> None:
    """Copy a ModelKit, or any other artifact, from one registry to another, with all that refers to it.

    Nothing is stored on the way, and nothing is sent that DESTINATION has already; within one registry blobs are
    mounted where it allows that. Referrers come along whether a registry lists them, keeps them in tags, or has
    tags like `sha256-….sig`. DESTINATION may name several tags; without one it gets the tag of SOURCE.

    A name without a registry is in the local store; write local:// before any other name there.

    \b
    Examples:
      orchard copy ghcr.io/team/model:v1 registry.example.com/team/model
      orchard copy registry.example.com/team/model:v1 registry.example.com/team/model:prod,v1.0
      orchard copy --all-tags old.example.com/team/model new.example.com/team/model
      orchard copy registry.example.com/team/model:v1 local://registry.example.com/team/model:v1
    """
    session = current_session()
    from orchard.project import CopyTerms, Place, copy_versions

    here, there = Place.parse(source), Place.parse(destination)
    session.printer.note(f"Copying {here} to {there}")
    terms = CopyTerms(every_tag=all_tags, referrers=referrers, dry_run=dry_run, workers=network.concurrency)
    workspace = open_workspace(network, session)
    with watching(session.printer, session.progress, "Copying") as observer:
        copied = copy_versions(workspace, here, there, terms=terms, observer=observer)
    text = "\n".join([*_lines(copied, there, dry_run=dry_run), _sum(copied, dry_run=dry_run)])
    brief = "\n".join(str(version.root.digest) for version in copied.versions)
    session.printer.result(text, _value(copied, here, there, dry_run=dry_run), brief=brief)
    roots = (here.reference.at(version.root.digest) for version in copied.versions)
    needed = needed_kits(workspace, roots, remote=not here.local)
    say_needed(session.printer.aside, needed, "which stays where it is; copy it too where it is not within reach")


def _lines(copied: "Copied", there: "Place", *, dry_run: bool) -> list[str]:
    done = "Would copy" if dry_run else "Copied"
    lines = []
    for version in copied.versions:
        names = f" as {','.join(version.tags)}" if version.tags else ""
        lines.append(f"{done} {version.root.digest} to {there.reference.name}{names}")
        lines += [f"  {_kind(related)} {related.descriptor.digest}" for related in version.related]
    return lines


def _kind(related: "Related") -> str:
    return related.tag or related.descriptor.artifact_type or related.descriptor.media_type


def _sum(copied: "Copied", *, dry_run: bool) -> str:
    sent = "would be sent" if dry_run else "sent"
    return f"{copied.contents} blobs {sent}, {format_size(copied.size)}; {copied.skipped} were there"


def _value(copied: "Copied", here: "Place", there: "Place", *, dry_run: bool) -> "JSON":
    return {
        "source": str(here),
        "destination": str(there),
        "dryRun": dry_run,
        "blobs": copied.contents,
        "size": copied.size,
        "skipped": copied.skipped,
        "versions": [_version(version) for version in copied.versions],
    }


def _version(version: "CopiedVersion") -> "JSON":
    return {
        "digest": str(version.root.digest),
        "tags": list(version.tags),
        "referrers": [_referrer(related) for related in version.related],
    }


def _referrer(related: "Related") -> "JSON":
    return {
        "digest": str(related.descriptor.digest),
        "artifactType": related.descriptor.artifact_type,
        "subject": str(related.subject),
        "tag": related.tag,
    }
