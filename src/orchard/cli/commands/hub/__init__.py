"""``orchard hub``."""

import click

from orchard.cli.commands.hub.admin import admin
from orchard.cli.commands.hub.backup import backup, restore
from orchard.cli.commands.hub.databases import migrate, move_database
from orchard.cli.commands.hub.gc import gc
from orchard.cli.commands.hub.mirror import mirror
from orchard.cli.commands.hub.move_storage import move_storage
from orchard.cli.commands.hub.place import hub_settings, keep_flags, setting_options
from orchard.cli.commands.hub.proxy import proxy
from orchard.cli.commands.hub.scrub import scrub
from orchard.cli.commands.hub.settings import settings
from orchard.cli.commands.hub.webhook import webhook
from orchard.cli.options import Group, current_session


@click.group(cls=Group, invoke_without_command=True)
@setting_options
@click.pass_context
def command(context: click.Context, /, **flags: object) -> None:
    """Run a hub: a registry for ModelKits and every other OCI artifact, with pages to look at them.

    On a loopback address it needs no login. On any other it asks for one: the account `admin` is made at the first
    start, with the password of $ORCHARD_ADMIN_PASSWORD or one that is printed once. Ctrl-C stops it; what was
    acknowledged is safe.

    Every setting can also stand in the file `hub.toml` of the data directory, or in the environment as ORCHARD_HUB_ and
    its name in capitals. What is typed wins, then the environment. `orchard hub settings` shows what holds.

    \b
    Examples:
      orchard hub
      orchard hub --host 0.0.0.0 --port 443 --data /srv/orchard --tls-cert hub.pem --tls-key hub.key
    """
    keep_flags(context, flags)
    if context.invoked_subcommand is not None:
        return
    session = current_session()
    chosen = hub_settings(session)
    # The hub costs 400 ms to import: only this command pays for it
    from orchard.hub import run

    run(chosen, announce=session.printer.announce)


command.add_command(gc)
command.add_command(migrate)
command.add_command(move_database)
command.add_command(move_storage)
command.add_command(scrub)
command.add_command(settings)
command.add_command(backup)
command.add_command(restore)
command.add_command(admin)
command.add_command(webhook)
command.add_command(mirror)
command.add_command(proxy)
