"""Teams that somebody is of, and what people make for themselves: teams and namespaces."""

from typing import Final

from starlette.responses import Response

from orchard.errors import DeniedError
from orchard.hub.access import Name, Party, Role, Visibility, check_name
from orchard.hub.http.pages.account.frame import Frame, Visit, back, deeds
from orchard.hub.http.pages.account.reading import role_of, visibility_of
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import NO_TROUBLE, Trouble, confirmed

_TEAM: Final = "/account/teams/{team}"
_NEW_TEAM: Final = "/account/new/team"
_NEW_NAMESPACE: Final = "/account/new/namespace"
_MEMBERS: Final = 500  # that are listed


class TeamPages:
    """Makes the pages of teams, and those on which teams and namespaces are made."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._people = frame.means.people
        self._change = deeds({"member": self._member, "remove": self._remove, "delete": self._delete}, self.team)
        self._make_team = deeds({"team": self._new_team}, self.new_team)
        self._make_namespace = deeds({"namespace": self._new_namespace}, self.new_namespace)

    def doors(self) -> list[Door]:
        """Give the pages."""
        return [
            self._frame.own(_TEAM, self.team, self._change),
            self._frame.own(_NEW_TEAM, self.new_team, self._make_team),
            self._frame.own(_NEW_NAMESPACE, self.new_namespace, self._make_namespace),
        ]

    def team(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show a team; its owners change it."""
        found = self._people.directory.team(visit.who, visit.place("team"))
        return self._frame.page(
            visit,
            "team.html",
            trouble=trouble,
            team=found,
            members=list(found.members.items())[:_MEMBERS],
            namespaces=self._people.namespaces.list(owner=Party.team(Name(found.name)), limit=100),
            leads=found.members.get(visit.who.name) is Role.OWNER or self._people.authority.is_site_admin(visit.who),
        )

    def new_team(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Ask what a new team shall be called."""
        self._require_creation(visit)
        return self._frame.page(visit, "new-team.html", trouble=trouble)

    def new_namespace(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Ask what a new namespace shall be."""
        self._require_creation(visit)
        teams = self._people.teams.of(visit.who.name)
        led = [name for name, role in teams.items() if role is Role.OWNER]
        owners = [(f"user:{visit.who.name}", "you"), *((f"team:{name}", f"the team {name}") for name in led)]
        return self._frame.page(
            visit,
            "new-namespace.html",
            trouble=trouble,
            owners=owners,
            wanted=visit.asked("name"),
            visibilities=READERS,
        )

    def _require_creation(self, visit: Visit) -> None:
        """Refuse whoever may make nothing.

        Raises:
            DeniedError: If that is so.
        """
        if not self._people.authority.may_create(visit.who):
            raise DeniedError("teams and namespaces are made by the administrators of this hub; ask one of them")

    def _new_team(self, visit: Visit, form: Form) -> Response:
        by = self._people.authority.creation(visit.who, Party.user(check_name(visit.who.name)))
        made = self._people.teams.create(by, check_name(form.word("name"), "a team name"), owner=visit.who.name)
        return back(f"/account/teams/{made.name}", "team-made")

    def _new_namespace(self, visit: Visit, form: Form) -> Response:
        owner = Party.parse(form.word("owner"))
        by = self._people.authority.creation(visit.who, owner)
        name = check_name(form.word("name"), "a namespace")
        visibility = visibility_of(form.word("visibility")) or Visibility.PRIVATE
        made = self._people.namespaces.create(by, name, owner=owner, visibility=visibility)
        return back(f"/n/{made.name}/-/settings", "namespace-made")

    def _member(self, visit: Visit, form: Form) -> Response:
        team = visit.place("team")
        by = self._people.authority.team(visit.who, team)
        self._people.teams.put_member(by, team, check_name(form.word("user")), role=role_of(form.word("role")))
        return back(visit.request.url.path, "member")

    def _remove(self, visit: Visit, form: Form) -> Response:
        team = visit.place("team")
        by = self._people.authority.team(visit.who, team)
        self._people.teams.remove_member(by, team, form.word("user"))
        return back("/account" if form.word("user") == visit.who.name else visit.request.url.path, "member")

    def _delete(self, visit: Visit, form: Form) -> Response:
        team = visit.place("team")
        by = self._people.authority.team(visit.who, team)
        confirmed(form, team)
        self._people.teams.delete(by, team)
        return back("/account", "team-deleted")


READERS: Final = ((Visibility.PRIVATE, "those who have a role there"), (Visibility.PUBLIC, "everybody"))
