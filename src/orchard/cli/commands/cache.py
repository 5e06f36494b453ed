"""``orchard cache``."""

import click

from orchard.cli.options import Command, Group, current_session
from orchard.cli.output import format_size
from orchard.cli.workspace import open_workspace


@click.group(cls=Group)
def command() -> None:
    """Look at what may be deleted at any time, or delete it.

    That is temporary files, caches, and what interrupted transfers would go on with; never a version.
    """


@command.command(cls=Command)
def info() -> None:
    """Show what is there and how large it is.

    \b
    Example:
      orchard cache info
    """
    from orchard.project import list_cache

    session = current_session()
    home = open_workspace(session=session).home
    found = list_cache(home)
    size = sum(one.size for one in found)
    session.printer.result(
        _text([(one.path.removeprefix("cache/"), one.size) for one in found], size),
        {"directory": str(home), "size": size, "contents": [{"path": one.path, "size": one.size} for one in found]},
        brief="\n".join(one.path for one in found),
    )


@command.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Say what would be freed; delete nothing.")
def clear(*, dry_run: bool) -> None:
    """Delete it. What can be made again is made again; an import that runs meanwhile fails.

    \b
    Example:
      orchard cache clear
    """
    from orchard.project import clear_cache, list_cache

    session = current_session()
    workspace = open_workspace(session=session)
    if dry_run:
        freed = sum(one.size for one in list_cache(workspace.home))
    else:
        freed = clear_cache(workspace.home, workspace.layout)
    session.printer.note(f"{'Would free' if dry_run else 'Freed'} {format_size(freed)}")
    session.printer.result("", {"freed": freed, "dryRun": dry_run})


def _text(rows: list[tuple[str, int]], size: int) -> str:
    if not rows:
        return "Cache is currently empty"
    width = max(len(name) for name, _ in rows)
    lines = [f"  ./{name.ljust(width)}    {format_size(size)}" for name, size in rows]
    return "\n".join((f"Total size of cache directory: {format_size(size)}", "Cache contents:", *lines))
