"""``orchard login``."""

import sys

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.workspace import open_workspace
from orchard.errors import UsageError
from orchard.remote import Credential

_MAX_PASSWORD = 65536


@click.command(cls=Command)
@click.argument("registry")
@click.option("-u", "--username", help="User name.")
@click.option("-p", "--password", help="Password or token; other users of this machine can see it: prefer stdin.")
@click.option("--password-stdin", is_flag=True, help="Read the password or token from stdin.")
@click.option("--ci", is_flag=True, help="Log in the CI job that this runs in, without a stored secret.")
@click.option("--trust", metavar="NAMESPACE/NAME", help="With --ci: what the hub shall believe, if several trusts fit.")
@network_options
def command(
    network: NetworkFlags,
    registry: str,
    username: str | None,
    password: str | None,
    trust: str | None,
    *,
    password_stdin: bool,
    ci: bool,
) -> None:
    """Log in to a registry: check the credential there, then remember it (mode 0600, in the home directory).

    \b
    Examples:
      orchard login registry.example.com
      echo "$TOKEN" | orchard login registry.example.com -u me --password-stdin
      orchard login hub.example.com --ci
    """
    session = current_session()
    if ci:
        if username is not None or password is not None or password_stdin:
            raise UsageError("--ci needs no user name and no password: the CI service vouches for the job")
        account = open_workspace(network, session).login_job(registry, trust=trust)
        session.printer.result("Log in successful", {"registry": registry, "username": account}, brief="")
        return
    if trust is not None:
        raise UsageError("--trust goes with --ci")
    if password is not None and password_stdin:
        raise UsageError("--password and --password-stdin contradict each other")
    if password is not None:
        session.printer.warn("a password on the command line can be seen by others; use --password-stdin")
    if password_stdin:
        password = _from_stdin()
    if password is None:
        username, password = _ask(username)
    # Without a user name it is an OAuth2 refresh token, as in kit.
    credential = Credential(username, password) if username else Credential(identity_token=password)
    open_workspace(network, session).login(registry, credential)
    session.printer.result("Log in successful", {"registry": registry, "username": username}, brief="")


def _from_stdin() -> str:
    text = sys.stdin.read(_MAX_PASSWORD).rstrip("\r\n")
    if not text:
        raise UsageError("--password-stdin: stdin was empty")
    return text


def _ask(username: str | None) -> tuple[str, str]:
    if not sys.stdin.isatty():
        raise UsageError("attempting to read input from non-terminal; use --username and --password-stdin")
    username = username or click.prompt("Username", err=True)
    return username, click.prompt("Password", hide_input=True, err=True)
