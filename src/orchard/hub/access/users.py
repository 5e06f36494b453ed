"""Accounts."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select, update

from orchard.errors import ConflictError, NotFoundError
from orchard.hub.access.ledger import Change, Ledger
from orchard.hub.access.mandate import Mandate, Over
from orchard.hub.access.names import Name
from orchard.hub.access.namespaces import holds_repositories
from orchard.hub.access.passwords import check_password, hash_password, is_outdated, matches
from orchard.hub.access.principal import Visibility
from orchard.hub.db.people import invitations, namespaces, team_members, users

ADMIN: Final = Name("admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One account.

    Attributes:
        name: What it is called; the namespace of this name is its own.
        site_admin: Whether it may do everything.
        disabled: Whether it may come in no more.
        has_password: Whether it can come in with a password.
        created_at: Since when it is there.
        stamp: Changes whenever the password does, and is another for a new account of the same name.
    """

    name: str
    site_admin: bool
    disabled: bool
    has_password: bool
    created_at: datetime
    stamp: str


class Users:
    """The accounts of one hub."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def exist(self) -> bool:
        """Tell whether there is any account.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._ledger.database.read() as connection:
            return connection.execute(select(users.c.name).limit(1)).first() is not None

    def get(self, name: str) -> User:
        """Find one account.

        Raises:
            NotFoundError: If there is none of this name.
            StorageError: If the catalog fails.
        """
        with self._ledger.database.read() as connection:
            row = connection.execute(select(users).where(users.c.name == name)).first()
        if row is None:
            raise NotFoundError(f"there is no account {name}")
        return _user(row)

    def list(self, *, part: str = "", after: str = "", limit: int = 1000) -> list[User]:
        """List accounts by name; those only whose names hold ``part``.

        Raises:
            StorageError: If the catalog fails.
        """
        statement = select(users).where(users.c.name > after).order_by(users.c.name).limit(limit)
        if part:
            statement = statement.where(users.c.name.contains(part, autoescape=True))
        with self._ledger.database.read() as connection:
            return [_user(row) for row in connection.execute(statement)]

    def create(self, by: Mandate, name: Name, *, password: str | None = None, site_admin: bool = False) -> User:
        """Make an account and the namespace of its name.

        Raises:
            ConflictError: If an account or a namespace of this name is there.
            InvalidError: If the password cannot be one.
            DeniedError: If the mandate is not one over the site.
            StorageError: If the catalog fails.
        """
        by.require_site()
        hashed = None if password is None else hash_password(check_password(name, password))
        with self._ledger.changing(by) as change:
            _refuse_taken(change, name)
            values = {
                "name": name,
                "password_hash": hashed,
                "created_at": change.at,
                "changed_at": change.at,
                "site_admin": site_admin,
                "disabled": False,
            }
            change.connection.execute(insert(users), values)
            own = {"name": name, "owner_user": name, "visibility": Visibility.PRIVATE, "created_at": change.at}
            change.connection.execute(insert(namespaces), own)
            change.record("user.create", name, site_admin=site_admin)
        return self.get(name)

    def set_password(self, by: Mandate, name: str, password: str | None) -> None:
        """Give an account a new password, or none. Whoever came in with the old one is asked again.

        Raises:
            NotFoundError: If there is no such account.
            InvalidError: If the password cannot be one.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.ACCOUNT, name)
        hashed = None if password is None else hash_password(check_password(name, password))
        with self._ledger.changing(by) as change:
            before = change.connection.execute(select(users.c.changed_at).where(users.c.name == name)).scalar()
            if before is None:
                raise NotFoundError(f"there is no account {name}")
            later = max(change.at, before + 1)  # a clock that stands still or goes back must not hide the change
            values = {"password_hash": hashed, "changed_at": later}
            change.connection.execute(update(users).where(users.c.name == name), values)
            change.connection.execute(delete(invitations).where(invitations.c.user_name == name))
            change.record("user.password", name)

    def update(self, by: Mandate, name: str, *, site_admin: bool | None = None, disabled: bool | None = None) -> User:
        """Change what an account is.

        Raises:
            NotFoundError: If there is no such account.
            ConflictError: If nobody would be left to administer the site.
            DeniedError: If the mandate is not one over the site.
            StorageError: If the catalog fails.
        """
        by.require_site()
        wanted = {"site_admin": site_admin, "disabled": disabled}
        values = {key: value for key, value in wanted.items() if value is not None}
        with self._ledger.changing(by) as change:
            if values:
                done = change.connection.execute(update(users).where(users.c.name == name), values)
                if not done.rowcount:
                    raise NotFoundError(f"there is no account {name}")
                _require_admin(change)
                change.record("user.update", name, changed=values)
        return self.get(name)

    def delete(self, by: Mandate, name: str) -> None:
        """Do away with an account, its tokens and its roles. What it pushed stays, and says so.

        Raises:
            NotFoundError: If there is no such account.
            ConflictError: If nobody would be left to administer the site, or a namespace of the account
                holds repositories.
            DeniedError: If the mandate is not one over the site.
            StorageError: If the catalog fails.
        """
        by.require_site()
        with self._ledger.changing(by) as change:
            for namespace in _owned(change, name):
                if holds_repositories(change, namespace):
                    raise ConflictError(
                        f"{name} owns the namespace {namespace}, which holds repositories; give it to somebody else"
                    )
                change.connection.execute(delete(namespaces).where(namespaces.c.name == namespace))
            change.connection.execute(delete(team_members).where(team_members.c.user_name == name))
            if not change.connection.execute(delete(users).where(users.c.name == name)).rowcount:
                raise NotFoundError(f"there is no account {name}")
            _require_admin(change)
            change.record("user.delete", name)

    def verify(self, name: str, password: str) -> User | None:
        """Check a password; takes as long whether the account exists, may come in, or neither.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._ledger.database.read() as connection:
            row = connection.execute(select(users).where(users.c.name == name)).first()
        stored = None if row is None else row.password_hash
        if not matches(stored, password) or row is None or row.disabled:
            return None
        if is_outdated(row.password_hash):
            with self._ledger.database.write() as connection:
                same = users.c.password_hash == row.password_hash
                renewed = {"password_hash": hash_password(password)}
                connection.execute(update(users).where(users.c.name == name, same), renewed)
        return _user(row)


def _user(row: Row[Any]) -> User:
    return User(
        name=row.name,
        site_admin=row.site_admin,
        disabled=row.disabled,
        has_password=row.password_hash is not None,
        created_at=datetime.fromtimestamp(row.created_at / 1000, UTC),
        stamp=f"{row.created_at}.{row.changed_at}",
    )


def _refuse_taken(change: Change, name: str) -> None:
    """Keep names apart.

    Raises:
        ConflictError: If one is taken.
    """
    if change.connection.execute(select(users.c.name).where(users.c.name == name)).first() is not None:
        raise ConflictError(f"there is an account {name} already")
    if change.connection.execute(select(namespaces.c.name).where(namespaces.c.name == name)).first() is not None:
        raise ConflictError(f"there is a namespace {name} already, and an account would own it")


def _require_admin(change: Change) -> None:
    """Keep somebody who can let others in.

    Raises:
        ConflictError: If nobody is left.
    """
    statement = select(users.c.name).where(users.c.site_admin, ~users.c.disabled).limit(1)
    if change.connection.execute(statement).first() is None:
        raise ConflictError("nobody would be left to administer this hub; make another account an administrator first")


def _owned(change: Change, name: str) -> list[str]:
    statement = select(namespaces.c.name).where(namespaces.c.owner_user == name)
    return list(change.connection.execute(statement).scalars())
