"""Teams: accounts that share what they may do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, insert, select

from orchard.errors import ConflictError, NotFoundError
from orchard.hub.access.ledger import Change, Ledger
from orchard.hub.access.mandate import Mandate, Over
from orchard.hub.access.names import Name
from orchard.hub.access.principal import Role
from orchard.hub.db.people import namespaces, team_members, teams, users


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """One team.

    Attributes:
        name: What it is called.
        created_at: Since when it is there.
        members: Its accounts, each with its role: that is their role in the namespaces that the team owns, and its
            owners look after the team.
    """

    name: str
    created_at: datetime
    members: Mapping[str, Role]


class Teams:
    """The teams of one hub."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def get(self, name: str) -> Team:
        """Find one team.

        Raises:
            NotFoundError: If there is none of this name.
            StorageError: If the catalog fails.
        """
        with self._ledger.database.read() as connection:
            created = connection.execute(select(teams.c.created_at).where(teams.c.name == name)).scalar()
            if created is None:
                raise NotFoundError(f"there is no team {name}")
            statement = select(team_members).where(team_members.c.team_name == name).order_by(team_members.c.user_name)
            members = {row.user_name: Role(row.role) for row in connection.execute(statement)}
        return Team(name=name, created_at=datetime.fromtimestamp(created / 1000, UTC), members=members)

    def list(self, *, member: str | None = None, after: str = "", limit: int = 1000) -> list[str]:
        """Name teams in order; those of one account only, if one is given.

        Raises:
            StorageError: If the catalog fails.
        """
        statement = select(teams.c.name).where(teams.c.name > after).order_by(teams.c.name).limit(limit)
        if member is not None:
            statement = statement.join(team_members).where(team_members.c.user_name == member)
        with self._ledger.database.read() as connection:
            return list(connection.execute(statement).scalars())

    def of(self, user: str) -> Mapping[str, Role]:
        """Tell which teams an account is of, by name, and its role in each.

        Raises:
            StorageError: If the catalog fails.
        """
        statement = select(team_members).where(team_members.c.user_name == user).order_by(team_members.c.team_name)
        with self._ledger.database.read() as connection:
            return {row.team_name: Role(row.role) for row in connection.execute(statement)}

    def create(self, by: Mandate, name: Name, *, owner: str | None = None) -> Team:
        """Make a team; of nobody, or of its first owner.

        Raises:
            ConflictError: If there is one of this name.
            NotFoundError: If there is no account of the owner's name.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.CREATION, f"user:{owner}")
        with self._ledger.changing(by) as change:
            if change.connection.execute(select(teams.c.name).where(teams.c.name == name)).first() is not None:
                raise ConflictError(f"there is a team {name} already")
            change.connection.execute(insert(teams), {"name": name, "created_at": change.at})
            change.record("team.create", name)
            if owner is not None:
                _put_member(change, name, owner, role=Role.OWNER)
        return self.get(name)

    def delete(self, by: Mandate, name: str) -> None:
        """Do away with a team and the roles that were given to it.

        Raises:
            NotFoundError: If there is none of this name.
            ConflictError: If it owns a namespace.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.TEAM, name)
        with self._ledger.changing(by) as change:
            owned = select(namespaces.c.name).where(namespaces.c.owner_team == name).limit(1)
            found = change.connection.execute(owned).scalar()
            if found is not None:
                raise ConflictError(f"the team {name} owns the namespace {found}; give it to somebody else first")
            if not change.connection.execute(delete(teams).where(teams.c.name == name)).rowcount:
                raise NotFoundError(f"there is no team {name}")
            change.record("team.delete", name)

    def put_member(self, by: Mandate, name: str, user: str, *, role: Role) -> None:
        """Let an account be of a team, with this role.

        Raises:
            NotFoundError: If there is no such team or account.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.TEAM, name)
        with self._ledger.changing(by) as change:
            if change.connection.execute(select(teams.c.name).where(teams.c.name == name)).first() is None:
                raise NotFoundError(f"there is no team {name}")
            _put_member(change, name, user, role=role)

    def remove_member(self, by: Mandate, name: str, user: str) -> None:
        """Let an account be of a team no more.

        Raises:
            NotFoundError: If it is not.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.TEAM, name)
        with self._ledger.changing(by) as change:
            member = (team_members.c.team_name == name) & (team_members.c.user_name == user)
            if not change.connection.execute(delete(team_members).where(member)).rowcount:
                raise NotFoundError(f"{user} is not of the team {name}")
            change.record("team.remove-member", name, user=user)


def _put_member(change: Change, name: str, user: str, *, role: Role) -> None:
    """Write a member down.

    Raises:
        NotFoundError: If there is no such account.
    """
    if change.connection.execute(select(users.c.name).where(users.c.name == user)).first() is None:
        raise NotFoundError(f"there is no account {user}")
    member = (team_members.c.team_name == name) & (team_members.c.user_name == user)
    change.connection.execute(delete(team_members).where(member))
    change.connection.execute(insert(team_members), {"team_name": name, "user_name": user, "role": role})
    change.record("team.put-member", name, user=user, role=role)
