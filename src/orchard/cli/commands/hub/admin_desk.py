"""What the commands of ``orchard hub admin`` share: the desk they work at, and how things are shown."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import click

from orchard.cli.commands.hub.place import hub_settings
from orchard.cli.options import Session, current_session
from orchard.errors import UsageError

if TYPE_CHECKING:
    from orchard.hub.app.desk import Desk
    from orchard.oci import JSON

ROLES = ("reader", "writer", "maintainer", "owner")
Rows = list[dict[str, "JSON"]]


@contextmanager
def at_desk() -> Iterator[tuple["Desk", Session]]:
    """Open the hub that the command is about."""
    session = current_session()
    settings = hub_settings(session)
    from orchard.hub import open_desk

    with open_desk(settings) as desk:
        yield desk, session


def read_password(*, from_stdin: bool, account: str) -> str:
    """Ask for a password twice, or take the first line of stdin.

    Raises:
        UsageError: If there is none.
    """
    if from_stdin:
        password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    elif sys.stdin.isatty():
        password = click.prompt(f"Password of {account}", hide_input=True, confirmation_prompt=True, err=True)
    else:
        raise UsageError("there is no terminal to ask for the password; use --password-stdin")
    if not password:
        raise UsageError(f"the password of {account} is empty")
    return str(password)


def when(moment: datetime | None) -> str | None:
    """Write a time as RFC 3339."""
    return None if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def cell(value: object) -> str:
    """Write a value for people."""
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def cells(rows: Rows, *keys: str) -> list[list[str]]:
    """Pick columns for people."""
    return [[cell(row[key]) for key in keys] for row in rows]


def said(session: Session, text: str, value: "JSON") -> None:
    """Say what was done: in words, or as the document of what is there now."""
    session.printer.result(text, value)
