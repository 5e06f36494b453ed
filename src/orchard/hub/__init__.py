"""Orchard's own registry service: one process, one data directory, nothing else needed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from orchard.hub.settings import Settings

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from orchard.hub.app.desk import Desk

__all__ = ["Settings", "open_desk", "run"]


def run(settings: Settings, *, announce: Callable[[str], None]) -> None:
    """Serve until a signal asks to stop; ``announce`` is told each line that the person who started it must read.

    Raises:
        UsageError: If the address cannot be listened on.
        ConflictError: If another hub has the data directory, or a newer one made it.
        StorageError: If the data directory cannot be used.
        InvalidError: If the password that is wanted for the admin account cannot be one.
    """
    from orchard.hub.app import running  # noqa: PLC0415 -- rooms below need no server, and one costs 0.4 s to import

    running.run(settings, announce=announce)


def open_desk(settings: Settings) -> "AbstractContextManager[Desk]":
    """Open a hub's catalog for whoever administers it, be the hub running or not.

    Raises:
        NotFoundError: If no hub has used the data directory.
        ConflictError: If a newer Orchard made it.
        StorageError: If it cannot be used.
    """
    from orchard.hub.app.desk import open_desk as opened  # noqa: PLC0415 -- as above

    return opened(settings)
