"""``orchard hub admin namespace``, ``repository``, ``grant``, ``revoke`` and ``access``."""

from typing import TYPE_CHECKING

import click

from orchard.cli.commands.hub.admin_desk import ROLES, at_desk, cells, said, when
from orchard.cli.options import Command, Group
from orchard.cli.output import format_size, table
from orchard.errors import UsageError

if TYPE_CHECKING:
    from orchard.hub.access import Grant, Namespace, Party
    from orchard.hub.app.desk import Desk
    from orchard.hub.registry import RepositorySummary
    from orchard.oci import JSON

_NOBODY = "nobody"
_VISIBILITY = ("private", "public")


@click.group(cls=Group)
def namespace() -> None:
    """Namespaces: whose repositories are whose."""


@namespace.command(cls=Command)
@click.argument("name", metavar="NAME")
@click.option("--owner", metavar="PARTY", help="user:NAME or team:NAME (default: nobody; you look after it).")
@click.option("--public", is_flag=True, help="Let everybody read its repositories.")
def add(name: str, owner: str | None, public: bool) -> None:
    """Make a namespace.

    \b
    Example:
      orchard hub admin namespace add vision --owner team:research
    """
    with at_desk() as (desk, session):
        checked, visibility = desk.name(name, "a namespace"), desk.visibility(_VISIBILITY[public])
        made = desk.people.namespaces.create(desk.by, checked, owner=_owner(desk, owner), visibility=visibility)
        said(session, f"Made the namespace {name}", _namespace(made))


@namespace.command("list", cls=Command)
def list_() -> None:
    """List namespaces.

    \b
    Example:
      orchard hub admin namespace list
    """
    with at_desk() as (desk, session):
        rows = [_namespace(one) for one in desk.people.namespaces.list(limit=1_000_000)]
    text = table(("NAME", "OWNER", "VISIBILITY"), cells(rows, "name", "owner", "visibility"))
    session.printer.result(text, [*rows], brief="\n".join(str(row["name"]) for row in rows))


@namespace.command(cls=Command)
@click.argument("name", metavar="NAME")
@click.argument("owner", metavar="PARTY")
def give(name: str, owner: str) -> None:
    """Give a namespace to an account (user:NAME), a team (team:NAME) or nobody.

    \b
    Example:
      orchard hub admin namespace give vision team:research
    """
    with at_desk() as (desk, session):
        desk.people.namespaces.give(desk.by, name, _owner(desk, owner))
        said(session, f"Gave the namespace {name} to {owner}", _namespace(desk.people.namespaces.get(name)))


@namespace.command("visibility", cls=Command)
@click.argument("name", metavar="NAME")
@click.argument("visibility", type=click.Choice(_VISIBILITY), metavar="private|public")
def namespace_visibility(name: str, visibility: str) -> None:
    """Say who may read those repositories of a namespace that have no visibility of their own.

    \b
    Example:
      orchard hub admin namespace visibility vision public
    """
    with at_desk() as (desk, session):
        desk.people.namespaces.set_visibility(desk.by, name, desk.visibility(visibility))
        said(session, f"The namespace {name} is {visibility}", _namespace(desk.people.namespaces.get(name)))


@namespace.command(cls=Command)
@click.argument("name", metavar="NAME")
def remove(name: str) -> None:
    """Delete an empty namespace, the roles in it and its robots.

    \b
    Example:
      orchard hub admin namespace remove vision
    """
    with at_desk() as (desk, session):
        gone = desk.people.namespaces.get(name)
        desk.people.namespaces.delete(desk.by, name)
        said(session, f"Removed the namespace {name}", _namespace(gone))


@click.group(cls=Group)
def repository() -> None:
    """Repositories."""


@repository.command("list", cls=Command)
@click.option("--filter", "part", metavar="TEXT", default="", help="Only those whose names hold TEXT.")
def list_repositories(part: str) -> None:
    """List the repositories that hold a version.

    \b
    Example:
      orchard hub admin repository list --filter vision/
    """
    with at_desk() as (desk, session):
        found = desk.repositories(part)
    lines = [
        [one.name, str(one.versions), str(one.tags), format_size(one.size_bytes), one.visibility or "-"]
        for one in found
    ]
    text = table(("NAME", "VERSIONS", "TAGS", "SIZE", "VISIBILITY"), lines)
    session.printer.result(text, [_repository(one) for one in found], brief="\n".join(one.name for one in found))


@repository.command(cls=Command)
@click.argument("name", metavar="REPOSITORY")
@click.argument("visibility", type=click.Choice((*_VISIBILITY, "namespace")), metavar="private|public|namespace")
def visibility(name: str, visibility: str) -> None:
    """Say who may read a repository without having a role in it; `namespace`: as its namespace says.

    \b
    Example:
      orchard hub admin repository visibility vision/resnet public
    """
    with at_desk() as (desk, session):
        chosen = None if visibility == "namespace" else desk.visibility(visibility)
        desk.people.namespaces.set_repository_visibility(desk.by, name, chosen)
        text = f"{name} is {visibility}" if chosen else f"{name} is as its namespace says"
        said(session, text, {"name": name, "visibility": chosen and str(chosen)})


@repository.command("remove", cls=Command)
@click.argument("name", metavar="REPOSITORY")
def remove_repository(name: str) -> None:
    """Delete a repository with all that is in it; it can be restored for a while.

    \b
    Example:
      orchard hub admin repository remove vision/resnet
    """
    with at_desk() as (desk, session):
        desk.delete_repository(name)
        said(session, f"Removed {name}; it can be restored for a while", {"name": name})


@click.command(cls=Command)
@click.argument("party", metavar="PARTY")
@click.argument("place", metavar="PLACE")
@click.argument("role", type=click.Choice(ROLES), metavar="|".join(ROLES))
def grant(party: str, place: str, role: str) -> None:
    """Give an account or a team a role in a namespace, or in one repository; it takes the place of the one it has.

    A reader pulls, a writer pushes, a maintainer deletes and sets rules, an owner says who may do what.

    \b
    Examples:
      orchard hub admin grant user:ana vision writer
      orchard hub admin grant team:research vision/resnet reader
    """
    with at_desk() as (desk, session):
        who, where = desk.party(party), desk.target(place)
        desk.people.grants.put(desk.by, who, where, role=desk.role(role))
        value: JSON = {"party": str(who), "target": str(where), "role": role}
        said(session, f"{who} is {role} in {where}", value)


@click.command(cls=Command)
@click.argument("party", metavar="PARTY")
@click.argument("place", metavar="PLACE")
def revoke(party: str, place: str) -> None:
    """Take away the role that an account or a team was given in a namespace, or in one repository.

    \b
    Example:
      orchard hub admin revoke team:research vision/resnet
    """
    with at_desk() as (desk, session):
        who, where = desk.party(party), desk.target(place)
        desk.people.grants.remove(desk.by, who, where)
        said(session, f"{who} was given no role in {where} any more", {"party": str(who), "target": str(where)})


@click.command(cls=Command)
@click.option("--namespace", "name", metavar="NAME", help="Only in this namespace and its repositories.")
@click.option("--party", metavar="PARTY", help="Only those of user:NAME or team:NAME.")
def access(name: str | None, party: str | None) -> None:
    """List the roles that were given. Owners of namespaces need none, nor do members of teams that own one.

    \b
    Examples:
      orchard hub admin access
      orchard hub admin access --namespace vision
    """
    if name is not None and party is not None:
        raise UsageError("--namespace and --party: one of them")
    with at_desk() as (desk, session):
        found = desk.people.grants.list(namespace=name, party=None if party is None else desk.party(party))
    rows = [_grant(one) for one in found]
    text = table(("PARTY", "PLACE", "ROLE"), cells(rows, "party", "target", "role"))
    session.printer.result(text, [*rows])


def _owner(desk: "Desk", text: str | None) -> "Party | None":
    return None if text is None or text == _NOBODY else desk.party(text)


def _namespace(one: "Namespace") -> "dict[str, JSON]":
    owner = None if one.owner is None else str(one.owner)
    return {"name": one.name, "owner": owner, "visibility": str(one.visibility)}


def _grant(one: "Grant") -> "dict[str, JSON]":
    return {"party": str(one.party), "target": str(one.target), "role": str(one.role)}


def _repository(one: "RepositorySummary") -> "dict[str, JSON]":
    return {
        "name": one.name,
        "versions": one.versions,
        "tags": one.tags,
        "sizeBytes": one.size_bytes,
        "latestDigest": str(one.latest_digest),
        "latestPushedAt": when(one.latest_pushed_at),
        "visibility": one.visibility,
    }
