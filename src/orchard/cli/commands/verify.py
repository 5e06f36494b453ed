"""``orchard verify``."""

from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, NetworkFlags, Session, current_session, network_options
from orchard.cli.output import format_size, table
from orchard.cli.progress import watching
from orchard.cli.referred import needed_kits, say_needed
from orchard.cli.workspace import open_workspace
from orchard.errors import IntegrityError, UsageError
from orchard.oci import Reference

if TYPE_CHECKING:
    from collections.abc import Collection

    from orchard.oci import JSON, Digest
    from orchard.project import Verified, Workspace


@click.command(cls=Command)
@click.argument("reference", metavar="[[REGISTRY/]REPOSITORY[:TAG|@DIGEST]]", required=False)
@click.option("-a", "--all", "everything", is_flag=True, help="Verify everything that is in the local store.")
@click.option("-r", "--remote", is_flag=True, help="Verify what the registry has; nothing is stored.")
@click.option("--repair", is_flag=True, help="Delete what is damaged, so that the next pull brings it anew.")
@network_options
def command(network: NetworkFlags, reference: str | None, *, everything: bool, remote: bool, repair: bool) -> None:
    """Hash every byte of a version, and of what refers to it, and compare with the digests that promise them.

    Exits with 6 if anything is damaged, missing or does not fit together.

    \b
    Examples:
      orchard verify mymodel:v1
      orchard verify --remote registry.example.com/team/mymodel:v1
      orchard verify --all --repair
    """
    session = current_session()
    if everything == (reference is not None):
        raise UsageError("name the version to verify, or use --all to verify the local store")
    if remote and (everything or repair):
        raise UsageError(f"--remote reads a registry; --{'all' if everything else 'repair'} is for the local store")
    workspace = open_workspace(network, session)
    parsed = Reference.parse(reference).or_latest() if reference else None
    verified, digest = _verified(session, workspace, parsed, remote=remote, workers=network.concurrency)
    removed: Collection[Digest] = ()
    if repair:
        from orchard.project import repair as mend

        removed = mend(workspace.layout, verified.findings)
    name = str(parsed) if parsed else None
    session.printer.result(
        _text(verified, name or "the local store"),
        {"reference": name, "digest": str(digest) if digest else None, "remote": remote, **_value(verified, removed)},
        brief="\n".join(str(finding.digest) for finding in verified.findings),
    )
    if parsed is not None:
        needed = needed_kits(workspace, [parsed], remote=remote)
        say_needed(session.printer.aside, needed, "which has to be verified for itself")
    if verified.findings:
        raise IntegrityError(_advice(verified, remote=remote, removed=len(removed)))


def _verified(
    session: Session, workspace: "Workspace", reference: Reference | None, *, remote: bool, workers: int
) -> "tuple[Verified, Digest | None]":
    from orchard.project import verify_reference, verify_store

    with watching(session.printer, session.progress, "Verifying") as observer:
        if reference is None:
            return verify_store(workspace.layout, observer=observer), None
        digest, verified = verify_reference(workspace, reference, remote=remote, workers=workers, observer=observer)
        return verified, digest


def _text(verified: "Verified", name: str) -> str:
    what = f"{verified.contents} blobs, {format_size(verified.size)}"
    about = f", {verified.referrers} referrers among them" if verified.referrers else ""
    if not verified.findings:
        return f"Verified {name}: {what}{about}: all sound"
    rows = [(finding.fault, finding.what, str(finding.digest), finding.message) for finding in verified.findings]
    return f"{table(('FAULT', 'WHAT', 'DIGEST', 'MESSAGE'), rows)}\nVerified {name}: {what}{about}"


def _advice(verified: "Verified", *, remote: bool, removed: int) -> str:
    count = len({finding.digest for finding in verified.findings})
    versions = sorted({version for finding in verified.findings for version in finding.versions})
    what = f"{count} of {verified.contents} blobs {'is' if count == 1 else 'are'} not sound"
    if remote:
        return f"{what}; push the version again from a sound copy"
    where = f" ({', '.join(versions[:3])}{' …' if len(versions) > 3 else ''})" if versions else ""  # noqa: PLR2004
    if removed:
        return f"{what}{where}; {removed} deleted: pull or pack again what needs them"
    if any(finding.fault == "damaged" for finding in verified.findings):
        return f"{what}{where}; delete what is damaged with --repair, then pull or pack it again"
    return f"{what}{where}; pull or pack it again"


def _value(verified: "Verified", removed: "Collection[Digest]") -> "dict[str, JSON]":
    return {
        "sound": not verified.findings,
        "blobs": verified.contents,
        "size": verified.size,
        "referrers": verified.referrers,
        "findings": [
            {
                "fault": finding.fault,
                "digest": str(finding.digest),
                "what": finding.what,
                "message": finding.message,
                "versions": list(finding.versions),
                "removed": finding.digest in removed,
            }
            for finding in verified.findings
        ],
    }
