"""``orchard hub admin token``."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from orchard.cli.commands.hub.admin_desk import at_desk, cells, said, when
from orchard.cli.options import Command, Group
from orchard.cli.output import table
from orchard.errors import UsageError

if TYPE_CHECKING:
    from orchard.hub.access import Token
    from orchard.oci import JSON


@click.group(cls=Group)
def token() -> None:
    """Tokens of accounts, and robots of namespaces."""


@token.command(cls=Command)
@click.argument("owner", metavar="OWNER")
@click.argument("name", metavar="NAME")
@click.option("--robot", is_flag=True, help="OWNER is a namespace; the token acts for it and not for a person.")
@click.option("--scope", metavar="SCOPE,…", default="pull", show_default=True, help="pull, push, delete, govern, own.")
@click.option("--repository", "patterns", metavar="PATTERN", multiple=True, help="Where: team/*, team/**; repeatable.")
@click.option("--days", type=click.IntRange(1, 3650), help="How long it is good (default: until it is revoked).")
def create(owner: str, name: str, robot: bool, scope: str, patterns: tuple[str, ...], days: int | None) -> None:
    """Make a token and print its secret, which is shown this once. It logs in in place of a password.

    \b
    Examples:
      orchard hub admin token create ana laptop --scope pull,push --days 90
      orchard hub admin token create vision ci --robot --scope pull,push --repository 'vision/*'
    """
    scopes = frozenset(word.strip() for word in scope.split(",") if word.strip())
    ends = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with at_desk() as (desk, session):
        wanted = desk.wanted(name, scopes=scopes, patterns=patterns, expires_at=ends)
        make = desk.people.tokens.create_robot if robot else desk.people.tokens.create
        made, secret = make(desk.by, owner, wanted)
        session.printer.note(f"Made the token {made.id} of {owner}; log in as {made.owner or made.name} with it:")
        session.printer.result(secret, {**_token(made), "secret": secret})


@token.command("list", cls=Command)
@click.argument("owner", metavar="OWNER")
@click.option("--robot", is_flag=True, help="OWNER is a namespace: list its robots.")
def list_(owner: str, robot: bool) -> None:
    """List the tokens of an account, or the robots of a namespace, newest first; those that have ended too.

    \b
    Examples:
      orchard hub admin token list ana
      orchard hub admin token list vision --robot
    """
    with at_desk() as (desk, session):
        if robot:
            desk.people.namespaces.get(owner)
            found = desk.people.tokens.list(namespace=owner)
        else:
            desk.people.users.get(owner)
            found = desk.people.tokens.list(user=owner)
    rows = [_token(one) for one in found]
    columns = ("id", "name", "scopes", "repositories", "expiresAt", "usedAt", "revokedAt")
    text = table(("ID", "NAME", "SCOPES", "REPOSITORIES", "EXPIRES", "USED", "REVOKED"), cells(rows, *columns))
    session.printer.result(text, [*rows], brief="\n".join(one.id for one in found))


@token.command(cls=Command)
@click.argument("identifier", metavar="ID")
def revoke(identifier: str) -> None:
    """Let a token be good no more.

    \b
    Example:
      orchard hub admin token revoke 0123456789abcdef
    """
    if not identifier:
        raise UsageError("name a token by its ID; `orchard hub admin token list` shows them")
    with at_desk() as (desk, session):
        desk.people.tokens.revoke(desk.by, identifier)
        said(session, f"Revoked the token {identifier}", _token(desk.people.tokens.get(identifier)))


def _token(one: "Token") -> "dict[str, JSON]":
    return {
        "id": one.id,
        "name": one.name,
        "owner": one.owner,
        "namespace": one.namespace,
        "scopes": [*sorted(one.scopes)],
        "repositories": [pattern.text for pattern in one.patterns],
        "createdAt": when(one.created_at),
        "createdBy": one.created_by,
        "expiresAt": when(one.expires_at),
        "usedAt": when(one.used_at),
        "revokedAt": when(one.revoked_at),
    }
