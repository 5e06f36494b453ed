"""``orchard hub admin understand``."""

from typing import TYPE_CHECKING

import click

from orchard.cli.commands.hub.admin_desk import at_desk, said, when
from orchard.cli.options import Command
from orchard.cli.output import table
from orchard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchard.hub.jobs.overseeing import Overseer, Overview
    from orchard.oci import JSON


@click.command(cls=Command)
@click.argument("version", required=False)
@click.option("--again", is_flag=True, help="Have it looked into anew, its layers too; what is known stays until then.")
@click.option("--all", "everything", is_flag=True, help="With --again: every version of the hub.")
def understand(version: str | None, *, again: bool, everything: bool) -> None:
    """Show how far the hub has come with understanding versions, or have it done again.

    VERSION is a repository of the hub with a tag or a digest; with --again a repository alone is good for all of its
    versions. Without it the whole hub is shown. A running hub begins within a second.

    \b
    Examples:
      orchard hub admin understand
      orchard hub admin understand vision/resnet:v1
      orchard hub admin understand vision/resnet --again
      orchard hub admin understand --again --all
    """
    _check(version, again=again, everything=everything)
    with at_desk() as (desk, session):
        overseer = desk.overseer()
        asked = 0
        if again:
            asked = overseer.everything_again() if version is None else overseer.again(*_split(version))
        found = overseer.overview()
        shown = None if version is None or again else _version(overseer, version)
        lines = [f"Asked for {asked} versions to be understood again"] if again else []
        lines.append(_told(found) if shown is None else _told_version(shown))
        said(
            session,
            "\n".join(lines),
            {
                "states": dict(found.states),
                "pending": found.pending,
                "unhashed": found.unhashed,
                "asked": asked,
                "version": shown,
            },
        )


def _check(version: str | None, *, again: bool, everything: bool) -> None:
    """Refuse what makes no sense.

    Raises:
        UsageError: If it does not.
    """
    if everything and (version is not None or not again):
        raise UsageError("--all is every version of the hub: use it with --again, and without a version")
    if again and version is None and not everything:
        raise UsageError("say what is to be understood again: a version, a repository, or --all")


def _split(version: str) -> tuple[str, str | None]:
    """Cut a version into its repository and its tag or digest."""
    if "@" in version:
        repository, _, digest = version.partition("@")
        return repository, digest
    repository, _, tag = version.partition(":")
    return repository, tag or None


def _version(overseer: "Overseer", version: str) -> "dict[str, JSON]":
    """Tell what is known of how a version was understood.

    Raises:
        UsageError: If it is a repository alone.
    """
    repository, reference = _split(version)
    if reference is None:
        raise UsageError(f"{version} is a repository; add the tag or the digest of a version ({version}:TAG)")
    contents = overseer.contents(repository, reference)
    known = contents.understanding()
    return {
        "repository": repository,
        "digest": str(contents.digest),
        "state": known.state,
        "at": when(known.at),
        "note": known.note,
        "gaps": list(known.gaps),
        "facts": len(contents.facts()),
    }


def _told(found: "Overview") -> str:
    rows = [(state, f"{count:,}") for state, count in sorted(found.states.items())]
    lines = [table(("STATE", "VERSIONS"), rows)] if rows else ["No version has been looked into"]
    lines.append(f"Pending: {found.pending:,}")
    if found.unhashed:
        lines.append(f"Archives whose files are still to be hashed: {found.unhashed:,}")
    return "\n".join(lines)


def _told_version(shown: "Mapping[str, JSON]") -> str:
    gaps = shown["gaps"]
    assert isinstance(gaps, list)
    first = f"{shown['repository']}@{shown['digest']}: {shown['state']}, {shown['facts']} facts"
    return "\n".join([first, *(f"  {gap}" for gap in gaps)])
