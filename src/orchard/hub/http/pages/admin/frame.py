"""What all pages of administrators share: who sees them, what stands above, and how complaints come back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from orchard.hub.access import Mandate, Principal
from orchard.hub.http.pages.admin.means import Means
from orchard.hub.http.pages.forms import Form, onward
from orchard.hub.http.pages.rendering import Renderer
from orchard.hub.http.pages.sections import Door, Visitor
from orchard.hub.http.pages.trouble import NO_TROUBLE, Trouble

HOME: Final = "/admin"
TABS: Final = (
    ("Overview", HOME, ""),
    ("Users", f"{HOME}/users", "users"),
    ("Teams", f"{HOME}/teams", "teams"),
    ("Namespaces", f"{HOME}/namespaces", "namespaces"),
    ("Rules", f"{HOME}/rules", "rules"),
    ("Storage", f"{HOME}/storage", "storage"),
    ("Jobs", f"{HOME}/jobs", "jobs"),
    ("Webhooks", f"{HOME}/webhooks", "webhooks"),
    ("Mirrors", f"{HOME}/mirrors", "mirrors"),
    ("Events", f"{HOME}/events", "events"),
)
ROWS: Final = 50  # of a list, on one page


@dataclass(frozen=True, slots=True)
class Visit(Visitor):
    """An administrator who looks at a page.

    Attributes:
        by: What they may change: everything.
    """

    by: Mandate


Show = Callable[[Visit], Response]
Take = Callable[[Visit, Form], Response]


@dataclass(frozen=True, slots=True)
class Frame:
    """Makes pages of administrators.

    Attributes:
        renderer: Fills templates.
        means: What pages work with.
    """

    renderer: Renderer
    means: Means

    def door(self, path: str, show: Show, take: Take | None = None) -> Door:
        """Make a page, whose forms go to itself; nobody but administrators gets in."""

        def shown(request: Request, who: Principal) -> Response:
            return show(Visit(request, who, self.means.admit(who)))

        if take is None:
            return Door(path, shown)
        taking = take

        def taken(request: Request, who: Principal, form: Form) -> Response:
            return taking(Visit(request, who, self.means.admit(who)), form)

        return Door(path, shown, taken)

    def page(
        self, visit: Visit, template: str, tab: str, *, trouble: Trouble = NO_TROUBLE, **values: object
    ) -> Response:
        """Fill a template that extends ``admin/frame.html``."""
        return self.renderer.page(
            visit.request,
            f"admin/{template}",
            trouble.status,
            tabs=TABS,
            tab=tab,
            trouble=trouble,
            done=DONE.get(visit.asked("done"), ""),
            login=self.means.login,
            **values,
        )


def back(path: str, done: str, **query: str) -> Response:
    """Go to the page that shows what was done, and says so."""
    assert done in DONE
    return onward(f"{path}?{urlencode({**query, 'done': done})}")


def next_url(visit: Visit, **marks: str) -> str:
    """Give the address of the next part of a list: what was asked for, and where it begins."""
    asked = {name: value for name, value in visit.request.query_params.items() if name != "done"}
    return f"{visit.request.url.path}?{urlencode({**asked, **marks})}"


# What has just been done. The address names the key, never the text.
DONE: Final[Mapping[str, str]] = {
    "admin": "The account administers this hub now.",
    "unadmin": "The account administers this hub no longer.",
    "disabled": "The account can come in no more: its sessions and tokens are refused.",
    "enabled": "The account can come in again.",
    "revoked": "The token is good no more.",
    "user-deleted": "The account, its tokens and its roles are gone. What it pushed stays.",
    "team-made": "The team is made.",
    "team-deleted": "The team and the roles that were given to it are gone.",
    "member": "The team has changed.",
    "member-gone": "The account is of the team no more.",
    "namespace-made": "The namespace is made.",
    "quota": "The quota has changed.",
    "trusted": "The CI service is trusted: its jobs can log in.",
    "untrusted": "The CI service is trusted no more.",
    "rule": "The rule holds from now on.",
    "rule-gone": "The rule holds no longer.",
    "keeping": "What is kept has changed. Look at what it takes before the next full hour.",
    "restored": "It is back, with those of its tags whose names nothing else has.",
    "sent": "The message is on its way; here is how it went.",
    "hook": "The webhook has changed.",
    "hook-gone": "The webhook is gone, with its log.",
    "mirror-gone": "The mirror is gone. What it copied stays.",
    "proxy-gone": "These names are ordinary ones again. What was fetched stays.",
    "cancelled": "Cancelled. A job that runs stops at its next step; what is done stays done.",
    "again": "The job is done as soon as a worker is free.",
}
