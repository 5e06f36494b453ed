"""What the commands about webhooks, mirrors and proxies share: the hub that they are about, and secrets from stdin."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchard.cli.commands.hub.place import hub_settings, keep_flags
from orchard.cli.options import Session, current_session
from orchard.errors import UsageError

if TYPE_CHECKING:
    from orchard.hub.app.outgoing import Keepers
    from orchard.oci import JSON

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

ADMIN = "admin"
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 24 * 3600}

username_option: Decorator = click.option("--username", metavar="NAME", help="Account at the other registry.")
password_option: Decorator = click.option(
    "--password-stdin", is_flag=True, help="Take its password from the first line of stdin."
)


def of_data(context: click.Context, data: Path | None) -> None:
    """Remember for the commands of a group which data directory was typed, and what was typed before the group."""
    before = context.parent.meta.get("orchard.cli.hub", {}) if context.parent else {}
    keep_flags(context, {**before, "data": data if data is not None else before.get("data")})


@contextmanager
def keeping(account: str = ADMIN) -> Iterator[tuple["Keepers", Session]]:
    """Open the hub that the command is about."""
    session = current_session()
    settings = hub_settings(session)
    from orchard.hub.app.outgoing import open_keepers  # a hub costs 0.4 s to import

    with open_keepers(settings, account) as keepers:
        yield keepers, session


def read_secret(what: str) -> str:
    """Take a secret from the first line of stdin.

    Raises:
        UsageError: If there is none.
    """
    found = sys.stdin.readline().rstrip("\r\n")
    if not found:
        raise UsageError(f"{what} is empty: write it to stdin")
    return found


def read_time(text: str | None) -> int | None:
    """Read a time as people write it: ``90``, ``5min``, ``24h``, ``7d``.

    Raises:
        UsageError: If it is none.
    """
    if text is None:
        return None
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(number) :] or "s"
    if not (number.isascii() and number.isdigit()) or unit not in _SECONDS:
        raise UsageError(f"{text!r} is not a time such as 90, 5min, 24h or 7d")
    return int(number) * _SECONDS[unit]


def when(milliseconds: int | None) -> str | None:
    """Write a time as RFC 3339."""
    if milliseconds is None:
        return None
    from orchard.hub.db import moment

    return moment(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def cell(value: "JSON") -> str:
    """Write a value for people."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
