"""Passwords, which are kept as argon2id hashes only."""

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from orchard.errors import InvalidError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MAX_PASSWORD: Final = 1024  # bytes
SHORTEST: Final = 8  # characters that people choose (NIST SP 800-63B, 5.1.1.2)

# Hash of a thrown-away random password: who asks for an unknown account waits as long as for a known one.
DUMMY: Final = "$argon2id$v=19$m=19456,t=2,p=1$FzHZGc37XNb0wIN4JyGlUw$shVLrAWv8Se2xKbEsNZquiXHSYW1YlMFksC5cOFVfZ8"


@lru_cache(maxsize=1)
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher, Type  # noqa: PLC0415 -- 23 ms that an open hub never needs

    # OWASP's second choice for argon2id: 119 ms here, and 19 MiB for as long as it takes.
    return PasswordHasher(time_cost=2, memory_cost=19 << 10, parallelism=1, type=Type.ID)


def check_password(account: str, password: str) -> str:
    """Refuse what could not be sent by Basic authentication (RFC 7617).

    Raises:
        InvalidError: Saying what is wrong with it.
    """
    if not password:
        raise InvalidError(f"the password of {account} is empty")
    if len(password.encode(errors="surrogatepass")) > MAX_PASSWORD:
        raise InvalidError(f"the password of {account} is longer than {MAX_PASSWORD} bytes")
    return password


def check_chosen(account: str, password: str) -> str:
    """Refuse what others would guess first.

    Raises:
        InvalidError: Saying what is wrong with it.
    """
    if len(password) < SHORTEST:
        raise InvalidError(f"choose at least {SHORTEST} characters; a few words in a row are good")
    if account in password.lower() and len(password) < len(account) + SHORTEST:
        raise InvalidError(f"choose something else than the name of the account {account}")
    return password


def hash_password(password: str) -> str:
    """Make what is kept of a password."""
    return _hasher().hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Tell whether this is the password; takes as long if there is none."""
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 -- as above

    try:
        _hasher().verify(DUMMY if stored is None else stored, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Tell whether a hash has another cost than new ones."""
    return _hasher().check_needs_rehash(stored)
