"""The door: who comes in, and as whom."""

import binascii
import hmac
import secrets
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock, Semaphore
from typing import Final, NoReturn

from orchard.errors import InvalidError, UnauthenticatedError
from orchard.hub.access.failures import Failures
from orchard.hub.access.names import MAX_NAME
from orchard.hub.access.passwords import MAX_PASSWORD
from orchard.hub.access.principal import ANONYMOUS, Principal
from orchard.hub.access.users import Users

CHALLENGE: Final = 'Basic realm="Orchard", charset="UTF-8"'
TTL: Final = 60.0  # seconds that a verified password is trusted; a changed one works on for that long
_REMEMBERED: Final = 10_000
_AT_ONCE: Final = 2  # verifications of 19 MiB each
_MAX_HEADER: Final = 2 * (MAX_NAME + MAX_PASSWORD)
_LOGIN: Final = "log in with an account of this hub"


class OpenDoor:
    """Everybody may come in. Only for a hub that nobody but this machine can reach."""

    challenge: str | None = None

    def recall(self, authorization: bytes | None) -> Principal | None:  # noqa: ARG002 -- a login is not needed
        """Recognise somebody without waiting."""
        return ANONYMOUS

    def login(self, authorization: bytes | None, address: str) -> Principal:  # noqa: ARG002
        """Find out who somebody is."""
        return ANONYMOUS

    def lapsed(self, authorization: bytes | None) -> Principal | None:  # noqa: ARG002
        """Recognise nobody: there are no tokens here."""
        return None


class PasswordDoor:
    """Whoever has an account may come in, by HTTP Basic authentication (RFC 7617)."""

    challenge: str | None = CHALLENGE

    def __init__(self, users: Users, now: Callable[[], float]) -> None:
        self._users = users
        self._now = now
        self._failures = Failures(now)
        self._verifying = Semaphore(_AT_ONCE)
        self._key = secrets.token_bytes(32)
        self._lock = Lock()
        self._known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()

    def recall(self, authorization: bytes | None) -> Principal | None:
        """Recognise somebody whose password was verified a moment ago, without waiting."""
        if authorization is None:
            return None
        found = self._known.get(self._fingerprint(authorization))
        if found is None or self._now() >= found[1]:
            return None
        return found[0]

    def login(self, authorization: bytes | None, address: str) -> Principal:
        """Find out who somebody is. Takes a tenth of a second and 19 MiB, longer while others log in.

        Raises:
            UnauthenticatedError: If there is no password, or it is wrong.
            RateLimitedError: If too many were wrong lately.
            InvalidError: If the header is not one of Basic authentication.
            StorageError: If the accounts cannot be read.
        """
        if authorization is None:
            raise UnauthenticatedError(f"login required: {_LOGIN}")
        name, password = _basic(authorization)
        self._failures.refuse(name, address)
        with self._verifying:
            known = self.recall(authorization)  # somebody with the same password may have waited before us
            if known is not None:
                return known
            if self._users.verify(name, password) is None:
                self._failures.count(name, address)
                raise UnauthenticatedError("unknown account or wrong password")
            return self._remember(authorization, Principal(name))

    def lapsed(self, authorization: bytes | None) -> Principal | None:  # noqa: ARG002
        """Recognise nobody: passwords do not run out."""
        return None

    def _remember(self, authorization: bytes, who: Principal) -> Principal:
        with self._lock:
            self._known[self._fingerprint(authorization)] = (who, self._now() + TTL)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return who

    def _fingerprint(self, authorization: bytes) -> bytes:
        """Name a header without keeping the password that is in it."""
        return hmac.digest(self._key, authorization, "sha256")


def _basic(authorization: bytes) -> tuple[str, str]:
    """Read the header's account and password.

    Raises:
        InvalidError: If they cannot be read.
        UnauthenticatedError: If it is another scheme, or empty as some clients send it.
    """
    if len(authorization) > _MAX_HEADER:
        raise InvalidError("the Authorization header is too long")
    scheme, _, value = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        raise UnauthenticatedError(f"this hub wants Basic authentication: {_LOGIN}")
    try:
        name, colon, password = b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        _refuse(error)
    if not colon:
        _refuse(None)
    if not name or not password:
        raise UnauthenticatedError(f"login required: {_LOGIN}")
    return name, password


def _refuse(cause: Exception | None) -> NoReturn:
    raise InvalidError("the Authorization header is not Basic authentication (RFC 7617)") from cause
