"""Setting a new hub up: what is done, what is left to do, and how."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from shlex import quote
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from orchard.errors import StorageError
from orchard.hub.access import ADMIN, Beginning, Kind, Principal, check_name
from orchard.hub.http.guard import is_loopback
from orchard.hub.http.origin import origin_of
from orchard.hub.http.pages.account.frame import Frame, Visit, back, deeds
from orchard.hub.http.pages.account.means import Means
from orchard.hub.http.pages.addresses import Place
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import NO_TROUBLE, Trouble, secret_page
from orchard.hub.registry import Page

PATH: Final = "/setup"


@dataclass(frozen=True, slots=True)
class Todo:
    """What a new hub still lacks.

    Attributes:
        password: A password that somebody chose for the account of the first start.
        https: A way in that nobody else can listen to.
        people: Somebody else with an account.
        shared: A team, or a namespace that is not an account's own.
        push: Something in it.
    """

    password: bool
    https: bool
    people: bool
    shared: bool
    push: bool

    @property
    def left(self) -> int:
        """How many there are."""
        return sum((self.password, self.https, self.people, self.shared, self.push))


@dataclass(slots=True)
class Progress:
    """How far a hub has come; found out anew for each page until nothing is left, or nobody wants to hear of it."""

    means: Means
    _over: bool = field(default=False, init=False)

    def waits_for(self, who: Principal) -> bool:
        """Tell whether somebody should be reminded: an administrator of the site, while something is left to do."""
        if self._over or not self.means.login or who.kind is not Kind.USER:
            return False
        try:
            if not self.means.people.authority.is_site_admin(who):
                return False
            state = self.means.people.beginnings.state()
            self._over = state.left or not self.todo(who, state).left
        except StorageError:
            return False  # a page that says what is wrong is on its way
        return not self._over

    def todo(self, who: Principal, state: Beginning, place: Place | None = None) -> Todo:
        """Find out what is left to do.

        Raises:
            StorageError: If the catalog fails.
        """
        settings = self.means.settings
        safe = settings.tls_cert is not None or (settings.url or "").startswith("https:") or is_loopback(settings.host)
        return Todo(
            password=settings.admin_password is None and not state.chosen,
            https=not safe and not (place is not None and place.secure),
            people=not state.joined,
            shared=not state.shared,
            push=not self.means.registry.names(who, Page("", 1)),
        )


class SetupPage:
    """Makes the page on which a new hub is set up."""

    def __init__(self, frame: Frame, progress: Progress) -> None:
        self._frame = frame
        self._people = frame.means.people
        self._progress = progress
        self._take = deeds({"invite": self._invite, "leave": self._leave}, self.show)

    def doors(self) -> Sequence[Door]:
        """Give the page."""
        return [self._frame.own(PATH, self.show, self._take)]

    def show(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show what is done and what is not; to administrators of the site."""
        self._people.authority.site(visit.who)
        settings, place = self._frame.means.settings, Place.of(visit.request)
        state = self._people.beginnings.state()
        return self._frame.page(
            visit,
            "setup.html",
            trouble=trouble,
            todo=self._progress.todo(visit.who, state, place),
            reminded=not state.left,
            admin=ADMIN,
            from_settings=settings.admin_password is not None,
            url=settings.url,
            unheard=not settings.trusted_proxies and "x-forwarded-proto" in visit.request.headers,
            catalog="SQLite" if settings.database is None else "PostgreSQL",
            storage=settings.storage or "",
            data=settings.data,
            shell_data=quote(str(settings.data)),
            anonymous=settings.anonymous,
            self_service=settings.self_service,
        )

    def _invite(self, visit: Visit, form: Form) -> Response:
        """Make an account, and show the link with which its owner chooses a password: once."""
        by = self._people.authority.site(visit.who)
        name = check_name(form.word("name"))
        self._people.users.create(by, name, site_admin=form.ticked("site_admin"))
        link = f"{_origin(self._frame.means, visit.request)}/welcome/{self._people.invitations.create(by, name)}"
        return secret_page(self._frame.page(visit, "invited.html", name=name, link=link))

    def _leave(self, visit: Visit, form: Form) -> Response:
        del form
        self._people.beginnings.leave(self._people.authority.site(visit.who))
        return back(PATH, "left")


def _origin(means: Means, request: Request) -> str:
    return means.settings.url or origin_of(request.scope, dict(request.scope["headers"]))
