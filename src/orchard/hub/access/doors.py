"""The door: who comes in, and as whom."""

import binascii
import hashlib
import secrets
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock, Semaphore
from typing import Final, NoReturn

from orchard.errors import InvalidError, NotFoundError, UnauthenticatedError
from orchard.hub.access.failures import Failures
from orchard.hub.access.names import MAX_NAME
from orchard.hub.access.passwords import MAX_PASSWORD
from orchard.hub.access.people import People
from orchard.hub.access.principal import ANONYMOUS, Principal
from orchard.hub.access.scopes import challenge
from orchard.hub.access.secret import is_secret
from orchard.hub.access.tickets import MAX_TICKET, Tickets, is_ticket
from orchard.hub.access.tokens import Token

CHALLENGE: Final = 'Basic realm="Orchard", charset="UTF-8"'
TTL: Final = 60.0  # seconds that what was verified is trusted, if nothing is changed meanwhile
TOKEN_PATH: Final = "/token"  # noqa: S105 -- a path
_REMEMBERED: Final = 10_000
_AT_ONCE: Final = 2  # verifications of 19 MiB each
_MAX_BASIC: Final = 2 * (MAX_NAME + MAX_PASSWORD)
_MAX_HEADER: Final = MAX_TICKET + len(b"Bearer ")
_LOGIN: Final = "log in with an account of this hub"


class OpenDoor:
    """Everybody may come in. Only for a hub that nobody but this machine can reach."""

    challenge: str | None = None

    def recall(self, authorization: bytes | None) -> Principal | None:  # noqa: ARG002 -- a login is not needed
        """Recognise somebody without waiting."""
        return ANONYMOUS

    def is_slow(self, authorization: bytes | None) -> bool:  # noqa: ARG002
        """Tell whether a password would be looked at."""
        return False

    def login(self, authorization: bytes | None, address: str) -> Principal:  # noqa: ARG002
        """Find out who somebody is."""
        return ANONYMOUS

    def visit(self, session: str) -> Principal | None:  # noqa: ARG002
        """Recognise somebody by the session of their browser."""
        return ANONYMOUS

    def lapsed(self, authorization: bytes | None) -> Principal | None:  # noqa: ARG002
        """Recognise nobody: there are no tokens here."""
        return None

    def invite(self, origin: str, scopes: Sequence[str], error: str | None = None) -> str | None:  # noqa: ARG002
        """Say how a registry's client comes in."""
        return None


@dataclass(frozen=True, slots=True)
class _Known:
    """Somebody who was recognised.

    Attributes:
        who: Who it is.
        until: When what was shown must be looked at again.
        epoch: Of the state of accounts in which it was looked at.
        stamp: Of the account then, if it came in with a password.
    """

    who: Principal
    until: float
    epoch: int
    stamp: str | None


class Door:
    """Whoever has an account or a token may come in.

    By HTTP Basic authentication (RFC 7617) with a password, or with a token in its place under any name; or as Bearer
    (RFC 6750) with a token or with a ticket, which the hub signs for clients of registries.

    Args:
        people: Accounts and tokens.
        tickets: Signs and recognises tickets.
        now: Seconds, of a clock that never goes back.
        url: How clients reach the hub, if not by the address that they ask.
        late: Seconds after its end for which a ticket lets somebody go on with an upload.
    """

    challenge: str | None = CHALLENGE

    def __init__(
        self, people: People, tickets: Tickets, now: Callable[[], float], *, url: str | None = None, late: float = 0.0
    ) -> None:
        self._people = people
        self._tickets = tickets
        self._now = now
        self._url = url
        self._late = late
        self._failures = Failures(people.ledger.database, people.ledger.now)
        self._verifying = Semaphore(_AT_ONCE)
        self._key = secrets.token_bytes(32)
        self._lock = Lock()
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def recall(self, authorization: bytes | None) -> Principal | None:
        """Recognise somebody who was looked at a moment ago, without waiting."""
        if authorization is None:
            return None
        found = self._known.get(self._fingerprint(authorization))
        if found is None or found.epoch != self._people.epoch.current or self._now() >= found.until:
            return None
        return found.who

    def is_slow(self, authorization: bytes | None) -> bool:
        """Tell whether a password would be looked at, which takes a tenth of a second."""
        return authorization is not None and authorization[:6].lower() == b"basic "

    def login(self, authorization: bytes | None, address: str) -> Principal:
        """Find out who somebody is. With a password that takes 0.1 s and 19 MiB, longer while others log in.

        Raises:
            UnauthenticatedError: If nothing is shown, or it is wrong.
            RateLimitedError: If too many passwords were wrong lately.
            InvalidError: If the header cannot be read.
            StorageError: If the accounts cannot be read.
        """
        if authorization is None:
            raise UnauthenticatedError(f"login required: {_LOGIN}")
        if len(authorization) > _MAX_HEADER:
            raise InvalidError("the Authorization header is too long")
        scheme, _, value = authorization.partition(b" ")
        if scheme.lower() == b"bearer":
            return self._bearer(authorization, value.strip().decode("latin-1"))
        name, password = read_basic(authorization)
        return self._basic(authorization, name, password, address=address)

    def lapsed(self, authorization: bytes | None) -> Principal | None:
        """Recognise somebody by a ticket that was good and has only run out, if not too long ago.

        Raises:
            StorageError: If the accounts cannot be read.
        """
        scheme, _, value = (authorization or b"").partition(b" ")
        text = value.strip().decode("latin-1")
        if scheme.lower() != b"bearer" or not is_ticket(text):
            return None
        try:
            who, _ = self._tickets.verify(text, late=self._late)
        except UnauthenticatedError:
            return None
        return who

    def check(self, name: str, password: str, address: str) -> Principal:
        """Find out who somebody is who gives a name and a password, or a token in its place.

        Raises:
            UnauthenticatedError: If they are wrong.
            RateLimitedError: If too many were wrong lately.
            InvalidError: If they are too long.
            StorageError: If the accounts cannot be read.
        """
        if len(name.encode()) + len(password.encode()) > MAX_NAME + MAX_PASSWORD:
            raise InvalidError("the name or the password is too long")
        return self._basic(f"{name}:{password}".encode(), name, password, address=address)

    def visit(self, session: str) -> Principal | None:
        """Recognise somebody by the session of their browser, if it has not ended.

        Raises:
            StorageError: If the catalog fails.
        """
        found = self._people.sessions.find(session)
        return None if found is None else found.holder

    def invite(self, origin: str, scopes: Sequence[str], error: str | None = None) -> str | None:
        """Say how a registry's client comes in.

        Args:
            origin: The address that it asked.
            scopes: What it wants to do.
            error: What was wrong with the ticket that it showed.
        """
        return challenge((self._url or origin) + TOKEN_PATH, self._tickets.service, scopes, error=error)

    def _bearer(self, authorization: bytes, secret: str) -> Principal:
        if is_secret(secret):
            return self._token(authorization, secret)
        if not is_ticket(secret):
            raise UnauthenticatedError(f"that is no token of this hub: {_LOGIN}")
        epoch = self._people.epoch.known()
        who, left = self._tickets.verify(secret)
        return self._remember(authorization, _Known(who, self._now() + left, epoch, None))

    def _token(self, shown: bytes, secret: str) -> Principal:
        epoch = self._people.epoch.known()
        token = self._people.tokens.find(secret)
        if token is None:
            raise UnauthenticatedError("this token is not known, was revoked, or has ended")
        return self._remember(shown, _Known(token.holder, self._now() + self._left(token), epoch, None))

    def _left(self, token: Token) -> float:
        """Tell how long a token need not be looked at again: until it ends, and often enough to note its use."""
        if token.expires_at is None:
            return TTL
        return min(TTL, token.expires_at.timestamp() - self._people.ledger.now())

    def _basic(self, shown: bytes, name: str, password: str, *, address: str) -> Principal:
        if is_secret(password):
            return self._token(shown, password)
        if not name or not password:
            raise UnauthenticatedError(f"login required: {_LOGIN}")
        renewed = self._renewed(shown)
        if renewed is not None:
            return renewed
        self._failures.refuse(name, address)
        with self._verifying:
            known = self.recall(shown)  # somebody with the same password may have waited before us
            if known is not None:
                return known
            epoch = self._people.epoch.known()
            user = self._people.users.verify(name, password)
            if user is None:
                self._failures.count(name, address)
                raise UnauthenticatedError("unknown account or wrong password")
            return self._remember(shown, _Known(Principal(user.name), self._now() + TTL, epoch, user.stamp))

    def _renewed(self, shown: bytes) -> Principal | None:
        """Recognise a password that was looked at a moment ago, where something else has been changed since."""
        found = self._known.get(self._fingerprint(shown))
        if found is None or found.stamp is None or self._now() >= found.until:
            return None
        epoch = self._people.epoch.known()
        try:
            user = self._people.users.get(found.who.name)
        except NotFoundError:
            return None
        if user.disabled or user.stamp != found.stamp:
            return None
        return self._remember(shown, replace(found, epoch=epoch))

    def _remember(self, shown: bytes, known: _Known) -> Principal:
        with self._lock:
            self._known[self._fingerprint(shown)] = known
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known.who

    def _fingerprint(self, authorization: bytes) -> bytes:
        """Name a header without keeping the password that is in it."""
        return hashlib.blake2b(authorization, key=self._key, digest_size=32).digest()  # a third of HMAC's time


def read_basic(authorization: bytes) -> tuple[str, str]:
    """Read the name and the password of a header; both may be empty.

    Raises:
        InvalidError: If they cannot be read.
        UnauthenticatedError: If it is another scheme.
    """
    if len(authorization) > _MAX_BASIC:
        raise InvalidError("the Authorization header is too long")
    scheme, _, value = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        raise UnauthenticatedError(f"this hub wants Basic or Bearer authentication: {_LOGIN}")
    try:
        name, colon, password = b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        _refuse(error)
    if not colon:
        _refuse(None)
    return name, password


def _refuse(cause: Exception | None) -> NoReturn:
    raise InvalidError("the Authorization header is not Basic authentication (RFC 7617)") from cause
