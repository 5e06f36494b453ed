"""Accounts."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from orchard.errors import ConflictError
from orchard.hub.access import People, Principal, check_name
from orchard.hub.access import User as Account
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import AccountName, Created, Input, Moment, Output, Paged, Part

Password = Annotated[str, Meta(min_length=1, max_length=256, examples=["correct horse battery staple"])]


class User(Output, frozen=True):
    """An account.

    Attributes:
        name: Its name; the namespace of this name is its own.
        site_admin: Whether it may do everything.
        disabled: Whether it may come in no more.
        has_password: Whether it can come in with a password.
        created_at: Since when it is there.
    """

    name: AccountName
    site_admin: bool
    disabled: bool
    has_password: bool
    created_at: Moment


class NewUser(Input, frozen=True):
    """An account to be.

    Attributes:
        name: Its name; a namespace of this name is made too.
        password: Its password; without one, invite its owner.
        site_admin: Whether it may do everything.
    """

    name: AccountName
    password: Password | None = None
    site_admin: bool = False


class UserChange(Input, frozen=True):
    """What an account shall be. What is left out stays.

    Attributes:
        site_admin: Whether it may do everything.
        disabled: Whether it may come in no more.
    """

    site_admin: bool | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


class NewPassword(Input, frozen=True):
    """A password to be.

    Attributes:
        password: The new one; null lets nobody come in with one.
    """

    password: Password | None


class Invitation(Output, frozen=True):
    """What lets somebody choose the password of an account, once.

    Attributes:
        user: The account.
        secret: What that person needs; told this once.
    """

    user: AccountName
    secret: str


class Users:
    """Accounts. Everybody sees their own, administrators of the site see and make all."""

    def __init__(self, people: People) -> None:
        self._people = people

    @operation("GET", "/users")
    def list_users(self, who: Principal, *, query: Paged) -> Part[User]:
        """List accounts by name: your own, or all if you administer the site."""
        found = self._people.directory.users(who, after=query.after, limit=query.limit + 1)
        return Part.of([_shown(one) for one in found], query.limit, lambda last: last.name)

    @operation("POST", "/users", ConflictError)
    def create_user(self, who: Principal, *, body: NewUser) -> Created[User]:
        """Make an account, and the namespace of its name; for administrators of the site."""
        by = self._people.authority.site(who)
        name = check_name(body.name)
        made = self._people.users.create(by, name, password=body.password, site_admin=body.site_admin)
        return Created(_shown(made), f"/users/{name}")

    @operation("GET", "/users/{user}")
    def get_user(self, who: Principal, *, user: AccountName) -> User:
        """Show an account."""
        return _shown(self._people.directory.user(who, user))

    @operation("PATCH", "/users/{user}", ConflictError)
    def update_user(self, who: Principal, *, user: AccountName, body: UserChange) -> User:
        """Change what an account may; for administrators of the site, one of whom stays."""
        by = self._people.authority.site(who)
        admin = None if body.site_admin is UNSET else body.site_admin
        disabled = None if body.disabled is UNSET else body.disabled
        return _shown(self._people.users.update(by, user, site_admin=admin, disabled=disabled))

    @operation("DELETE", "/users/{user}", ConflictError)
    def delete_user(self, who: Principal, *, user: AccountName) -> None:
        """Delete an account, its tokens and its roles; for administrators of the site.

        Its namespaces must be empty or given to somebody else. What it pushed stays.
        """
        self._people.users.delete(self._people.authority.site(who), user)

    @operation("PUT", "/users/{user}/password")
    def put_password(self, who: Principal, *, user: AccountName, body: NewPassword) -> None:
        """Give an account a new password: your own if you came in with the old one.

        Administrators of the site give one to any account.
        """
        self._people.users.set_password(self._people.authority.account(who, user), user, body.password)

    @operation("POST", "/users/{user}/invitations", status=201)
    def invite_user(self, who: Principal, *, user: AccountName) -> Invitation:
        """Make a secret with which somebody can choose the password of an account, once, within three days.

        It ends the one before.
        """
        by = self._people.authority.account(who, user)
        return Invitation(user=user, secret=self._people.invitations.create(by, user))


def _shown(account: Account) -> User:
    return User(
        name=account.name,
        site_admin=account.site_admin,
        disabled=account.disabled,
        has_password=account.has_password,
        created_at=account.created_at,
    )
