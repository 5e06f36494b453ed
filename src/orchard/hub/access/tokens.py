"""Tokens: secrets for programs, of somebody's account (personal) or of a namespace (robots)."""

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, insert, select, update

from orchard.errors import ConflictError, InvalidError, NotFoundError
from orchard.hub.access.ledger import Change, Ledger
from orchard.hub.access.limits import Limit, Pattern
from orchard.hub.access.mandate import Mandate, Over
from orchard.hub.access.names import check_name, namespace_of
from orchard.hub.access.principal import Action, Kind, Principal
from orchard.hub.access.secret import hash_of, is_secret, new_secret
from orchard.hub.db.people import namespaces, tokens, users

ACCOUNT: Final = "account"  # the scope that is no action on a repository
SCOPES: Final = (*Action, ACCOUNT)
ROBOT_SCOPES: Final = tuple(action for action in Action if action is not Action.OWN)
EVERYTHING: Final = (Pattern("**"),)
MAX_PATTERNS: Final = 64
PRECISION: Final = 60_000  # milliseconds: last use is written down no more often than that
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a new token is to be.

    Attributes:
        name: What people call it; of a robot, a part of its name.
        scopes: Actions on repositories, and ``account``.
        patterns: Repositories that it is good for.
        expires_at: When it ends; never, if absent.
    """

    name: str
    scopes: frozenset[str]
    patterns: tuple[Pattern, ...] = EVERYTHING
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What can be told of a token; its secret cannot.

    Attributes:
        id: Names it.
        name: What people call it; of a robot, ``namespace+name``.
        owner: The account that it acts for; absent if it is a robot.
        namespace: The namespace that a robot belongs to.
        scopes: Actions on repositories, and ``account``.
        patterns: Repositories that it is good for.
        created_at: Since when it is there.
        created_by: Who made it.
        expires_at: When it ends, if ever.
        used_at: When it was last used, to the minute, if ever.
        revoked_at: When it was revoked, if so.
    """

    id: str
    name: str
    owner: str | None
    namespace: str | None
    scopes: frozenset[str]
    patterns: tuple[Pattern, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None

    @property
    def limit(self) -> Limit:
        """What it narrows its holder's rights to."""
        actions = frozenset(self.scopes - {ACCOUNT})
        rules = tuple((pattern, actions) for pattern in self.patterns)
        return Limit(rules, account=ACCOUNT in self.scopes, token=self.id)

    @property
    def holder(self) -> Principal:
        """Whoever shows it."""
        if self.owner is None:
            return Principal(self.name, Kind.ROBOT, (self.limit,))
        return Principal(self.owner, Kind.USER, (self.limit,))


class Tokens:
    """The tokens of one hub."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def create(self, by: Mandate, user: str, wanted: Wanted) -> tuple[Token, str]:
        """Make a token of an account; give it and its secret, which is never told again.

        Raises:
            InvalidError: If it would be good for nothing, cannot be called so, or has ended already.
            ConflictError: If the account has one of this name.
            NotFoundError: If there is no such account.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.ACCOUNT, user)
        _check(wanted, SCOPES)
        if _NAME.fullmatch(wanted.name) is None:
            raise InvalidError(f"{wanted.name[:80]!r} is not a token's name: letters, digits, spaces and . _ - in it")
        with self._ledger.changing(by) as change:
            if change.connection.execute(select(users.c.name).where(users.c.name == user)).first() is None:
                raise NotFoundError(f"there is no account {user}")
            return _add(change, by, wanted, owner={"user_name": user})

    def create_robot(self, by: Mandate, namespace: str, wanted: Wanted) -> tuple[Token, str]:
        """Make a robot of a namespace; give it and its secret, which is never told again.

        Raises:
            InvalidError: If it would be good for nothing, cannot be called so, or has ended already.
            ConflictError: If the namespace has a robot of this name.
            NotFoundError: If there is no such namespace.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.NAMESPACE, namespace)
        name = f"{namespace}+{check_name(wanted.name, 'a robot name')}"
        patterns = (Pattern(f"{namespace}/**"),) if wanted.patterns == EVERYTHING else wanted.patterns
        _check(wanted, ROBOT_SCOPES)
        for pattern in patterns:
            if namespace_of(pattern.text) != namespace:
                raise InvalidError(f"{pattern.text} is not in {namespace}; a robot stays in its namespace")
        with self._ledger.changing(by) as change:
            if (
                change.connection.execute(select(namespaces.c.name).where(namespaces.c.name == namespace)).first()
                is None
            ):
                raise NotFoundError(f"there is no namespace {namespace}")
            return _add(change, by, replace(wanted, name=name, patterns=patterns), owner={"namespace": namespace})

    def list(self, *, user: str | None = None, namespace: str | None = None) -> list[Token]:
        """List the tokens of an account, or the robots of a namespace, newest first; those that have ended too.

        Raises:
            StorageError: If the catalog fails.
        """
        whose = tokens.c.user_name == user if namespace is None else tokens.c.namespace == namespace
        statement = select(tokens).where(whose).order_by(tokens.c.created_at.desc(), tokens.c.id)
        with self._ledger.database.read() as connection:
            return [_token(row) for row in connection.execute(statement)]

    def get(self, token: str) -> Token:
        """Find a token by its id.

        Raises:
            NotFoundError: If there is none.
            StorageError: If the catalog fails.
        """
        with self._ledger.database.read() as connection:
            row = connection.execute(select(tokens).where(tokens.c.id == token)).first()
        if row is None:
            raise NotFoundError(f"there is no token {token[:64]}")
        return _token(row)

    def revoke(self, by: Mandate, token: str) -> None:
        """Let a token be good no more: in this process at once, in others within a second. Safe to repeat.

        Raises:
            NotFoundError: If there is no such token.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        found = self.get(token)
        if found.owner is not None:
            by.require(Over.ACCOUNT, found.owner)
        else:
            by.require(Over.NAMESPACE, found.namespace or "")
        with self._ledger.changing(by) as change:
            live = (tokens.c.id == token) & tokens.c.revoked_at.is_(None)
            if change.connection.execute(update(tokens).where(live), {"revoked_at": change.at}).rowcount:
                change.record("token.revoke", token, name=found.name)

    def find(self, secret: str) -> Token | None:
        """Recognise a secret, if its token is good now; and write down that it was used.

        Raises:
            StorageError: If the catalog fails.
        """
        if not is_secret(secret):
            return None
        token = self._live(tokens.c.secret_hash == hash_of(secret))
        if token is not None:
            self._touch(token)
        return token

    def live(self, token: str) -> Token | None:
        """Find a token by its id, if it is good now.

        Raises:
            StorageError: If the catalog fails.
        """
        return self._live(tokens.c.id == token)

    def _live(self, which: ColumnElement[bool]) -> Token | None:
        at = self._ledger.at
        good = tokens.c.revoked_at.is_(None) & (tokens.c.expires_at.is_(None) | (tokens.c.expires_at > at))
        enabled = tokens.c.user_name.is_(None) | users.c.disabled.is_(False)
        statement = select(tokens).select_from(tokens.outerjoin(users)).where(which, good, enabled)
        with self._ledger.database.read() as connection:
            row = connection.execute(statement).first()
        return None if row is None else _token(row)

    def _touch(self, token: Token) -> None:
        at = self._ledger.at
        if token.used_at is not None and at - _milliseconds(token.used_at) < PRECISION:
            return
        with self._ledger.database.write() as connection:
            connection.execute(update(tokens).where(tokens.c.id == token.id), {"used_at": at})


def _check(wanted: Wanted, scopes: Collection[str]) -> None:
    """Refuse a token that would be good for nothing, or for more than it says.

    Raises:
        InvalidError: Saying what is wrong with it.
    """
    unknown = wanted.scopes.difference(scopes)
    if unknown or not wanted.scopes:
        what = f"{min(unknown)[:32]!r} is not a scope of such a token" if unknown else "a token needs a scope"
        raise InvalidError(f"{what}; there are {', '.join(scopes)}")
    if not 0 < len(wanted.patterns) <= MAX_PATTERNS:
        raise InvalidError(f"a token needs 1 to {MAX_PATTERNS} patterns of repositories, not {len(wanted.patterns)}")
    if ACCOUNT in wanted.scopes and (len(wanted.scopes) < len(SCOPES) or wanted.patterns != EVERYTHING):
        raise InvalidError(
            f"a token with the scope {ACCOUNT} can do everything; it needs all scopes and the pattern **"
        )


def _add(change: Change, by: Mandate, wanted: Wanted, *, owner: Mapping[str, str]) -> tuple[Token, str]:
    """Write a token down.

    Raises:
        InvalidError: If it has ended already.
        ConflictError: If its owner has one of this name.
    """
    ends = None if wanted.expires_at is None else _milliseconds(wanted.expires_at)
    if ends is not None and ends <= change.at:
        raise InvalidError(f"the token {wanted.name} would have ended already, at {wanted.expires_at}")
    same = (tokens.c.name == wanted.name) & tokens.c.revoked_at.is_(None)
    statement = select(tokens.c.id).where(same, *(tokens.c[column] == value for column, value in owner.items()))
    if change.connection.execute(statement).first() is not None:
        raise ConflictError(f"there is a token {wanted.name} already; revoke it, or take another name")
    secret, name = new_secret(), secrets.token_hex(8)
    scopes, patterns = ",".join(sorted(wanted.scopes)), ",".join(pattern.text for pattern in wanted.patterns)
    row = {
        "id": name,
        "secret_hash": hash_of(secret),
        "name": wanted.name,
        "actions": scopes,
        "patterns": patterns,
        "created_at": change.at,
        "created_by": by.account,
        "expires_at": ends,
        **owner,
    }
    change.connection.execute(insert(tokens), row)
    change.record("token.create", name, name=wanted.name, scopes=scopes, patterns=patterns, **owner)
    found = change.connection.execute(select(tokens).where(tokens.c.id == name)).one()
    return _token(found), secret


def _token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        owner=row.user_name,
        namespace=row.namespace,
        scopes=frozenset(row.actions.split(",")),
        patterns=tuple(Pattern(text) for text in row.patterns.split(",")),
        created_at=_moment(row.created_at),
        created_by=row.created_by,
        expires_at=None if row.expires_at is None else _moment(row.expires_at),
        used_at=None if row.used_at is None else _moment(row.used_at),
        revoked_at=None if row.revoked_at is None else _moment(row.revoked_at),
    )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
