"""``orchard hub admin``."""

from pathlib import Path

import click

from orchard.cli.commands.hub.admin_places import access, grant, namespace, repository, revoke
from orchard.cli.commands.hub.admin_rules import quota, retention, tag_rule
from orchard.cli.commands.hub.admin_tokens import token
from orchard.cli.commands.hub.admin_trash import trash
from orchard.cli.commands.hub.admin_understand import understand
from orchard.cli.commands.hub.admin_users import team, user
from orchard.cli.commands.hub.place import data_option, keep_flags
from orchard.cli.options import Group


@click.group(cls=Group)
@data_option
@click.pass_context
def admin(context: click.Context, data: Path | None) -> None:
    """Look after the accounts, teams, namespaces, roles, tokens, repositories and rules of a hub, and what it knows.

    Works on the hub's database itself, so whoever may open that may do everything; a running hub learns of it within a
    second. Without --data it is the hub of `orchard hub`, with its settings.

    \b
    Examples:
      orchard hub admin user add ana --site-admin
      orchard hub admin grant team:research vision/resnet reader
      orchard hub admin token create ana laptop --scope pull,push
    """
    before = context.parent.meta.get("orchard.cli.hub", {}) if context.parent else {}
    keep_flags(context, {**before, "data": data if data is not None else before.get("data")})


for command in (
    *(user, team, namespace, grant, revoke, access, token, repository),
    *(tag_rule, retention, quota, trash, understand),
):
    admin.add_command(command)
