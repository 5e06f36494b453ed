"""Accounts, for administrators: who there is, who comes in, and links for those who are to."""

from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from orchard.errors import InvalidError
from orchard.hub.access import Party, Token, check_name
from orchard.hub.http.origin import origin_of
from orchard.hub.http.pages.admin.frame import HOME, ROWS, Frame, Take, Visit, back, next_url
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import ABOUT_THE_FORM, NO_TROUBLE, Trouble, confirmed, secret_page, take

_PATH: Final = f"{HOME}/users"
_TOKENS: Final = 200  # that a page lists


class UserPages:
    """Makes the pages about accounts."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._people = frame.means.people
        self._deeds: dict[str, Take] = {
            "admin": lambda visit, _: self._update(visit, "admin", site_admin=True),
            "unadmin": lambda visit, _: self._update(visit, "unadmin", site_admin=False),
            "disable": lambda visit, _: self._update(visit, "disabled", disabled=True),
            "enable": lambda visit, _: self._update(visit, "enabled", disabled=False),
            "invite": self._invite,
            "revoke": self._revoke,
            "delete": self._delete,
        }

    def doors(self) -> list[Door]:
        """Give the pages."""
        return [
            self._frame.door(_PATH, self.list, self.create),
            self._frame.door(f"{_PATH}/{{user}}", self.one, self.change),
        ]

    def list(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """List accounts by name, or those whose names hold what is searched for."""
        if not self._frame.means.login:
            return self._frame.page(visit, "no-accounts.html", "users", what="accounts")
        query = visit.asked("q").lower()
        found = self._people.directory.users(visit.who, part=query, after=visit.asked("after"), limit=ROWS + 1)
        return self._frame.page(
            visit,
            "users.html",
            "users",
            trouble=trouble,
            query=query,
            users=found[:ROWS],
            following=next_url(visit, after=found[ROWS - 1].name) if len(found) > ROWS else "",
            first=not visit.asked("after"),
        )

    def create(self, visit: Visit, form: Form) -> Response:
        """Make an account, and show the link with which its owner chooses a password, once."""
        name = form.word("name")
        try:
            made = self._people.users.create(visit.by, check_name(name), site_admin=form.ticked("site_admin"))
        except ABOUT_THE_FORM as error:
            return self.list(visit, Trouble.of(error, form))
        return self._link(visit, made.name, new=True)

    def one(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show an account, what it is of, and its tokens."""
        name = visit.place("user")
        user = self._people.directory.user(visit.who, name)
        tokens = self._people.directory.tokens(visit.who, name)
        now = self._frame.renderer.now()
        live = [token for token in tokens if _is_live(token) and (token.expires_at is None or token.expires_at > now)]
        return self._frame.page(
            visit,
            "user.html",
            "users",
            trouble=trouble,
            user=user,
            self_=visit.who.name == user.name,
            tokens=live[:_TOKENS],
            ended=len(tokens) - len(live),
            beyond=max(0, len(live) - _TOKENS),
            teams=self._people.teams.list(member=name, limit=_TOKENS),
            namespaces=self._people.namespaces.list(owner=Party.user(check_name(name)), limit=_TOKENS),
            grants=self._people.directory.grants_of(visit.who, Party.user(check_name(name)))[:_TOKENS],
        )

    def change(self, visit: Visit, form: Form) -> Response:
        """Do what a form of an account's page says."""
        return take(self._deeds, self.one, visit, form=form)

    def _update(
        self, visit: Visit, done: str, *, site_admin: bool | None = None, disabled: bool | None = None
    ) -> Response:
        name = visit.place("user")
        self._people.users.update(visit.by, name, site_admin=site_admin, disabled=disabled)
        return back(_url(name), done)

    def _invite(self, visit: Visit, form: Form) -> Response:
        name = visit.place("user")
        if form.ticked("lock"):
            self._people.users.set_password(visit.by, name, None)
        return self._link(visit, name, new=False)

    def _revoke(self, visit: Visit, form: Form) -> Response:
        """Revoke a token of this account.

        Raises:
            InvalidError: If it has no such token.
        """
        name, token = visit.place("user"), form.word("token")
        if token not in {one.id for one in self._people.directory.tokens(visit.who, name)}:
            raise InvalidError(f"{name} has no such token")
        self._people.tokens.revoke(visit.by, token)
        return back(_url(name), "revoked")

    def _delete(self, visit: Visit, form: Form) -> Response:
        """Delete this account, if its name was typed.

        Raises:
            InvalidError: If it was not.
        """
        name = visit.place("user")
        confirmed(form, name, "delete the account")
        self._people.users.delete(visit.by, name)
        return back(_PATH, "user-deleted")

    def _link(self, visit: Visit, name: str, *, new: bool) -> Response:
        """Show a link that lets somebody choose a password, this once."""
        secret = self._people.invitations.create(visit.by, name)
        request = visit.request
        origin = self._frame.means.settings.url or origin_of(request.scope, dict(request.scope["headers"]))
        link = f"{origin}/welcome/{quote(secret)}"
        return secret_page(self._frame.page(visit, "invited.html", "users", name=name, link=link, new=new))


def _is_live(token: Token) -> bool:
    return token.revoked_at is None


def _url(name: str) -> str:
    return f"{_PATH}/{quote(name)}"
