"""``orchard remove``."""

from collections.abc import Iterator

import click

from orchard.cli.options import Command, NetworkFlags, Session, current_session, network_options
from orchard.cli.output import format_size
from orchard.cli.workspace import open_workspace
from orchard.errors import UsageError
from orchard.oci import JSON, Reference
from orchard.project import Removed, Workspace, remove, remove_names, remove_remote
from orchard.store import Layout, Rehearsal


@click.command(cls=Command)
@click.argument("reference", metavar="[REGISTRY/]REPOSITORY[:TAG[,TAG...]|@DIGEST]", required=False)
@click.option("-f", "--force", is_flag=True, help="Remove the version with all its tags; with --all, everything.")
@click.option("-a", "--all", "everything", is_flag=True, help="Remove every version that has no tag.")
@click.option("-r", "--remote", is_flag=True, help="Remove from the registry, not from the local store.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@network_options
def command(
    network: NetworkFlags, reference: str | None, *, force: bool, everything: bool, remote: bool, dry_run: bool
) -> None:
    """Remove a tag; with the last tag, by digest, or with --force, the version too.

    \b
    Examples:
      orchard remove mymodel:v1
      orchard remove --all
      orchard remove mymodel:v1 --force --dry-run
      orchard remove --remote registry.example.com/team/mymodel:v1
    """
    session = current_session()
    if everything and reference is not None:
        raise UsageError("modelkit should not be specified when --all flag is used: --all removes what has no tag")
    if not everything and reference is None:
        raise UsageError("name what to remove, or use --all to remove every version without a tag")
    if everything and remote:
        raise UsageError("--remote and --all contradict each other: name what to remove from the registry")
    workspace = open_workspace(network, session)
    layout: Layout = Rehearsal(workspace.layout) if dry_run else workspace.layout
    if everything:
        removed = _remove_all(layout, force=force)
    else:
        parsed, extra = Reference.parse_tags(str(reference))
        names = [parsed, *(parsed.tagged(tag) for tag in extra)]
        if remote:
            _remove_remote(session, workspace, names, force=force, dry_run=dry_run)
            return
        removed = remove_names(layout, names, force=force)
    swept = layout.sweep()
    session.printer.aside(
        "The store is busy; space is freed later"
        if swept.busy
        else f"{'Would free' if dry_run else 'Freed'} {format_size(swept.bytes)}"
    )
    brief = "\n".join(str(one.reference.or_latest()) for one in removed)
    as_kit = session.printer.as_kit
    if everything and as_kit and not dry_run:
        text = "\n".join(line for one in removed for line in _kit_lines(one))
    else:
        text = "\n".join(_line(one, as_kit=as_kit, dry_run=dry_run) for one in removed)
    session.printer.result(text, [_value(one, dry_run=dry_run) for one in removed], brief=brief)


def _remove_all(layout: Layout, *, force: bool) -> list[Removed]:
    names = {(entry.repository, entry.descriptor.digest) for entry in layout.entries() if force or not entry.tag}
    removed = []
    for name, digest in sorted(names):
        registry, _, repository = name.partition("/")
        removed.append(remove(layout, Reference(registry, repository, digest=digest), force=True))
    return removed


def _remove_remote(
    session: Session, workspace: Workspace, names: list[Reference], *, force: bool, dry_run: bool
) -> None:
    lines: list[str] = []
    values: list[JSON] = []
    names = [name.or_latest() for name in names]
    for name in names:
        digest = remove_remote(workspace.remote(name), name, force=force, dry_run=dry_run)
        shown = name.at(digest) if force else name
        lines.append(f"{'Would remove' if dry_run else 'Removed'} {shown} (digest {digest})")
        values.append({"reference": str(shown), "digest": str(digest), "remote": True, "dryRun": dry_run})
    brief = "\n".join(map(str, names))
    session.printer.result("\n".join(lines), values, brief=brief)


def _line(one: Removed, *, as_kit: bool, dry_run: bool) -> str:
    # kit says the same words whether the version went or a tag of it only
    if one.kept and not as_kit:
        done = "Would untag" if dry_run else "Untagged"
        return f"{done} {one.reference.or_latest()} (digest {one.digest} stays, it has other tags)"
    return f"{'Would remove' if dry_run else 'Removed'} {one.reference.or_latest()} (digest {one.digest})"


def _kit_lines(one: Removed) -> Iterator[str]:
    """Say what ``kit remove --all`` says."""
    name = Reference(one.reference.registry, one.reference.repository)
    yield from (f"Untagged {name.tagged(tag)}" for tag in sorted(one.tags))
    yield f"Removed {one.reference}"


def _value(one: Removed, *, dry_run: bool) -> JSON:
    return {
        "reference": str(one.reference.or_latest()),
        "digest": str(one.digest),
        "tags": list(one.tags),
        "kept": one.kept,
        "dryRun": dry_run,
    }
