"""Browser sessions: who has logged in to the pages."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, delete, func, insert, select, update

from orchard.errors import NotFoundError
from orchard.hub.access.ledger import Ledger
from orchard.hub.access.principal import Principal
from orchard.hub.access.secret import hash_of
from orchard.hub.db.people import browser_sessions, users

IDLE: Final = 12 * 3600.0  # seconds without a request after which a session ends
LONGEST: Final = 7 * 24 * 3600.0  # seconds after its start at which it ends in any case
_PRECISION: Final = 60_000  # milliseconds
_BYTES: Final = 32
_ID: Final = 16  # characters of the hash
_MOST: Final = 100  # that are listed


@dataclass(frozen=True, slots=True)
class Session:
    """One session of one account.

    Attributes:
        id: Names it, and lets nobody in.
        user: Who logged in.
        created_at: When.
        seen_at: When it was last used, to the minute.
    """

    id: str
    user: str
    created_at: datetime
    seen_at: datetime

    @property
    def holder(self) -> Principal:
        """Whoever shows it."""
        return Principal(self.user)


class Sessions:
    """The browser sessions of one hub. The secret goes into a cookie; only its hash is kept."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def begin(self, user: str, *, instead_of: str | None = None) -> str:
        """Begin a session and give its secret. It is always a new one: whatever the browser brought along ends.

        Args:
            user: Who has just logged in.
            instead_of: Secret of the session that the browser had, if it had one.

        Raises:
            NotFoundError: If there is no such account, or it may come in no more.
            StorageError: If the catalog fails.
        """
        secret = secrets.token_urlsafe(_BYTES)
        at = self._ledger.at
        with self._ledger.database.write() as connection:
            enabled = select(users.c.changed_at).where(users.c.name == user, users.c.disabled.is_(False))
            changed: int | None = connection.execute(enabled).scalar()
            if changed is None:
                raise NotFoundError(f"there is no account {user}, or it is disabled")
            ended = browser_sessions.c.created_at < at - round(LONGEST * 1000)
            if instead_of is not None:
                ended |= browser_sessions.c.secret_hash == hash_of(instead_of)
            connection.execute(delete(browser_sessions).where(ended))
            begun = max(at, changed)  # a new password ends the sessions before it
            values = {"secret_hash": hash_of(secret), "user_name": user, "created_at": begun, "seen_at": at}
            connection.execute(insert(browser_sessions), values)
        return secret

    def find(self, secret: str) -> Session | None:
        """Recognise a session, if it has not ended.

        Raises:
            StorageError: If the catalog fails.
        """
        at = self._ledger.at
        statement = _live(at).where(browser_sessions.c.secret_hash == hash_of(secret))
        with self._ledger.database.read() as connection:
            row = connection.execute(statement).first()
        if row is None:
            return None
        if at - row.seen_at >= _PRECISION:
            with self._ledger.database.write() as connection:
                same = browser_sessions.c.secret_hash == row.secret_hash
                connection.execute(update(browser_sessions).where(same), {"seen_at": at})
        return _session(row)

    def of(self, user: str) -> list[Session]:
        """List the sessions of an account that have not ended, the last used first; no more than a hundred.

        Raises:
            StorageError: If the catalog fails.
        """
        newest = (browser_sessions.c.seen_at.desc(), browser_sessions.c.created_at.desc())
        statement = _live(self._ledger.at).where(browser_sessions.c.user_name == user).order_by(*newest).limit(_MOST)
        with self._ledger.database.read() as connection:
            return [_session(row) for row in connection.execute(statement)]

    def end(self, secret: str) -> None:
        """End a session, if it is there.

        Raises:
            StorageError: If the catalog fails.
        """
        self._end(browser_sessions.c.secret_hash == hash_of(secret))

    def end_one(self, user: str, session: str) -> None:
        """End one session of an account, by its id, if it is there.

        Raises:
            StorageError: If the catalog fails.
        """
        if len(session) == _ID:
            mine = browser_sessions.c.user_name == user
            self._end(mine & (func.substr(browser_sessions.c.secret_hash, 1, _ID) == session))

    def end_all(self, user: str, *, but: str | None = None) -> None:
        """End every session of an account, but for the one of an id, if one is given.

        Raises:
            StorageError: If the catalog fails.
        """
        which = browser_sessions.c.user_name == user
        if but is not None:
            which &= func.substr(browser_sessions.c.secret_hash, 1, _ID) != but
        self._end(which)

    def _end(self, which: ColumnElement[bool]) -> None:
        with self._ledger.database.write() as connection:
            connection.execute(delete(browser_sessions).where(which))


def _live(at: int) -> Select[Any]:
    """Select the sessions that have not ended."""
    return (
        select(browser_sessions)
        .join(users)
        .where(
            browser_sessions.c.created_at > at - round(LONGEST * 1000),
            browser_sessions.c.seen_at > at - round(IDLE * 1000),
            browser_sessions.c.created_at >= users.c.changed_at,
            users.c.disabled.is_(False),
        )
    )


def _session(row: Row[Any]) -> Session:
    return Session(row.secret_hash[:_ID], row.user_name, _moment(row.created_at), _moment(row.seen_at))


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
