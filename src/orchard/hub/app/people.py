"""Who may come in, chosen by the settings."""

import secrets
import time
from collections.abc import Callable

from orchard.hub.access import ADMIN, Accounts, OpenDoor, PasswordDoor
from orchard.hub.db import Database
from orchard.hub.http import Access
from orchard.hub.settings import Settings


def open_door(settings: Settings, database: Database, *, loopback: bool, announce: Callable[[str], None]) -> Access:
    """Make the door, and see to it that somebody can come in.

    Raises:
        InvalidError: If the password that is wanted for the admin account cannot be one.
        StorageError: If the catalog fails.
    """
    if not settings.needs_login(loopback=loopback):
        return OpenDoor()
    accounts = Accounts(database, time.time)
    _prepare(accounts, settings.admin_password, announce)
    return PasswordDoor(accounts, time.monotonic)


def _prepare(accounts: Accounts, password: str | None, announce: Callable[[str], None]) -> None:
    """See to it that somebody can log in."""
    if password is not None:
        if not accounts.verify(ADMIN, password):
            accounts.set_password(ADMIN, password)
    elif not accounts.exist():
        made = secrets.token_urlsafe(18)
        accounts.set_password(ADMIN, made)
        announce(f"made the account {ADMIN!r} with the password {made} (it is shown this once)")
