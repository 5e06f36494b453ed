"""Teams, for administrators: who is of which, and as what."""

from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from orchard.errors import InvalidError
from orchard.hub.access import Party, Role, check_name
from orchard.hub.http.pages.admin.frame import HOME, ROWS, Frame, Take, Visit, back, next_url
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import ABOUT_THE_FORM, NO_TROUBLE, Trouble, confirmed, take

_PATH: Final = f"{HOME}/teams"
_MEMBERS: Final = 500  # that a page lists
_OWNED: Final = 100
ROLES: Final = [(role.value, role.value) for role in Role]


class TeamPages:
    """Makes the pages about teams."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._people = frame.means.people
        self._deeds: dict[str, Take] = {"member": self._put, "leave": self._remove, "delete": self._delete}

    def doors(self) -> list[Door]:
        """Give the pages."""
        return [
            self._frame.door(_PATH, self.list, self.create),
            self._frame.door(f"{_PATH}/{{team}}", self.one, self.change),
        ]

    def list(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """List teams by name."""
        if not self._frame.means.login:
            return self._frame.page(visit, "no-accounts.html", "teams", what="teams")
        found = self._people.directory.teams(visit.who, after=visit.asked("after"), limit=ROWS + 1)
        following = next_url(visit, after=found[ROWS - 1]) if len(found) > ROWS else ""
        return self._frame.page(
            visit,
            "teams.html",
            "teams",
            trouble=trouble,
            teams=found[:ROWS],
            following=following,
            first=not visit.asked("after"),
        )

    def create(self, visit: Visit, form: Form) -> Response:
        """Make a team, with its first owner if one is named."""
        try:
            name = check_name(form.word("name"), "a team name")
            owner = check_name(form.word("owner")) if form.word("owner") else None
            self._people.teams.create(visit.by, name, owner=owner)
        except ABOUT_THE_FORM as error:
            return self.list(visit, Trouble.of(error, form))
        return back(_url(name), "team-made")

    def one(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show a team and its members."""
        team = self._people.directory.team(visit.who, visit.place("team"))
        members = sorted(team.members.items())
        party = Party.team(check_name(team.name))
        return self._frame.page(
            visit,
            "team.html",
            "teams",
            trouble=trouble,
            team=team,
            members=members[:_MEMBERS],
            beyond=max(0, len(members) - _MEMBERS),
            roles=ROLES,
            namespaces=self._people.namespaces.list(owner=party, limit=_OWNED),
            grants=self._people.directory.grants_of(visit.who, party)[:_OWNED],
        )

    def change(self, visit: Visit, form: Form) -> Response:
        """Do what a form of a team's page says."""
        return take(self._deeds, self.one, visit, form=form)

    def _put(self, visit: Visit, form: Form) -> Response:
        name = visit.place("team")
        self._people.teams.put_member(visit.by, name, check_name(form.word("user")), role=role_of(form.word("role")))
        return back(_url(name), "member")

    def _remove(self, visit: Visit, form: Form) -> Response:
        name = visit.place("team")
        self._people.teams.remove_member(visit.by, name, form.word("user"))
        return back(_url(name), "member-gone")

    def _delete(self, visit: Visit, form: Form) -> Response:
        """Delete this team, if its name was typed.

        Raises:
            InvalidError: If it was not.
        """
        name = visit.place("team")
        confirmed(form, name, "delete the team")
        self._people.teams.delete(visit.by, name)
        return back(_PATH, "team-deleted")


def role_of(text: str) -> Role:
    """Read a role.

    Raises:
        InvalidError: If it is none.
    """
    if text not in set(Role):
        raise InvalidError(f"{text[:32]!r} is no role; there are {', '.join(Role)}")
    return Role(text)


def _url(name: str) -> str:
    return f"{_PATH}/{quote(name)}"
