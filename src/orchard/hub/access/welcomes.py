"""Invitations and identities: other ways to come in than a password that is known already."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, insert, select

from orchard.errors import ConflictError, NotFoundError
from orchard.hub.access.ledger import Ledger
from orchard.hub.access.mandate import Mandate, Over
from orchard.hub.access.secret import hash_of
from orchard.hub.access.users import Users
from orchard.hub.db.people import identities, invitations, users

LIFETIME: Final = 3 * 24 * 3600.0  # seconds
_BYTES: Final = 32


class Invitations:
    """Links that let somebody choose the password of an account, once."""

    def __init__(self, ledger: Ledger, members: Users) -> None:
        self._ledger = ledger
        self._users = members

    def create(self, by: Mandate, user: str, *, lifetime: float = LIFETIME) -> str:
        """Make an invitation and give its secret, which ends any other invitation of the account.

        Raises:
            NotFoundError: If there is no such account.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.ACCOUNT, user)
        secret = secrets.token_urlsafe(_BYTES)
        with self._ledger.changing(by) as change:
            if change.connection.execute(select(users.c.name).where(users.c.name == user)).first() is None:
                raise NotFoundError(f"there is no account {user}")
            change.connection.execute(delete(invitations).where(invitations.c.user_name == user))
            values = {
                "secret_hash": hash_of(secret),
                "user_name": user,
                "created_at": change.at,
                "expires_at": change.at + round(lifetime * 1000),
            }
            change.connection.execute(insert(invitations), values)
            change.record("user.invite", user)
        return secret

    def find(self, secret: str) -> str:
        """Name the account that an invitation is for.

        Raises:
            NotFoundError: If there is no such invitation, or it has ended.
            StorageError: If the catalog fails.
        """
        good = (invitations.c.secret_hash == hash_of(secret)) & (invitations.c.expires_at > self._ledger.at)
        with self._ledger.database.read() as connection:
            found: str | None = connection.execute(select(invitations.c.user_name).where(good)).scalar()
        if found is None:
            raise NotFoundError("this invitation was used already, or has ended; ask for another one")
        return found

    def accept(self, secret: str, password: str) -> str:
        """Take the password that an invited person chose; give the account's name. The invitation ends.

        Raises:
            NotFoundError: If there is no such invitation, or it has ended.
            InvalidError: If the password cannot be one; the invitation stays.
            StorageError: If the catalog fails.
        """
        found = self.find(secret)
        self._users.set_password(Mandate(found, Over.ACCOUNT, found), found, password)
        return found


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody whom another place knows.

    Attributes:
        issuer: The place.
        subject: What it calls them.
        created_at: Since when they come in as an account of ours.
    """

    issuer: str
    subject: str
    created_at: datetime


class Identities:
    """Who is who at other places that people log in at."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def find(self, issuer: str, subject: str) -> str | None:
        """Name the account of somebody whom another place knows, if there is one.

        Raises:
            StorageError: If the catalog fails.
        """
        statement = select(identities.c.user_name).where(_is(issuer, subject))
        with self._ledger.database.read() as connection:
            found: str | None = connection.execute(statement).scalar()
        return found

    def of(self, user: str) -> list[Identity]:
        """List who comes in as an account at other places, in order.

        Raises:
            StorageError: If the catalog fails.
        """
        statement = (
            select(identities).where(identities.c.user_name == user).order_by(identities.c.issuer, identities.c.subject)
        )
        with self._ledger.database.read() as connection:
            return [
                Identity(row.issuer, row.subject, datetime.fromtimestamp(row.created_at / 1000, UTC))
                for row in connection.execute(statement)
            ]

    def bind(self, by: Mandate, user: str, *, issuer: str, subject: str) -> None:
        """Let somebody whom another place knows come in as an account.

        Raises:
            NotFoundError: If there is no such account.
            ConflictError: If they come in as another one.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.ACCOUNT, user)
        with self._ledger.changing(by) as change:
            if change.connection.execute(select(users.c.name).where(users.c.name == user)).first() is None:
                raise NotFoundError(f"there is no account {user}")
            before = change.connection.execute(select(identities.c.user_name).where(_is(issuer, subject))).scalar()
            if before not in {None, user}:
                raise ConflictError(f"{subject} of {issuer} is the account {before} already")
            if before is None:
                values = {"issuer": issuer, "subject": subject, "user_name": user, "created_at": change.at}
                change.connection.execute(insert(identities), values)
                change.record("user.bind", user, issuer=issuer, subject=subject)

    def release(self, by: Mandate, user: str, *, issuer: str, subject: str) -> None:
        """Let somebody whom another place knows come in as an account no more.

        Raises:
            NotFoundError: If they do not.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.ACCOUNT, user)
        with self._ledger.changing(by) as change:
            bound = _is(issuer, subject) & (identities.c.user_name == user)
            if not change.connection.execute(delete(identities).where(bound)).rowcount:
                raise NotFoundError(f"{subject} of {issuer} is not the account {user}")
            change.record("user.release", user, issuer=issuer, subject=subject)


def _is(issuer: str, subject: str) -> ColumnElement[bool]:
    return (identities.c.issuer == issuer) & (identities.c.subject == subject)
