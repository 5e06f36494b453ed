"""``orchard hub admin user`` and ``team``."""

from typing import TYPE_CHECKING

import click

from orchard.cli.commands.hub.admin_desk import ROLES, at_desk, cells, read_password, said, when
from orchard.cli.options import Command, Group
from orchard.cli.output import table

if TYPE_CHECKING:
    from orchard.hub.access import Team, User
    from orchard.oci import JSON

_STDIN = click.option("--password-stdin", is_flag=True, help="Take the password from the first line of stdin.")
_ROLE = click.option("--role", type=click.Choice(ROLES), default="writer", show_default=True, help="Its role there.")


@click.group(cls=Group)
def user() -> None:
    """Accounts."""


@user.command(cls=Command)
@click.argument("name", metavar="NAME")
@_STDIN
@click.option("--no-password", is_flag=True, help="Give it none: it comes in by other ways, or when it is invited.")
@click.option("--site-admin", is_flag=True, help="Let it do everything.")
def add(name: str, password_stdin: bool, no_password: bool, site_admin: bool) -> None:
    """Make an account, and the namespace of its name. Its password is asked for.

    \b
    Examples:
      orchard hub admin user add ana
      orchard hub admin user add root --site-admin --password-stdin < password
    """
    with at_desk() as (desk, session):
        checked = desk.name(name)
        password = None if no_password else read_password(from_stdin=password_stdin, account=name)
        made = desk.people.users.create(desk.by, checked, password=password, site_admin=site_admin)
        said(session, f"Made the account {name}", _user(made))


@user.command("list", cls=Command)
def list_() -> None:
    """List accounts.

    \b
    Example:
      orchard hub admin user list
    """
    with at_desk() as (desk, session):
        rows = [_user(one) for one in desk.people.users.list(limit=1_000_000)]
    columns = ("name", "siteAdmin", "disabled", "hasPassword", "createdAt")
    text = table(("NAME", "ADMIN", "DISABLED", "PASSWORD", "CREATED"), cells(rows, *columns))
    session.printer.result(text, [*rows], brief="\n".join(str(row["name"]) for row in rows))


@user.command(cls=Command)
@click.argument("name", metavar="NAME")
@_STDIN
def password(name: str, password_stdin: bool) -> None:
    """Give an account a new password. It is asked for.

    \b
    Examples:
      orchard hub admin user password ana
      orchard hub admin user password ana --password-stdin < password
    """
    with at_desk() as (desk, session):
        desk.people.users.get(name)
        new = read_password(from_stdin=password_stdin, account=name)
        desk.people.users.set_password(desk.by, name, new)
        said(session, f"Gave {name} a new password", _user(desk.people.users.get(name)))


@user.command(cls=Command)
@click.argument("name", metavar="NAME")
def invite(name: str) -> None:
    """Print a link with which somebody can choose the password of an account, once, within three days.

    The link begins with the setting url; without one, put the hub's address before it.

    \b
    Example:
      orchard hub admin user invite ana
    """
    with at_desk() as (desk, session):
        secret = desk.people.invitations.create(desk.by, name)
        link = f"{desk.settings.url or ''}/welcome/{secret}"
        session.printer.result(link, {"user": name, "secret": secret, "link": link})


@user.command(cls=Command)
@click.argument("name", metavar="NAME")
@click.argument("issuer", metavar="ISSUER")
@click.argument("subject", metavar="SUBJECT")
def bind(name: str, issuer: str, subject: str) -> None:
    """Let somebody whom an OpenID Connect provider knows come in as an account.

    A login there never takes over an account by its name; who it is, the provider says by issuer and subject.

    \b
    Example:
      orchard hub admin user bind ana https://id.example.com 248289761001
    """
    with at_desk() as (desk, session):
        desk.people.identities.bind(desk.by, name, issuer=issuer, subject=subject)
        told = {"user": name, "issuer": issuer, "subject": subject}
        session.printer.result(f"{subject} of {issuer} comes in as {name}", {**told}, brief="")


@user.command(cls=Command)
@click.argument("name", metavar="NAME")
def disable(name: str) -> None:
    """Let an account come in no more: no password and no token of it is good until it is enabled again.

    \b
    Example:
      orchard hub admin user disable ana
    """
    _update(name, f"{name} can come in no more", disabled=True)


@user.command(cls=Command)
@click.argument("name", metavar="NAME")
def enable(name: str) -> None:
    """Let an account come in again.

    \b
    Example:
      orchard hub admin user enable ana
    """
    _update(name, f"{name} can come in again", disabled=False)


@user.command(cls=Command)
@click.argument("name", metavar="NAME")
@click.option("--revoke", is_flag=True, help="Let it administer the hub no more.")
def admin(name: str, revoke: bool) -> None:
    """Let an account administer the hub: see and change everything.

    \b
    Examples:
      orchard hub admin user admin ana
      orchard hub admin user admin ana --revoke
    """
    _update(name, f"{name} administers the hub{' no more' if revoke else ''}", site_admin=not revoke)


@user.command(cls=Command)
@click.argument("name", metavar="NAME")
def remove(name: str) -> None:
    """Delete an account, its tokens and its roles. What it pushed stays.

    \b
    Example:
      orchard hub admin user remove ana
    """
    with at_desk() as (desk, session):
        gone = desk.people.users.get(name)
        desk.people.users.delete(desk.by, name)
        said(session, f"Removed the account {name}", _user(gone))


@click.group(cls=Group)
def team() -> None:
    """Teams: accounts that share namespaces and roles."""


@team.command("add", cls=Command)
@click.argument("name", metavar="NAME")
@click.option("--owner", metavar="USER", help="Account that looks after it.")
def add_team(name: str, owner: str | None) -> None:
    """Make a team.

    \b
    Example:
      orchard hub admin team add research --owner ana
    """
    with at_desk() as (desk, session):
        made = desk.people.teams.create(desk.by, desk.name(name, "a team name"), owner=owner)
        said(session, f"Made the team {name}", _team(made))


@team.command("list", cls=Command)
def list_teams() -> None:
    """List teams and their members.

    \b
    Example:
      orchard hub admin team list
    """
    with at_desk() as (desk, session):
        found = [desk.people.teams.get(name) for name in desk.people.teams.list(limit=1_000_000)]
    lines = [[one.name, user, role] for one in found for user, role in _members(one)]
    text = table(("TEAM", "MEMBER", "ROLE"), lines)
    session.printer.result(text, [_team(one) for one in found], brief="\n".join(one.name for one in found))


@team.command("remove", cls=Command)
@click.argument("name", metavar="NAME")
def remove_team(name: str) -> None:
    """Delete a team and the roles that were given to it. It must own no namespace.

    \b
    Example:
      orchard hub admin team remove research
    """
    with at_desk() as (desk, session):
        gone = desk.people.teams.get(name)
        desk.people.teams.delete(desk.by, name)
        said(session, f"Removed the team {name}", _team(gone))


@team.command(cls=Command)
@click.argument("name", metavar="TEAM")
@click.argument("member", metavar="USER")
@_ROLE
def join(name: str, member: str, role: str) -> None:
    """Let an account be of a team, or give it another role there.

    \b
    Example:
      orchard hub admin team join research ana --role maintainer
    """
    with at_desk() as (desk, session):
        desk.people.teams.put_member(desk.by, name, member, role=desk.role(role))
        said(session, f"{member} is {role} in the team {name}", _team(desk.people.teams.get(name)))


@team.command(cls=Command)
@click.argument("name", metavar="TEAM")
@click.argument("member", metavar="USER")
def leave(name: str, member: str) -> None:
    """Let an account be of a team no more.

    \b
    Example:
      orchard hub admin team leave research ana
    """
    with at_desk() as (desk, session):
        desk.people.teams.remove_member(desk.by, name, member)
        said(session, f"{member} is of the team {name} no more", _team(desk.people.teams.get(name)))


def _update(name: str, text: str, **changed: bool) -> None:
    with at_desk() as (desk, session):
        said(session, text, _user(desk.people.users.update(desk.by, name, **changed)))


def _members(one: "Team") -> list[tuple[str, str]]:
    return [(user, str(role)) for user, role in sorted(one.members.items())] or [("-", "-")]


def _user(one: "User") -> "dict[str, JSON]":
    return {
        "name": one.name,
        "siteAdmin": one.site_admin,
        "disabled": one.disabled,
        "hasPassword": one.has_password,
        "createdAt": when(one.created_at),
    }


def _team(one: "Team") -> "dict[str, JSON]":
    members: list[JSON] = [{"user": user, "role": str(role)} for user, role in sorted(one.members.items())]
    return {"name": one.name, "createdAt": when(one.created_at), "members": members}
