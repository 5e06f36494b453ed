"""``orchard hub proxy``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchard.cli.commands.hub.outgoing import (
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
    from orchard.hub.catalog.proxies import Proxy
    from orchard.oci import JSON

_HEAD = ("NAMESPACE", "REMOTE", "USERNAME", "TTL", "LARGEST")


@click.group(cls=Group)
@data_option
@click.pass_context
def proxy(context: click.Context, data: Path | None) -> None:
    """Let names stand for another registry: what is pulled there is fetched once and kept.

    Works on the hub's database itself; a running hub learns of it within seconds. docs/hub-mirrors.md says more.
    """
    of_data(context, data)


@proxy.command(cls=Command)
@click.argument("namespace", metavar="NAMESPACE")
@click.argument("remote", metavar="URL")
@click.option("--ttl", default="5min", show_default=True, metavar="TIME", help="How long a tag is believed.")
@click.option("--largest", type=click.IntRange(0), metavar="BYTES", help="Fetch no blob larger than this.")
@username_option
@password_option
def add(
    namespace: str,
    remote: str,
    *,
    ttl: str,
    largest: int | None,
    username: str | None,
    password_stdin: bool,
) -> None:
    """Let repositories whose names begin with NAMESPACE stand for those of the registry at URL.

    \b
    Examples:
      orchard hub proxy add ghcr https://ghcr.io
      orchard hub proxy add dockerhub https://docker.io --username ana --password-stdin < token
      orchard hub proxy add lab/models https://registry.example.com/research --ttl 1h
    """
    password = read_secret("the password") if password_stdin else None
    seconds = read_time(ttl)
    with keeping() as (keepers, session):
        from orchard.hub.jobs import ProxyWish

        wish = ProxyWish(remote=remote, username=username, password=password, ttl=seconds or 0, largest=largest)
        made = keepers.proxies.put(keepers.who, namespace, wish)
        session.printer.result(f"{namespace}/… stands for {made.remote}/…", _rule(made), brief=namespace)


@proxy.command("list", cls=Command)
def list_() -> None:
    """List which names stand for which registry.

    \b
    Example:
      orchard hub proxy list
    """
    with keeping() as (keepers, session):
        rows = [_rule(one) for one in keepers.proxies.kept(keepers.who)]
    columns = ("namespace", "remote", "username", "ttl", "largest")
    text = table(_HEAD, [[cell(row[name]) for name in columns] for row in rows])
    session.printer.result(text, [*rows], brief="\n".join(str(row["namespace"]) for row in rows))


@proxy.command(cls=Command)
@click.argument("namespace", metavar="NAMESPACE")
def remove(namespace: str) -> None:
    """Let names be ordinary ones again; what was fetched stays.

    \b
    Example:
      orchard hub proxy remove ghcr
    """
    with keeping() as (keepers, session):
        keepers.proxies.remove(keepers.who, namespace)
        session.printer.result(f"{namespace} stands for no other registry any more", {"namespace": namespace})


def _rule(found: "Proxy") -> "dict[str, JSON]":
    return {
        "namespace": found.namespace,
        "remote": found.remote,
        "username": found.username,
        "ttl": found.ttl,
        "largest": found.largest,
        "createdAt": when(found.created_at),
        "createdBy": found.created_by,
    }
