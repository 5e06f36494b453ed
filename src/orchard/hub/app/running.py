"""Starting a hub, and ending it."""

import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from orchard.errors import NotFoundError
from orchard.hub.access import Accounts, EverybodyInside
from orchard.hub.app.drivers import catalog_file, open_catalog, open_files
from orchard.hub.app.people import open_door
from orchard.hub.app.surfaces import site, surfaces
from orchard.hub.http import Guard, Threads, build_app
from orchard.hub.http.serving import Place, serve
from orchard.hub.registry import Premises, Recall, Registry
from orchard.hub.settings import Settings
from orchard.hub.storage.directory import claim


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
    with claim(settings.data), open_catalog(settings) as database, Threads() as threads:
        access = open_door(settings, database, loopback=place.loopback, announce=announce)
        premises = Premises(
            database, open_files(settings), EverybodyInside(), recall=Recall(settings.recall), now=time.time
        )
        registry = Registry(premises)
        app = build_app(
            registry,
            access,
            threads,
            guard=Guard(loopback_only=not settings.needs_login(loopback=place.loopback)),
            site=site(registry, login=settings.needs_login(loopback=place.loopback)),
            surfaces=surfaces(),
            timeout=settings.body_timeout,
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
    if not catalog_file(data).is_file():
        raise NotFoundError(f"{data} is not the data directory of a hub")
    with open_catalog(Settings(data=data)) as database:
        Accounts(database, time.time).set_password(account, password)
