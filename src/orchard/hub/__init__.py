"""Orchard's own registry service: one process, one data directory, nothing else needed."""

from collections.abc import Callable
from pathlib import Path

from orchard.hub.settings import Settings

__all__ = ["Settings", "run", "set_password"]


def run(settings: Settings, *, announce: Callable[[str], None]) -> None:
    """Serve until a signal asks to stop; ``announce`` is told each line that the person who started it must read.

    Raises:
        UsageError: If the address cannot be listened on.
        ConflictError: If another hub has the data directory, or a newer one made it.
        StorageError: If the data directory cannot be used.
        InvalidError: If the password that is wanted for the admin account cannot be one.
    """
    from orchard.hub import app  # noqa: PLC0415 -- rooms below need no server, and a server costs 0.4 s to import

    app.run(settings, announce=announce)


def set_password(data: Path, account: str, password: str) -> None:
    """Give an account of a hub a new password, be the hub running or not.

    Raises:
        NotFoundError: If no hub has used this data directory, or there is no such account.
        InvalidError: If the name or the password cannot be one.
        StorageError: If the data directory cannot be used.
    """
    from orchard.hub import app  # noqa: PLC0415 -- as above

    app.set_password(data, account, password)
