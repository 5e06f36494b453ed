"""``orchard hub mirror``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchard.cli.commands.hub.outgoing import (
    ADMIN,
    cell,
    keeping,
    of_data,
    password_option,
    read_secret,
    read_time,
    username_option,
    when,
)
from orchard.cli.commands.hub.place import data_option
from orchard.cli.options import Command, Group
from orchard.cli.output import table

if TYPE_CHECKING:
    from orchard.hub.catalog.mirrors import Mirror
    from orchard.oci import JSON

_ID = click.argument("number", metavar="ID", type=click.IntRange(1))
_HEAD = ("ID", "DIRECTION", "REPOSITORY", "REMOTE", "TAGS", "EVERY", "STATE", "ENDED")


@click.group(cls=Group)
@data_option
@click.pass_context
def mirror(context: click.Context, data: Path | None) -> None:
    """Keep repositories like those of other registries, in either direction.

    Works on the hub's database itself; a running hub does the copying. docs/hub-mirrors.md says more.
    """
    of_data(context, data)


@mirror.command(cls=Command)
@click.argument("direction", type=click.Choice(("pull", "push")))
@click.argument("repository", metavar="REPOSITORY")
@click.argument("remote", metavar="URL")
@click.option("--tags", default="*", show_default=True, metavar="PATTERN", help="Which tags: v*,!*-rc.")
@click.option("--every", metavar="TIME", help="Run that often: 5min, 24h (default: when asked).")
@click.option("--on-push", is_flag=True, help="Run when something is pushed here.")
@click.option("--referrers/--no-referrers", default=True, help="Copy signatures and the like too (default: yes).")
@click.option("--deletions", is_flag=True, help="Take away tags that it copied and that are gone at the source.")
@username_option
@password_option
@click.option("--as", "account", default=ADMIN, show_default=True, metavar="ACCOUNT", help="With whose rights it runs.")
def add(
    direction: str,
    repository: str,
    remote: str,
    *,
    tags: str,
    every: str | None,
    on_push: bool,
    referrers: bool,
    deletions: bool,
    username: str | None,
    password_stdin: bool,
    account: str,
) -> None:
    """Keep REPOSITORY like the one at URL (pull), or the one at URL like REPOSITORY (push).

    \b
    Examples:
      orchard hub mirror add pull team/model https://ghcr.io/team/model --tags 'v*' --every 1h
      orchard hub mirror add push team/model https://registry.example.com/team/model --on-push
      orchard hub mirror add push team/model https://ghcr.io/team/model --username ana --password-stdin < password
    """
    password = read_secret("the password") if password_stdin else None
    seconds = read_time(every)
    with keeping(account) as (keepers, session):
        from orchard.hub.jobs import MirrorWish

        wish = MirrorWish(
            direction=direction,
            repository=repository,
            remote=remote,
            tags=tags,
            every=seconds,
            on_push=on_push,
            referrers=referrers,
            deletions=deletions,
            username=username,
            password=password,
        )
        made = keepers.mirrors.create(keepers.who, wish)
        session.printer.result(f"Made mirror {made.id}", _rule(made), brief=str(made.id))


@mirror.command("list", cls=Command)
def list_() -> None:
    """List mirrors and how their last runs went.

    \b
    Example:
      orchard hub mirror list
    """
    with keeping() as (keepers, session):
        rows = [_rule(one) for one in keepers.mirrors.kept(keepers.who)]
    columns = ("id", "direction", "repository", "remote", "tags", "every", "state", "endedAt")
    text = table(_HEAD, [[cell(row[name]) for name in columns] for row in rows])
    session.printer.result(text, [*rows], brief="\n".join(str(row["id"]) for row in rows))


@mirror.command(cls=Command)
@_ID
def show(number: int) -> None:
    """Show one mirror, and what came of its last run.

    \b
    Example:
      orchard hub mirror show 2
    """
    with keeping() as (keepers, session):
        value = _rule(keepers.mirrors.get(keepers.who, number))
    lines = [[name, json.dumps(said) if isinstance(said, dict) else cell(said)] for name, said in value.items()]
    session.printer.result(table(("WHAT", "IS"), lines), value)


@mirror.command(cls=Command)
@_ID
def run(number: int) -> None:
    """Run a mirror now. A running hub does it; `orchard hub mirror show` tells how it went.

    \b
    Example:
      orchard hub mirror run 2
    """
    with keeping() as (keepers, session):
        task = keepers.mirrors.run(keepers.who, number)
        session.printer.result(f"Mirror {number} runs as task {task}", {"id": number, "task": task}, brief=task)


@mirror.command(cls=Command)
@_ID
def plan(number: int) -> None:
    """Tell what a run would do now; nothing is copied.

    \b
    Example:
      orchard hub mirror plan 2
    """
    with keeping() as (keepers, session):
        report = keepers.mirrors.plan(keepers.who, number)
    lines = [f"Would set {tag}" for tag in report.tags] + [f"Would take away {tag}" for tag in report.deleted]
    lines.append(f"{report.set} tags to set, {report.same} are right, {len(report.deleted)} to take away")
    value: dict[str, JSON] = {
        name: said for name, said in asdict(report).items() if name in {"tags", "set", "same", "deleted"}
    }
    session.printer.result("\n".join(lines), value)


@mirror.command(cls=Command)
@_ID
def remove(number: int) -> None:
    """Forget a mirror; what it has copied stays.

    \b
    Example:
      orchard hub mirror remove 2
    """
    with keeping() as (keepers, session):
        keepers.mirrors.remove(keepers.who, number)
        session.printer.result(f"Removed mirror {number}", {"id": number})


def _rule(found: "Mirror") -> "dict[str, JSON]":
    return {
        "id": found.id,
        "direction": found.direction,
        "repository": found.repository,
        "remote": found.remote,
        "tags": found.tags,
        "every": found.every,
        "onPush": found.on_push,
        "referrers": found.referrers,
        "deletions": found.deletions,
        "username": found.username,
        "createdAt": when(found.created_at),
        "createdBy": found.created_by,
        "dueAt": when(found.due_at),
        "state": found.state,
        "beganAt": when(found.began_at),
        "endedAt": when(found.ended_at),
        "report": None if found.report is None else json.loads(found.report),
    }
