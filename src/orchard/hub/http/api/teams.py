"""Teams and their members."""

from msgspec import UNSET, UnsetType

from orchard.errors import ConflictError, NotFoundError
from orchard.hub.access import Name, Party, People, Principal, Role, check_name
from orchard.hub.access import Team as Group
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import AccountName, Created, Input, Moment, Output, Paged, Part, TeamName


class TeamSummary(Output, frozen=True):
    """A team in a list.

    Attributes:
        name: Its name.
    """

    name: TeamName


class Member(Output, frozen=True):
    """An account of a team.

    Attributes:
        user: The account.
        role: Its role: in the namespaces that the team owns; owners look after the team.
    """

    user: AccountName
    role: Role


class Team(Output, frozen=True):
    """A team.

    Attributes:
        name: Its name.
        created_at: Since when it is there.
        members: Its accounts, by name.
    """

    name: TeamName
    created_at: Moment
    members: list[Member]


class NewTeam(Input, frozen=True):
    """A team to be.

    Attributes:
        name: Its name.
        owner: Its first owner; you, if left out; null for nobody, which administrators of the site can say.
    """

    name: TeamName
    owner: AccountName | UnsetType | None = UNSET


class Membership(Input, frozen=True):
    """What an account is in a team.

    Attributes:
        role: Its role.
    """

    role: Role


class Teams:
    """Teams: accounts that share namespaces and roles."""

    def __init__(self, people: People) -> None:
        self._people = people

    @operation("GET", "/teams")
    def list_teams(self, who: Principal, *, query: Paged) -> Part[TeamSummary]:
        """List teams by name: those that you are of, or all if you administer the site."""
        found = self._people.directory.teams(who, after=query.after, limit=query.limit + 1)
        return Part.of([TeamSummary(name) for name in found], query.limit, lambda last: last.name)

    @operation("POST", "/teams", ConflictError, NotFoundError)
    def create_team(self, who: Principal, *, body: NewTeam) -> Created[Team]:
        """Make a team; for administrators of the site, or for everybody where the hub is set so."""
        name = check_name(body.name, "a team name")
        owner = Name(who.name) if body.owner is UNSET else None if body.owner is None else check_name(body.owner)
        authority = self._people.authority
        by = authority.site(who) if owner is None else authority.creation(who, Party.user(owner))
        return Created(_shown(self._people.teams.create(by, name, owner=owner)), f"/teams/{name}")

    @operation("GET", "/teams/{team}")
    def get_team(self, who: Principal, *, team: TeamName) -> Team:
        """Show a team and its members."""
        return _shown(self._people.directory.team(who, team))

    @operation("DELETE", "/teams/{team}", ConflictError)
    def delete_team(self, who: Principal, *, team: TeamName) -> None:
        """Delete a team and the roles that were given to it. It must own no namespace."""
        self._people.teams.delete(self._people.authority.team(who, team), team)

    @operation("PUT", "/teams/{team}/members/{user}")
    def put_member(self, who: Principal, *, team: TeamName, user: AccountName, body: Membership) -> Team:
        """Let an account be of a team, with this role."""
        self._people.teams.put_member(self._people.authority.team(who, team), team, user, role=body.role)
        return _shown(self._people.teams.get(team))

    @operation("DELETE", "/teams/{team}/members/{user}")
    def delete_member(self, who: Principal, *, team: TeamName, user: AccountName) -> None:
        """Let an account be of a team no more."""
        self._people.teams.remove_member(self._people.authority.team(who, team), team, user)


def _shown(team: Group) -> Team:
    members = [Member(user=user, role=role) for user, role in sorted(team.members.items())]
    return Team(name=team.name, created_at=team.created_at, members=members)
