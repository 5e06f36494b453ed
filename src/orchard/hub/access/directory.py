"""What somebody may see of accounts, teams, namespaces and tokens. What must not be seen is not found."""

from typing import Final

from orchard.errors import DeniedError, NotFoundError
from orchard.hub.access.authority import Authority
from orchard.hub.access.grants import Grant, Grants
from orchard.hub.access.names import Party, PartyKind, Target
from orchard.hub.access.namespaces import Namespace, Namespaces
from orchard.hub.access.principal import Principal
from orchard.hub.access.rights import Rights, Standing
from orchard.hub.access.teams import Team, Teams
from orchard.hub.access.tokens import Token, Tokens
from orchard.hub.access.users import User, Users

_PAGE: Final = 1000


class Directory:
    """Shows people what concerns them, and administrators of the site everything."""

    def __init__(  # noqa: PLR0913 -- it shows something of each
        self,
        rights: Rights,
        authority: Authority,
        *,
        users: Users,
        teams: Teams,
        namespaces: Namespaces,
        grants: Grants,
        tokens: Tokens,
    ) -> None:
        self._rights = rights
        self._authority = authority
        self._users = users
        self._teams = teams
        self._namespaces = namespaces
        self._grants = grants
        self._tokens = tokens

    def users(self, who: Principal, *, part: str = "", after: str = "", limit: int = _PAGE) -> list[User]:
        """List accounts by name: one's own, or all; those only whose names hold ``part``.

        Raises:
            DeniedError: If ``who`` acts for no account.
            StorageError: If the catalog fails.
        """
        if self._standing(who).site_admin:
            return self._users.list(part=part, after=after, limit=limit)
        return [self._users.get(who.name)] if who.name > after and part in who.name else []

    def user(self, who: Principal, name: str) -> User:
        """Show one account.

        Raises:
            NotFoundError: If there is none that ``who`` may see.
            DeniedError: If ``who`` acts for no account.
            StorageError: If the catalog fails.
        """
        if not self._standing(who).site_admin and who.name != name:
            raise NotFoundError(f"there is no account {name}")
        return self._users.get(name)

    def teams(self, who: Principal, *, after: str = "", limit: int = _PAGE) -> list[str]:
        """Name teams in order: those that one is of, or all.

        Raises:
            DeniedError: If ``who`` acts for no account.
            StorageError: If the catalog fails.
        """
        member = None if self._standing(who).site_admin else who.name
        return self._teams.list(member=member, after=after, limit=limit)

    def team(self, who: Principal, name: str) -> Team:
        """Show one team.

        Raises:
            NotFoundError: If there is none that ``who`` may see.
            DeniedError: If ``who`` acts for no account.
            StorageError: If the catalog fails.
        """
        standing = self._standing(who)
        found = self._teams.get(name)
        if not standing.site_admin and who.name not in found.members:
            raise NotFoundError(f"there is no team {name}")
        return found

    def namespaces(self, who: Principal, *, after: str = "", limit: int = _PAGE) -> list[Namespace]:
        """List namespaces by name: those where one has a role, or all.

        Raises:
            DeniedError: If ``who`` acts for no account.
            StorageError: If the catalog fails.
        """
        standing = self._standing(who)
        if standing.site_admin:
            return self._namespaces.list(after=after, limit=limit)
        names = sorted(name for name in standing.namespaces if name > after)
        return self._namespaces.named(names[:limit])

    def namespace(self, who: Principal, name: str) -> Namespace:
        """Show one namespace.

        Raises:
            NotFoundError: If there is none that ``who`` may see.
            DeniedError: If ``who`` acts for no account.
            StorageError: If the catalog fails.
        """
        standing = self._standing(who)
        if not standing.site_admin and name not in standing.namespaces:
            raise NotFoundError(f"there is no namespace {name}")
        return self._namespaces.get(name)

    def grants_in(self, who: Principal, target: Target) -> list[Grant]:
        """List the roles that were given in a namespace, or in one repository of it.

        Raises:
            DeniedError: Unless ``who`` may change them.
            StorageError: If the catalog fails.
        """
        if target.repository is None:
            self._authority.namespace(who, target.namespace)
        else:
            self._authority.repository(who, target.repository)
        found = self._grants.list(namespace=target.namespace)
        return [one for one in found if target.repository is None or one.target == target]

    def grants_of(self, who: Principal, party: Party) -> list[Grant]:
        """List the roles that an account or a team was given.

        Raises:
            NotFoundError: If there is none such that ``who`` may see.
            DeniedError: If ``who`` acts for no account.
            StorageError: If the catalog fails.
        """
        if party.kind is PartyKind.USER:
            self.user(who, party.name)
        else:
            self.team(who, party.name)
        return self._grants.list(party=party)

    def tokens(self, who: Principal, user: str) -> list[Token]:
        """List the tokens of an account, newest first; those that have ended too.

        Raises:
            NotFoundError: If there is no such account that ``who`` may see.
            DeniedError: If ``who`` acts for no account.
            StorageError: If the catalog fails.
        """
        self.user(who, user)
        return self._tokens.list(user=user)

    def robots(self, who: Principal, namespace: str) -> list[Token]:
        """List the robots of a namespace, newest first; those that have ended too.

        Raises:
            NotFoundError: If there is no such namespace that ``who`` may see.
            DeniedError: Unless ``who`` looks after it.
            StorageError: If the catalog fails.
        """
        self.namespace(who, namespace)
        self._authority.namespace(who, namespace)
        return self._tokens.list(namespace=namespace)

    def _standing(self, who: Principal) -> Standing:
        """Find out where somebody has a role.

        Raises:
            DeniedError: If ``who`` acts for no account.
        """
        if not who.whole:
            raise DeniedError(f"{who.name} may use repositories only; log in with an account and its password")
        return self._rights.standing(who, "")
