"""Accounts and their passwords, which are kept as argon2id hashes only."""

from collections.abc import Callable
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, insert, select, update

from orchard.errors import InvalidError
from orchard.hub.db import Database
from orchard.hub.db.schema import users

MAX_PASSWORD: Final = 1024  # bytes
MAX_NAME: Final = 64
ADMIN: Final = "admin"

# OWASP's second choice for argon2id: 119 ms here, and 19 MiB for as long as it takes.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 << 10, parallelism=1, type=Type.ID)
# Hash of a thrown-away random password: who asks for an unknown account waits as long as for a known one.
DUMMY: Final = "$argon2id$v=19$m=19456,t=2,p=1$FzHZGc37XNb0wIN4JyGlUw$shVLrAWv8Se2xKbEsNZquiXHSYW1YlMFksC5cFOVfZ8"


class Accounts:
    """The accounts of one hub."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def exist(self) -> bool:
        """Tell whether there is any account.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._database.read() as connection:
            return connection.execute(select(users.c.name).limit(1)).first() is not None

    def set_password(self, name: str, password: str) -> None:
        """Give an account a new password, making the account if need be.

        Raises:
            InvalidError: If the name or the password cannot be one.
            StorageError: If the catalog fails.
        """
        _check(name, password)
        at = round(self._now() * 1000)
        values = {"name": name, "password_hash": _HASHER.hash(password), "created_at": at, "changed_at": at}
        with self._database.write() as connection:
            found = connection.execute(select(users.c.created_at).where(users.c.name == name)).scalar()
            connection.execute(delete(users).where(users.c.name == name))
            connection.execute(insert(users), {**values, "created_at": at if found is None else found})

    def verify(self, name: str, password: str) -> bool:
        """Check a password; takes as long whether the account exists or not.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._database.read() as connection:
            found = connection.execute(select(users.c.password_hash).where(users.c.name == name)).scalar()
        if not _matches(DUMMY if found is None else found, password) or found is None:
            return False
        if _HASHER.check_needs_rehash(found):
            with self._database.write() as connection:
                statement = update(users).where(users.c.name == name, users.c.password_hash == found)
                connection.execute(statement, {"password_hash": _HASHER.hash(password)})
        return True


def _matches(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _check(name: str, password: str) -> None:
    """Refuse what could not be sent by Basic authentication (RFC 7617).

    Raises:
        InvalidError: Saying what is wrong with it.
    """
    if not 0 < len(name) <= MAX_NAME or ":" in name or not name.isprintable():
        raise InvalidError(f"{name[:80]!r} is not an account name: 1 to {MAX_NAME} printable characters, no colon")
    if not password:
        raise InvalidError(f"the password of {name} is empty")
    if len(password.encode()) > MAX_PASSWORD:
        raise InvalidError(f"the password of {name} is longer than {MAX_PASSWORD} bytes")
