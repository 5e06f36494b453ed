"""Tokens: of an account, and robots of a namespace."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from starlette.responses import Response

from orchard.errors import InvalidError, NotFoundError
from orchard.hub.access import Action, Mandate, Pattern, Role, Token, Wanted
from orchard.hub.http.pages.account.frame import Frame, Take, Visit, back, deeds
from orchard.hub.http.pages.addresses import Place, Way
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import NO_TROUBLE, Trouble, secret_page

PATH: Final = "/account/tokens"
ROBOTS: Final = "/n/{namespace}/-/robots"
_LIVE: Final = 500  # that are listed
_ENDED: Final = 50
_EVERYTHING: Final = "account"
_SCOPES: Final = (
    ("pull", "pull", "read repositories"),
    ("push", "push", "add versions, move tags"),
    ("delete", "delete", "take versions and tags out"),
    ("govern", "govern", "set rules of tags and of what is kept"),
)
_OWN: Final = ("own", "own", "say who may do what in repositories")
_ALL: Final = (_EVERYTHING, "everything", "what you may yourself, but for making tokens and a new password")
LIFETIMES: Final = (
    ("7", "a week"),
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "a year"),
    ("never", "never: until it is revoked"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """Tokens as they are listed.

    Attributes:
        live: Those that are good.
        ended: Those that have ended last.
        beyond: How many of each are not listed.
    """

    live: Sequence[Token]
    ended: Sequence[Token]
    beyond: tuple[int, int]

    @classmethod
    def of(cls, tokens: Sequence[Token], now: datetime) -> "Shown":
        """Tell those that are good from those that have ended."""
        live = [one for one in tokens if one.revoked_at is None and (one.expires_at is None or one.expires_at > now)]
        good = {one.id for one in live}
        ended = [one for one in tokens if one.id not in good]
        beyond = (max(0, len(live) - _LIVE), max(0, len(ended) - _ENDED))
        return cls(live[:_LIVE], ended[:_ENDED], beyond)


class TokenPages:
    """Makes the pages about tokens."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._people = frame.means.people
        self._mine: Take = deeds({"make": self._make, "revoke": self._revoke}, self.mine)
        self._theirs: Take = deeds({"make": self._make_robot, "revoke": self._revoke_robot}, self.robots)

    def doors(self) -> list[Door]:
        """Give the pages."""
        return [
            self._frame.own(PATH, self.mine, self._mine),
            self._frame.own(ROBOTS, self.robots, self._theirs),
        ]

    def mine(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """List the tokens of an account."""
        found = self._people.directory.tokens(visit.who, visit.who.name)
        roles = self._people.rights.standing(visit.who, "").namespaces
        return self._frame.page(
            visit,
            "tokens.html",
            trouble=trouble,
            tab="tokens",
            tokens=Shown.of(found, self._frame.renderer.now()),
            scopes=(*_SCOPES, _OWN, _ALL),
            lifetimes=LIFETIMES,
            looked_after=[name for name, role in sorted(roles.items()) if role is Role.OWNER],
        )

    def robots(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """List the robots of a namespace."""
        namespace = visit.place("namespace")
        found = self._people.directory.robots(visit.who, namespace)
        return self._frame.page(
            visit,
            "robots.html",
            trouble=trouble,
            namespace=namespace,
            tokens=Shown.of(found, self._frame.renderer.now()),
            scopes=_SCOPES,
            lifetimes=LIFETIMES,
        )

    def _make(self, visit: Visit, form: Form) -> Response:
        scopes = frozenset(form.all("scope"))
        if _EVERYTHING in scopes:
            scopes = frozenset((*Action, _EVERYTHING))
        by = self._people.authority.account(visit.who, visit.who.name)
        made = self._people.tokens.create(by, visit.who.name, self._wanted(form, scopes, everywhere="**"))
        return self._once(visit, *made, login=visit.who.name, onward=PATH)

    def _make_robot(self, visit: Visit, form: Form) -> Response:
        namespace = visit.place("namespace")
        self._people.directory.namespace(visit.who, namespace)
        by = self._people.authority.namespace(visit.who, namespace)
        wanted = self._wanted(form, frozenset(form.all("scope")), everywhere=f"{namespace}/**")
        token, secret = self._people.tokens.create_robot(by, namespace, wanted)
        return self._once(visit, token, secret, login=token.name, onward=visit.request.url.path)

    def _wanted(self, form: Form, scopes: frozenset[str], *, everywhere: str) -> Wanted:
        """Read what a token is to be.

        Raises:
            InvalidError: If that is nothing sensible.
        """
        days = form.word("lifetime")
        if days not in dict(LIFETIMES):
            raise InvalidError("choose how long the token shall be good")
        ends = None if days == "never" else self._frame.renderer.now() + timedelta(days=int(days))
        patterns = [Pattern.parse(text) for text in form.word("repositories").replace(",", " ").split()]
        return Wanted(
            name=form.word("name"), scopes=scopes, patterns=tuple(patterns) or (Pattern(everywhere),), expires_at=ends
        )

    def _once(self, visit: Visit, token: Token, secret: str, *, login: str, onward: str) -> Response:
        """Show a new token with its secret: in the answer to the form, and nowhere else ever."""
        place = Place.of(visit.request)
        return secret_page(
            self._frame.page(
                visit, "token.html", token=token, secret=secret, ways=with_token(place, login), onward=onward
            )
        )

    def _revoke(self, visit: Visit, form: Form) -> Response:
        found = self._people.directory.tokens(visit.who, visit.who.name)
        by = self._people.authority.account(visit.who, visit.who.name)
        return self._end(by, found, form.word("token"), onward=PATH)

    def _revoke_robot(self, visit: Visit, form: Form) -> Response:
        namespace = visit.place("namespace")
        found = self._people.directory.robots(visit.who, namespace)
        by = self._people.authority.namespace(visit.who, namespace)
        return self._end(by, found, form.word("token"), onward=visit.request.url.path)

    def _end(self, by: Mandate, found: Sequence[Token], wanted: str, *, onward: str) -> Response:
        """Revoke one of these tokens.

        Raises:
            NotFoundError: If it is none of them.
        """
        if wanted not in {one.id for one in found}:
            raise NotFoundError(f"there is no token {wanted[:32]} here")
        self._people.tokens.revoke(by, wanted)
        return back(onward, "revoked")


def with_token(place: Place, name: str) -> list[Way]:
    """List how programs log in with a token that stands in ``$TOKEN``, so that it stands in no history of a shell."""
    flag = "" if place.secure else " --plain-http"
    give = 'printf %s "$TOKEN" |'
    return [
        Way("orchard", f"{give} orchard login {place.host} --username {name} --password-stdin{place.plain_http}"),
        Way("kit", f"{give} kit login {place.host} --username {name} --password-stdin{flag}"),
        Way("docker", f"{give} docker login {place.host} --username {name} --password-stdin"),
        Way(
            "curl",
            f'curl --header "Authorization: Bearer $TOKEN" http{"s" if place.secure else ""}://{place.host}/api/v1/whoami',
        ),
    ]
