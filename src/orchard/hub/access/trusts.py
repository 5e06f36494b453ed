"""CI jobs that need no stored secret: what a namespace believes of the tokens that a CI service signs for its jobs.

A trust names an issuer and what its tokens must say (``repository = "acme/models"``, ``ref = "refs/heads/main"``). A
job shows such a token and gets one of ours that lives for minutes, for the repositories and actions of the trust.
"""

import json
import re
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select

from orchard.errors import ConflictError, DeniedError, InvalidError, NotFoundError
from orchard.hub.access.issuers import MAX_TOKEN, Claims, Issuer
from orchard.hub.access.ledger import Ledger
from orchard.hub.access.limits import Pattern
from orchard.hub.access.mandate import Mandate, Over
from orchard.hub.access.names import check_name, namespace_of
from orchard.hub.access.tokens import EVERYTHING, ROBOT_SCOPES, Token, Tokens, Wanted
from orchard.hub.db.people import namespaces, trusts
from orchard.oci import JSON, loads

LIFETIME: Final = 900  # seconds
LONGEST: Final = 6 * 3600  # seconds: as long as a job may run at the common services
_LEAST: Final = 60
_MAX_CLAIMS: Final = 16
_MAX_TEXT: Final = 255
_MAX_SAID: Final = 1024  # characters of a claim that are compared
_EVIDENCE: Final = 4  # characters that one claim must have before anything is left open in it
_WILD: Final = re.compile(r"\*+")
_MAX_WILD: Final = 3
_CLAIM: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
_ISSUER: Final = re.compile(r"https?://[^\s?#]{1,240}")
# Claims that every token of a service has alike, or that the token itself is checked by: they tell no job from another.
_NO_EVIDENCE: Final = frozenset(("iss", "aud", "exp", "nbf", "iat", "jti", "azp", "nonce"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a namespace believes of an issuer.

    Attributes:
        namespace: Where its tokens are good.
        name: What people call it there.
        issuer: URL of the service, exactly as it writes it in its tokens.
        claims: What a token must say, by claim; ``*`` in a value stands for anything but ``/``, ``**`` for anything.
        actions: What the job may do.
        patterns: With which repositories of the namespace.
        lifetime: Seconds that a token lives that a job gets.
        created_at: Since when.
        created_by: Who said so.
    """

    namespace: str
    name: str
    issuer: str
    claims: Mapping[str, str]
    actions: frozenset[str]
    patterns: tuple[Pattern, ...]
    lifetime: int
    created_at: datetime
    created_by: str

    def holds(self, claims: Claims) -> bool:
        """Tell whether a verified token says all that it must."""
        return claims.issuer == self.issuer and all(
            any(_matches(wanted, said) for said in _said(claims, name)) for name, wanted in self.claims.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTrust:
    """A trust that somebody wants; as ``Trust``, where the attributes are described."""

    name: str
    issuer: str
    claims: Mapping[str, str]
    actions: frozenset[str]
    patterns: tuple[Pattern, ...] = EVERYTHING
    lifetime: int = LIFETIME


class Trusts:
    """The trusts of one hub, and the exchange of tokens.

    Args:
        ledger: Where they are kept.
        tokens: Makes the tokens that jobs get.
        issuer: Gives an issuer by its URL, the same object each time: it keeps the issuer's keys.
    """

    def __init__(self, ledger: Ledger, tokens: Tokens, issuer: Callable[[str], Issuer]) -> None:
        self._ledger = ledger
        self._tokens = tokens
        self._issuer = issuer

    def create(self, by: Mandate, namespace: str, wanted: NewTrust) -> Trust:
        """Begin to trust an issuer.

        Raises:
            InvalidError: If it would believe too much, or cannot be one.
            ConflictError: If the namespace has a trust of this name.
            NotFoundError: If there is no such namespace.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.NAMESPACE, namespace)
        name = check_name(wanted.name, "a name of a trust")
        patterns = (Pattern(f"{namespace}/**"),) if wanted.patterns == EVERYTHING else wanted.patterns
        _check(wanted, patterns, namespace)
        with self._ledger.changing(by) as change:
            known = select(namespaces.c.name).where(namespaces.c.name == namespace)
            if change.connection.execute(known).first() is None:
                raise NotFoundError(f"there is no namespace {namespace}")
            same = (trusts.c.namespace == namespace) & (trusts.c.name == name)
            if change.connection.execute(select(trusts.c.id).where(same)).first() is not None:
                raise ConflictError(f"{namespace} has a trust {name} already; remove it, or take another name")
            row = {
                "id": secrets.token_hex(8),
                "namespace": namespace,
                "name": name,
                "issuer": wanted.issuer,
                "claims": json.dumps(dict(wanted.claims), sort_keys=True),
                "actions": ",".join(sorted(wanted.actions)),
                "patterns": ",".join(pattern.text for pattern in patterns),
                "lifetime": wanted.lifetime,
                "created_at": change.at,
                "created_by": by.account,
            }
            change.connection.execute(insert(trusts), row)
            change.record("trust.create", f"{namespace}/{name}", issuer=wanted.issuer, claims=dict(wanted.claims))
        return self.get(namespace, name)

    def get(self, namespace: str, name: str) -> Trust:
        """Find one.

        Raises:
            NotFoundError: If there is none.
            StorageError: If the catalog fails.
        """
        found = [trust for trust in self.list(namespace) if trust.name == name]
        if not found:
            raise NotFoundError(f"{namespace[:64]} has no trust {name[:64]}")
        return found[0]

    def list(self, namespace: str) -> list[Trust]:
        """List the trusts of a namespace, by name.

        Raises:
            StorageError: If the catalog fails.
        """
        statement = select(trusts).where(trusts.c.namespace == namespace).order_by(trusts.c.name)
        with self._ledger.database.read() as connection:
            return [_trust(row) for row in connection.execute(statement)]

    def remove(self, by: Mandate, namespace: str, name: str) -> None:
        """Trust no more. Tokens that jobs have got live on for their minutes.

        Raises:
            NotFoundError: If there is no such trust.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.NAMESPACE, namespace)
        with self._ledger.changing(by) as change:
            same = (trusts.c.namespace == namespace) & (trusts.c.name == name)
            if not change.connection.execute(delete(trusts).where(same)).rowcount:
                raise NotFoundError(f"{namespace[:64]} has no trust {name[:64]}")
            change.record("trust.remove", f"{namespace}/{name}")

    def exchange(self, shown: str, *, audience: str, wanted: str | None = None) -> tuple[Token, str]:
        """Give a job a token for the one that it shows; the hub has to trust its issuer somewhere.

        Args:
            shown: What the CI service signed for the job.
            audience: Whom that must be for: this hub.
            wanted: ``namespace/name`` of the trust; may be absent where only one fits.

        Raises:
            DeniedError: If nothing trusts such a token, or it is not good.
            InvalidError: If several trusts fit and none was named.
            RemoteError: If the issuer's keys cannot be fetched.
            StorageError: If the catalog fails.
        """
        issuer = _claimed_issuer(shown)
        statement = select(trusts).where(trusts.c.issuer == issuer).order_by(trusts.c.namespace, trusts.c.name)
        with self._ledger.database.read() as connection:
            candidates = [_trust(row) for row in connection.execute(statement)]
        if not candidates:  # before anything is fetched: strangers must not name where the hub connects to
            raise DeniedError(f"no namespace of this hub trusts {issuer[:200]!r}")
        claims = self._issuer(issuer).verify(shown, audience=audience)
        fitting = [
            trust for trust in candidates if wanted in {None, f"{trust.namespace}/{trust.name}"} and trust.holds(claims)
        ]
        if not fitting:
            raise DeniedError(f"no trust of this hub fits what {issuer} says about this job ({claims.subject[:200]})")
        if len(fitting) > 1:
            names = ", ".join(f"{trust.namespace}/{trust.name}" for trust in fitting[:8])
            raise InvalidError(f"several trusts fit this job, name one of them: {names}")
        return self._make(fitting[0], claims)

    def _make(self, trust: Trust, claims: Claims) -> tuple[Token, str]:
        name = f"{trust.name}.{secrets.token_hex(6)}"
        ends = datetime.fromtimestamp(self._ledger.at / 1000, UTC) + timedelta(seconds=trust.lifetime)
        by = Mandate(f"ci:{trust.namespace}/{trust.name}", Over.NAMESPACE, trust.namespace)
        made = self._tokens.create_robot(
            by, trust.namespace, Wanted(name=name, scopes=trust.actions, patterns=trust.patterns, expires_at=ends)
        )
        with self._ledger.changing(by) as change:
            change.record("trust.exchange", made[0].id, issuer=claims.issuer, subject=claims.subject[:_MAX_TEXT])
        return made


def _check(wanted: NewTrust, patterns: tuple[Pattern, ...], namespace: str) -> None:
    """Refuse a trust that believes too much.

    Raises:
        InvalidError: Saying what is wrong with it.
    """
    if _ISSUER.fullmatch(wanted.issuer) is None:
        raise InvalidError(f"{wanted.issuer[:80]!r} is not the URL of an issuer, such as https://token.ci.example.com")
    _check_claims(wanted.claims)
    if not wanted.actions or wanted.actions.difference(ROBOT_SCOPES):
        raise InvalidError(f"a trust gives some of the actions {', '.join(ROBOT_SCOPES)}")
    if not _LEAST <= wanted.lifetime <= LONGEST:
        raise InvalidError(f"a token of a job lives {_LEAST} to {LONGEST} seconds, not {wanted.lifetime}")
    for pattern in patterns:
        if namespace_of(pattern.text) != namespace:
            raise InvalidError(f"{pattern.text} is not in {namespace}; a trust stays in its namespace")


def _check_claims(claims: Mapping[str, str]) -> None:
    """Refuse what tells no job from another, and what takes long to compare.

    Raises:
        InvalidError: Saying what is wrong.
    """
    if len(claims) > _MAX_CLAIMS:
        raise InvalidError(f"a trust has at most {_MAX_CLAIMS} claims")
    for name, value in claims.items():
        if _CLAIM.fullmatch(name) is None or not 0 < len(value) <= _MAX_TEXT or len(_WILD.findall(value)) > _MAX_WILD:
            raise InvalidError(f"the claim {name[:80]!r} = {value[:80]!r} cannot be asked for")
    evidence = (value.partition("*")[0] for name, value in claims.items() if name not in _NO_EVIDENCE)
    if max(map(len, evidence), default=0) < _EVIDENCE:
        raise InvalidError(
            "a trust must say what tells your jobs from those of others at the same service: a claim such as "
            "repository=acme/models, without which every job there could push"
        )


def _claimed_issuer(token: str) -> str:
    """Read who is said to have signed a token; nothing is believed by that.

    Raises:
        DeniedError: If it is no token.
    """
    head, _, rest = token.partition(".")
    payload, dot, _ = rest.partition(".")
    if not (head and payload and dot) or len(token) > MAX_TOKEN:
        raise DeniedError("this is no signed token (JWT)")
    try:
        value: JSON = loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), what="token", limit=MAX_TOKEN)
    except (ValueError, InvalidError) as error:
        raise DeniedError("this is no signed token (JWT)") from error
    issuer = value.get("iss") if isinstance(value, dict) else None
    if not isinstance(issuer, str):
        raise DeniedError("the token does not say who signed it (claim iss)")
    return issuer


def _said(claims: Claims, name: str) -> frozenset[str]:
    """Give what a token says of one claim, as texts: ``true`` and ``7`` may be asked for too."""
    value = claims.values.get(name)
    if isinstance(value, bool):
        return frozenset(("true" if value else "false",))
    if isinstance(value, int):
        return frozenset((str(value),))
    return claims.texts(name)


def _matches(wanted: str, said: str) -> bool:
    """Tell whether a value is what is asked for; ``*`` is anything within a component, ``**`` anything."""
    parts = re.split(r"(\*\*?)", wanted)
    pattern = "".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts)
    return len(said) <= _MAX_SAID and re.fullmatch(pattern, said, re.DOTALL) is not None


def _trust(row: Row[Any]) -> Trust:
    return Trust(
        namespace=row.namespace,
        name=row.name,
        issuer=row.issuer,
        claims=json.loads(row.claims),
        actions=frozenset(row.actions.split(",")),
        patterns=tuple(Pattern(text) for text in row.patterns.split(",")),
        lifetime=row.lifetime,
        created_at=datetime.fromtimestamp(row.created_at / 1000, UTC),
        created_by=row.created_by,
    )
