"""``orchard remove``."""

import click

from orchard.cli.options import Command, NetworkFlags, Session, current_session, network_options
from orchard.cli.output import format_size
from orchard.cli.workspace import open_workspace
from orchard.errors import UsageError
from orchard.oci import JSON, Reference
from orchard.project import Removed, Workspace, remove, resolve_local


@click.command(cls=Command)
@click.argument("reference", metavar="[REFERENCE[,TAG...]]", required=False)
@click.option("-f", "--force", is_flag=True, help="Remove the version with all its tags; with --all, everything.")
@click.option("-a", "--all", "everything", is_flag=True, help="Remove every version that has no tag.")
@click.option("-r", "--remote", is_flag=True, help="Remove from the registry, not from the local store.")
@network_options
def command(network: NetworkFlags, reference: str | None, *, force: bool, everything: bool, remote: bool) -> None:
    """Remove a tag; with the last tag, by digest, or with --force, the version too.

    \b
    Examples:
      orchard remove mymodel:v1
      orchard remove --all
      orchard remove --remote registry.example.com/team/mymodel:v1
    """
    session = current_session()
    if everything == (reference is not None):
        raise UsageError("name what to remove, or use --all to remove every version without a tag")
    workspace = open_workspace(network, session)
    if remote:
        _remove_remote(session, workspace, str(reference), force=force)
        return
    if everything:
        removed = _remove_all(workspace, force=force)
    else:
        parsed, extra = Reference.parse_tags(str(reference))
        names = (parsed, *(parsed.tagged(tag) for tag in extra))
        for name in names:  # all or none
            resolve_local(workspace.layout, name)
        removed = [remove(workspace.layout, name, force=force) for name in names]
    swept = workspace.layout.sweep()
    session.printer.note(
        "The store is busy; space is freed later" if swept.busy else f"Freed {format_size(swept.bytes)}"
    )
    brief = "\n".join(str(one.reference.or_latest()) for one in removed)
    session.printer.result("\n".join(map(_line, removed)), [_value(one) for one in removed], brief=brief)


def _remove_all(workspace: Workspace, *, force: bool) -> list[Removed]:
    names = {
        (entry.repository, entry.descriptor.digest) for entry in workspace.layout.entries() if force or not entry.tag
    }
    removed = []
    for name, digest in sorted(names):
        registry, _, repository = name.partition("/")
        removed.append(remove(workspace.layout, Reference(registry, repository, digest=digest), force=True))
    return removed


def _remove_remote(session: Session, workspace: Workspace, reference: str, *, force: bool) -> None:
    parsed = Reference.parse(reference).or_latest()
    repository = workspace.remote(parsed)
    digest = repository.resolve(parsed.target).digest
    if force and parsed.digest is None:
        parsed = parsed.at(digest)
    repository.delete(parsed.target)
    session.printer.result(
        f"Removed {parsed} (digest {digest})",
        [{"reference": str(parsed), "digest": str(digest), "remote": True}],
        brief=str(parsed),
    )


def _line(one: Removed) -> str:
    if one.kept:
        return f"Untagged {one.reference.or_latest()} (digest {one.digest} stays, it has other tags)"
    return f"Removed {one.reference.or_latest()} (digest {one.digest})"


def _value(one: Removed) -> JSON:
    return {
        "reference": str(one.reference.or_latest()),
        "digest": str(one.digest),
        "tags": list(one.tags),
        "kept": one.kept,
    }
