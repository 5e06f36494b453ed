"""Tickets: registry tokens that are good for minutes, signed by the hub (ES256), with what they are good for inside."""

import json
import secrets
from base64 import urlsafe_b64decode
from binascii import Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from orchard.errors import NotFoundError, UnauthenticatedError
from orchard.hub.access.keys import Keys
from orchard.hub.access.limits import Limit, Pattern
from orchard.hub.access.principal import ANONYMOUS, Kind, Principal
from orchard.hub.access.rights import Rights
from orchard.hub.access.scopes import REPOSITORY, Asked
from orchard.hub.access.tokens import Tokens
from orchard.hub.access.users import Users

ALGORITHM: Final = "ES256"
MAX_TICKET: Final = 16 << 10  # bytes; a hundred scopes with long names fit
_SKEW: Final = 10  # seconds that clocks of replicas may differ
_REFUSED: Final = "the token is not valid, or has ended; ask for another one"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as it is handed out.

    Attributes:
        text: The signed token (JWT).
        lifetime: Seconds for which it is good.
        issued_at: Seconds since 1970.
    """

    text: str
    lifetime: int
    issued_at: int


class Tickets:
    """Makes tickets and recognises them.

    Args:
        keys: What signs.
        rights: What somebody may.
        users: Accounts, to see whether a ticket's holder may still come in.
        tokens: Tokens, to see whether the one that a ticket was made out for is still good.
        service: Whom tickets are for: the name of this hub, the same for all replicas.
        lifetime: Seconds for which a ticket is good.
        now: Seconds since 1970.
    """

    def __init__(  # noqa: PLR0913 -- it brings together everything that a ticket says
        self,
        keys: Keys,
        rights: Rights,
        *,
        users: Users,
        tokens: Tokens,
        service: str,
        lifetime: float,
        now: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._rights = rights
        self._users = users
        self._tokens = tokens
        self._lifetime = round(lifetime)
        self._now = now
        self.service = service

    def issue(self, who: Principal, asked: Asked) -> Ticket:
        """Make out a ticket for as much of what is asked as somebody may. It may be for nothing.

        Raises:
            UnauthenticatedError: If who asks has shown a ticket: it would never end.
            StorageError: If the catalog fails.
        """
        if who.ticket is not None:
            raise UnauthenticatedError("log in with a password or a token to get another registry token")
        from joserfc import jwt  # noqa: PLC0415 -- 40 ms that only a hub with logins pays, at its first ticket

        now, key = int(self._now()), self._keys.newest()
        access: list[dict[str, Any]] = [{"type": "registry", "name": "catalog", "actions": ["*"]}] * asked.catalog
        for scope in asked.scopes:
            actions = [action for action in scope.actions if self._rights.allows(who, action, scope.repository)]
            if actions:
                access.append({"type": REPOSITORY, "name": scope.repository, "actions": actions})
        claims = {
            "iss": self.service,
            "sub": who.name if who.kind is not Kind.ANONYMOUS else "",
            "aud": self.service,
            "iat": now,
            "nbf": now - _SKEW,
            "exp": now + self._lifetime,
            "jti": secrets.token_hex(16),
            "access": access,
            "orchard": self._holder(who),
        }
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": key.kid}
        return Ticket(jwt.encode(header, claims, key.key, algorithms=[ALGORITHM]), self._lifetime, now)

    def verify(self, text: str, *, late: float = 0.0) -> tuple[Principal, float]:
        """Recognise a ticket; give its holder, narrowed to what it is for, and the seconds that it is still good.

        Args:
            text: The token.
            late: Seconds after its end for which it is taken all the same.

        Raises:
            UnauthenticatedError: If it is not one of ours, has ended, or its holder may come in no more.
            StorageError: If the catalog fails.
        """
        claims = self._claims(text)
        now = self._now()
        if claims.get("iss") != self.service or claims.get("aud") != self.service:
            raise UnauthenticatedError(_REFUSED)
        begins, ends = claims.get("nbf"), claims.get("exp")
        if not isinstance(begins, int) or not isinstance(ends, int) or not begins - _SKEW <= now < ends + late:
            raise UnauthenticatedError(_REFUSED)
        holder = self._found(claims["sub"], claims["orchard"])
        return replace(holder, ticket=_limit(claims["access"])), ends - now

    def _holder(self, who: Principal) -> dict[str, str]:
        """Say who holds a ticket in a way that ends with the account, the password or the token."""
        if who.kind is Kind.ANONYMOUS:
            return {"kind": who.kind}
        if who.limits:
            return {"kind": who.kind, "token": who.limits[0].token}
        return {"kind": who.kind, "stamp": self._users.get(who.name).stamp}

    def _found(self, name: str, holder: Mapping[str, str]) -> Principal:
        """Find the holder of a ticket that we signed.

        Raises:
            UnauthenticatedError: If they may come in no more.
            StorageError: If the catalog fails.
        """
        if holder["kind"] == Kind.ANONYMOUS:
            return ANONYMOUS
        if "token" in holder:
            token = self._tokens.live(holder["token"])
            if token is not None:
                return token.holder
            raise UnauthenticatedError(_REFUSED)
        try:
            user = self._users.get(name)
        except NotFoundError:
            raise UnauthenticatedError(_REFUSED) from None
        if user.disabled or user.stamp != holder["stamp"]:
            raise UnauthenticatedError(_REFUSED)
        return Principal(name)

    def _claims(self, text: str) -> dict[str, Any]:
        """Check a signature by the key of ours that the ticket names, by our algorithm whatever the ticket says.

        Raises:
            UnauthenticatedError: If it is not one.
            StorageError: If the catalog fails.
        """
        from joserfc import jwt  # noqa: PLC0415 -- as above
        from joserfc.errors import JoseError  # noqa: PLC0415

        key = self._keys.find(_kid(text))
        if key is None:
            raise UnauthenticatedError(_REFUSED)
        try:
            return jwt.decode(text, key.key, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError, TypeError):
            raise UnauthenticatedError(_REFUSED) from None


def is_ticket(text: str) -> bool:
    """Tell whether this looks like one."""
    return len(text) <= MAX_TICKET and text.count(".") == 2  # noqa: PLR2004 -- header, claims, signature


def _kid(text: str) -> str:
    """Read which key a ticket says it was signed by.

    Raises:
        UnauthenticatedError: If it says none.
    """
    head = text.partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (Error, ValueError, RecursionError):
        raise UnauthenticatedError(_REFUSED) from None
    kid = header.get("kid") if isinstance(header, dict) else None
    if not isinstance(kid, str):
        raise UnauthenticatedError(_REFUSED)
    return kid


def _limit(access: list[dict[str, Any]]) -> Limit:
    rules = tuple(
        (Pattern(entry["name"]), frozenset(entry["actions"])) for entry in access if entry["type"] == REPOSITORY
    )
    return Limit(rules, catalog=any(entry["type"] == "registry" for entry in access))
