"""What the pages about people and their own things share: who comes in, and how complaints come back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from orchard.errors import DeniedError, QuotaError
from orchard.hub.access import Kind, Principal
from orchard.hub.http.pages.account.means import Means
from orchard.hub.http.pages.answers import Problem, Step
from orchard.hub.http.pages.forms import Form, onward
from orchard.hub.http.pages.rendering import Renderer
from orchard.hub.http.pages.sections import Door, Visitor
from orchard.hub.http.pages.trouble import ABOUT_THE_FORM, NO_TROUBLE, Trouble, take

# What whoever filled a form in can put right, or must be told beside it.
_ABOUT_THE_FORM: Final = (*ABOUT_THE_FORM, QuotaError, DeniedError)
ROLES: Final = (
    ("reader", "reader: pulls"),
    ("writer", "writer: pushes"),
    ("maintainer", "maintainer: deletes, sets rules"),
    ("owner", "owner: says who may what"),
)
NO_ACCOUNTS: Final = Problem(
    404,
    "This hub has no accounts",
    "Nobody logs in here: whoever is on this machine may do everything.",
    (
        Step("See all repositories.", "/"),
        Step("To share the hub, start it where others reach it (orchard hub --host 0.0.0.0); then there are accounts."),
    ),
)


Visit = Visitor
Show = Callable[[Visit], Response]
Take = Callable[[Visit, Form], Response]
Again = Callable[[Visit, Trouble], Response]


@dataclass(frozen=True, slots=True)
class Frame:
    """Makes pages about people and their own things.

    Attributes:
        renderer: Fills templates.
        means: What pages work with.
    """

    renderer: Renderer
    means: Means

    def door(self, path: str, show: Show, take: Take | None = None) -> Door:
        """Make a page, whose forms go to itself."""

        def shown(request: Request, who: Principal) -> Response:
            return show(Visit(request, who))

        if take is None:
            return Door(path, shown)
        taking = take
        return Door(path, shown, lambda request, who, form: taking(Visit(request, who), form))

    def own(self, path: str, show: Show, take: Take | None = None) -> Door:
        """Make a page for people with an account, as the account itself: with a password, not with a token."""

        def shown(visit: Visit) -> Response:
            return self._without_accounts(visit) or show(visit)

        if take is None:
            return self.door(path, shown)
        taking = take
        return self.door(path, shown, lambda visit, form: self._without_accounts(visit) or taking(visit, form))

    def _without_accounts(self, visit: Visit) -> Response | None:
        """Say that there are no accounts, if so.

        Raises:
            DeniedError: If there are, and this is none.
        """
        if not self.means.login:
            return self.renderer.problem(visit.request, NO_ACCOUNTS)
        if visit.who.kind is Kind.ANONYMOUS:
            raise DeniedError("log in first: this page is about your account")
        if not visit.who.whole or visit.who.limits:
            raise DeniedError(f"{visit.who.name} came in with a token; log in with the password of the account")
        return None

    def page(self, visit: Visit, template: str, *, trouble: Trouble = NO_TROUBLE, **values: object) -> Response:
        """Fill a template of ``account/``."""
        return self.renderer.page(
            visit.request,
            f"account/{template}",
            trouble.status,
            trouble=trouble,
            done=DONE.get(visit.asked("done"), ""),
            login=self.means.login,
            me=visit.who,
            roles=ROLES,
            **values,
        )


def deeds(all_of_them: Mapping[str, Take], again: Again) -> Take:
    """Make what takes the forms of a page."""
    return lambda visit, form: take(all_of_them, again, visit, form=form, about=_ABOUT_THE_FORM)


def back(path: str, done: str, **query: str) -> Response:
    """Go to the page that shows what was done, and says so."""
    assert done in DONE
    return onward(f"{path}?{urlencode({**query, 'done': done})}")


# What has just been done. The address names the key, never the text.
DONE: Final[Mapping[str, str]] = {
    "password": "Your password is changed. Every other session of yours has ended.",
    "ended": "The session has ended.",
    "others-ended": "Every other session has ended.",
    "revoked": "The token is good no more.",
    "team-made": "The team is made. Add its members below.",
    "member": "The team has changed.",
    "team-deleted": "The team and the roles that were given to it are gone.",
    "namespace-made": "The namespace is made. A push makes repositories in it.",
    "namespace-deleted": "The namespace, the roles in it and its robots are gone.",
    "given": "The namespace has another owner.",
    "visibility": "The visibility is changed.",
    "granted": "The role is given.",
    "ungranted": "The role is taken away.",
    "rule-added": "The rule for tags holds now.",
    "rule-removed": "The rule for tags holds no longer.",
    "kept": "What is kept has changed. Nothing was deleted yet; the hub applies it from time to time.",
    "retained": "What no rule keeps is in the trash.",
    "deleted": "The repository is in the trash.",
    "restored": "It is back.",
    "purged": "It is gone for good.",
    "left": "The hub reminds nobody of its setting up any more; this page stays here.",
}
