"""``orchard hub webhook``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchard.cli.commands.hub.outgoing import cell, keeping, of_data, read_secret, when
from orchard.cli.commands.hub.place import data_option
from orchard.cli.options import Command, Group
from orchard.cli.output import table

if TYPE_CHECKING:
    from orchard.hub.catalog.deliveries import Delivery
    from orchard.hub.catalog.webhooks import Webhook
    from orchard.oci import JSON

_ID = click.argument("number", metavar="ID", type=click.IntRange(1))
_HEAD = ("ID", "SCOPE", "URL", "EVENTS", "ACTIVE", "FAILURES")
_LOG_HEAD = ("ID", "CREATED", "EVENT", "STATE", "TRIES", "STATUS", "MS", "ERROR")


@click.group(cls=Group)
@data_option
@click.pass_context
def webhook(context: click.Context, data: Path | None) -> None:
    """Tell other services of pushes, tags and deletions.

    Works on the hub's database itself, be the hub running or not. docs/hub-webhooks.md says what is sent and how a
    receiver verifies it.
    """
    of_data(context, data)


@webhook.command(cls=Command)
@click.argument("url", metavar="URL")
@click.option("--scope", default="", metavar="NAME", help="A repository, or what names begin with (default: all).")
@click.option("--event", "events", multiple=True, metavar="EVENT", help="Only these: tag.set, tag.*, … (repeatable).")
@click.option("--secret-stdin", is_flag=True, help="Take the secret from stdin; without it, one is made and shown.")
def add(url: str, scope: str, events: tuple[str, ...], secret_stdin: bool) -> None:
    """Send a signed message to URL whenever something happens.

    \b
    Examples:
      orchard hub webhook add https://ci.example.com/hook
      orchard hub webhook add https://ci.example.com/hook --scope team/model --event tag.set --event manifest.push
    """
    secret = read_secret("the secret") if secret_stdin else None
    with keeping() as (keepers, session):
        from orchard.hub.jobs import Wish

        wish = Wish(url=url, events=events or None, secret=secret)
        made, key = keepers.hooks.create(keepers.who, scope, wish)
        shown = None if secret_stdin else key
        text = f"Made webhook {made.id}" + ("" if shown is None else f"; its secret, shown this once: {shown}")
        session.printer.result(text, {**_hook(made), "secret": shown}, brief=str(made.id))


@webhook.command("list", cls=Command)
def list_() -> None:
    """List webhooks.

    \b
    Example:
      orchard hub webhook list
    """
    with keeping() as (keepers, session):
        rows = [_hook(one) for one in keepers.hooks.kept(keepers.who)]
    columns = ("id", "scope", "url", "events", "active", "failures")
    text = table(_HEAD, [[cell(row[name]) for name in columns] for row in rows])
    session.printer.result(text, [*rows], brief="\n".join(str(row["id"]) for row in rows))


@webhook.command(cls=Command)
@_ID
def remove(number: int) -> None:
    """Forget a webhook, with the log of its deliveries.

    \b
    Example:
      orchard hub webhook remove 3
    """
    with keeping() as (keepers, session):
        keepers.hooks.remove(keepers.who, number)
        session.printer.result(f"Removed webhook {number}", {"id": number})


@webhook.command(cls=Command)
@_ID
def enable(number: int) -> None:
    """Switch a webhook on again, whoever switched it off.

    \b
    Example:
      orchard hub webhook enable 3
    """
    _switch(number, active=True)


@webhook.command(cls=Command)
@_ID
def disable(number: int) -> None:
    """Switch a webhook off; what happens meanwhile is not told later.

    \b
    Example:
      orchard hub webhook disable 3
    """
    _switch(number, active=False)


@webhook.command(cls=Command)
@_ID
def ping(number: int) -> None:
    """Send a test message, once. A running hub sends it; `orchard hub webhook log` tells how it went.

    \b
    Example:
      orchard hub webhook ping 3
    """
    with keeping() as (keepers, session):
        sent = keepers.hooks.ping(keepers.who, number)
        session.printer.result(f"Delivery {sent.id} is on its way", _delivery(sent), brief=str(sent.id))


@webhook.command(cls=Command)
@_ID
@click.option("--last", "limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many.")
def log(number: int, limit: int) -> None:
    """Show what was sent to a webhook, newest first.

    \b
    Examples:
      orchard hub webhook log 3
      orchard hub webhook log 3 --last 100 --output json
    """
    with keeping() as (keepers, session):
        rows = [_delivery(one) for one in keepers.hooks.log(keepers.who, number, before=None, limit=limit)]
    columns = ("id", "createdAt", "event", "state", "attempts", "status", "milliseconds", "error")
    text = table(_LOG_HEAD, [[cell(row[name]) for name in columns] for row in rows])
    session.printer.result(text, [*rows], brief="\n".join(str(row["id"]) for row in rows))


@webhook.command(cls=Command)
@_ID
@click.argument("delivery", metavar="DELIVERY", type=click.IntRange(1))
def replay(number: int, delivery: int) -> None:
    """Send a message of the log once more, under the name that it had.

    \b
    Example:
      orchard hub webhook replay 3 512
    """
    with keeping() as (keepers, session):
        sent = keepers.hooks.replay(keepers.who, number, delivery)
        session.printer.result(f"Delivery {sent.id} is on its way", _delivery(sent), brief=str(sent.id))


def _switch(number: int, *, active: bool) -> None:
    with keeping() as (keepers, session):
        from orchard.hub.jobs import Wish

        changed = keepers.hooks.change(keepers.who, number, Wish(active=active))
        session.printer.result(f"Switched webhook {number} {'on' if active else 'off'}", _hook(changed))


def _hook(found: "Webhook") -> "dict[str, JSON]":
    return {
        "id": found.id,
        "scope": found.scope,
        "url": found.url,
        "events": [*found.events],
        "active": found.active,
        "reason": found.reason,
        "failures": found.failures,
        "failingSince": when(found.failing_since),
        "createdAt": when(found.created_at),
        "createdBy": found.created_by,
    }


def _delivery(found: "Delivery") -> "dict[str, JSON]":
    return {
        "id": found.id,
        "message": found.message,
        "event": found.event,
        "body": found.body,
        "state": found.state,
        "attempts": found.attempts,
        "createdAt": when(found.created_at),
        "triedAt": when(found.tried_at),
        "status": found.status,
        "milliseconds": found.milliseconds,
        "answer": found.answer,
        "error": found.error,
    }
