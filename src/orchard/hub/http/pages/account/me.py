"""Who I am here: my password, my sessions, my other logins, what I am of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from orchard.errors import InvalidError, UnauthenticatedError
from orchard.hub.access import Namespace, Party, Principal, Role, check_chosen, check_name
from orchard.hub.http.cookies import SESSION, cookie, read_cookie
from orchard.hub.http.origin import origin_of
from orchard.hub.http.pages.account.frame import Frame, Visit, back, deeds
from orchard.hub.http.pages.addresses import Place, Way
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import NO_TROUBLE, Trouble

HOME: Final = "/account"
_SHOWN: Final = 200  # of a list
_WRONG: Final = "The password that you have now is another one."


@dataclass(frozen=True, slots=True)
class Held:
    """A namespace that somebody has a role in.

    Attributes:
        namespace: Which one.
        role: Theirs.
    """

    namespace: Namespace
    role: Role


class AccountPage:
    """Makes the page about oneself."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._people = frame.means.people
        self._take = deeds(
            {"password": self._password, "end": self._end, "end-others": self._end_others},
            self.show,
        )

    def doors(self) -> list[Door]:
        """Give the page."""
        return [self._frame.own(HOME, self.show, self._take)]

    def show(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show who somebody is."""
        people, name = self._people, visit.who.name
        standing = people.rights.standing(visit.who, "")
        held = self._held(visit.who, standing.namespaces)
        given = sorted(standing.repositories.items())
        return self._frame.page(
            visit,
            "me.html",
            trouble=trouble,
            tab="account",
            user=people.users.get(name),
            site_admin=standing.site_admin,
            sessions=people.sessions.of(name),
            session=self._session(visit),
            identities=[(self._frame.means.places.get(one.issuer, ""), one) for one in people.identities.of(name)],
            teams=list(people.teams.of(name).items())[:_SHOWN],
            held=held[:_SHOWN],
            given=given[:_SHOWN],
            beyond=max(0, len(held) - _SHOWN) + max(0, len(given) - _SHOWN),
            may_create=people.authority.may_create(visit.who),
            ways=logins(Place.of(visit.request), name),
        )

    def _held(self, who: Principal, roles: Mapping[str, Role]) -> list[Held]:
        """List the namespaces where somebody has a role of their own; administrators of the site have one in all."""
        if roles:
            return [Held(one, roles[one.name]) for one in self._people.namespaces.named(sorted(roles))]
        owned = self._people.namespaces.list(owner=Party.user(check_name(who.name)))
        return [Held(one, Role.OWNER) for one in owned]

    def _password(self, visit: Visit, form: Form) -> Response:
        """Change the password, and end all sessions but this one.

        Raises:
            InvalidError: If the old one is wrong, or the new one cannot be one.
            RateLimitedError: If too many were wrong.
        """
        name, new = visit.who.name, form.text("new")
        if new != form.text("again"):
            raise InvalidError("the two new passwords are not the same")
        check_chosen(name, new)
        address = visit.request.client.host if visit.request.client else "unknown"
        try:
            self._frame.means.check(name, form.text("now"), address)
        except UnauthenticatedError:
            return self.show(visit, Trouble("password", _WRONG, 400, form))
        here = self._session(visit)
        self._people.users.set_password(self._people.authority.account(visit.who, name), name, new)
        self._people.sessions.end_all(name)  # those that began at this very moment too
        answer = back(HOME, "password")
        if here:
            secret = self._people.sessions.begin(name)
            secure = _secure(visit)
            answer.headers.append("set-cookie", cookie(SESSION, secret, secure=secure))
        return answer

    def _end(self, visit: Visit, form: Form) -> Response:
        self._people.sessions.end_one(visit.who.name, form.word("session"))
        return back(HOME, "ended")

    def _end_others(self, visit: Visit, form: Form) -> Response:
        del form
        self._people.sessions.end_all(visit.who.name, but=self._session(visit))
        return back(HOME, "others-ended")

    def _session(self, visit: Visit) -> str | None:
        """Name the session that a page is shown in, if it is in one."""
        if not getattr(visit.request.state, "session", False):
            return None
        headers = dict(visit.request.scope["headers"])
        secret = read_cookie(headers, SESSION, secure=_secure(visit))
        found = None if secret is None else self._people.sessions.find(secret)
        return None if found is None else found.id


def logins(place: Place, name: str) -> Sequence[Way]:
    """List how programs log in as an account or a robot; they ask for the token that is its password."""
    return [
        Way("orchard", f"orchard login {place.host} --username {name}{place.plain_http}"),
        Way("kit", f"kit login {place.host} --username {name}{'' if place.secure else ' --plain-http'}"),
        Way("docker", f"docker login {place.host} --username {name}"),
        Way("oras", f"oras login {place.host} --username {name}{'' if place.secure else ' --plain-http'}"),
    ]


def _secure(visit: Visit) -> bool:
    return origin_of(visit.request.scope, dict(visit.request.scope["headers"])).startswith("https:")
