"""One hub process: every part is named, made and ended here, and nowhere else (ADR 0004)."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop

from orchard.errors import NotFoundError
from orchard.hub.access import ADMIN, Accounts, EverybodyInside, OpenDoor, PasswordDoor
from orchard.hub.db import Database, migrate
from orchard.hub.db.sqlite import open_sqlite
from orchard.hub.http import Access, Guard, Site, Threads, build_app
from orchard.hub.http.pages import Pages
from orchard.hub.http.serving import Place, serve
from orchard.hub.registry import Premises, Recall, Registry
from orchard.hub.settings import Settings
from orchard.hub.storage.directory import claim
from orchard.hub.storage.filesystem import Filesystem

CATALOG: Final = "catalog.sqlite3"


def run(settings: Settings, *, announce: Callable[[str], None]) -> None:
    """Serve until a signal asks to stop (SIGTERM or SIGINT), then let running requests end.

    Args:
        settings: How.
        announce: Is told each line that the person who started it must read: the password of a new account, once; and
            the address, as soon as it answers.

    Raises:
        UsageError: If the address cannot be listened on.
        ConflictError: If another hub has the data directory, or a newer one made it.
        StorageError: If the data directory cannot be used.
        InvalidError: If the password that is wanted for the admin account cannot be one.
    """
    place = Place.find(settings.host, settings.port)
    with claim(settings.data), _catalog(settings.data) as database, Threads() as threads:
        accounts = Accounts(database, time.time)
        if not place.loopback:
            _prepare(accounts, settings.admin_password, announce)
        access: Access = OpenDoor() if place.loopback else PasswordDoor(accounts, time.monotonic)
        premises = Premises(
            database, Filesystem(settings.data), EverybodyInside(), recall=Recall(settings.recall), now=time.time
        )
        registry = Registry(premises)
        guard = Guard(loopback_only=place.loopback)
        app = build_app(
            registry, access, threads, guard=guard, site=_site(registry, place), timeout=settings.body_timeout
        )
        uvloop.run(
            serve(
                app,
                place,
                grace=settings.grace,
                announce=announce,
                chore=lambda: threads.run(lambda: registry.sweep_uploads(settings.upload_lifetime)),
            )
        )


def set_password(data: Path, account: str, password: str) -> None:
    """Give an account of a hub a new password, be the hub running or not; it is asked for within a minute.

    Raises:
        NotFoundError: If no hub has used this data directory.
        InvalidError: If the name or the password cannot be one.
        StorageError: If the data directory cannot be used.
    """
    if not (data / CATALOG).is_file():
        raise NotFoundError(f"{data} is not the data directory of a hub")
    with _catalog(data) as database:
        Accounts(database, time.time).set_password(account, password)


def _site(registry: Registry, place: Place) -> Site:
    """Make what people see."""
    pages = Pages(registry, now=lambda: datetime.now(UTC), login=not place.loopback)
    return Site(routes=pages.routes(), problem=pages.problem, public=pages.public)


@contextmanager
def _catalog(data: Path) -> Iterator[Database]:
    database = open_sqlite(data / CATALOG)
    try:
        migrate(database)
        yield database
    finally:
        database.close()


def _prepare(accounts: Accounts, password: str | None, announce: Callable[[str], None]) -> None:
    """See to it that somebody can log in."""
    if password is not None:
        if not accounts.verify(ADMIN, password):
            accounts.set_password(ADMIN, password)
    elif not accounts.exist():
        made = secrets.token_urlsafe(18)
        accounts.set_password(ADMIN, made)
        announce(f"made the account {ADMIN!r} with the password {made} (it is shown this once)")
