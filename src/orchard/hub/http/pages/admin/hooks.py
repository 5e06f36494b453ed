"""Webhooks, for administrators: who is told of what, whether it arrives, and what was said."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from orchard.errors import DeniedError, InvalidError, NotFoundError
from orchard.hub.access import Principal
from orchard.hub.catalog.deliveries import Delivery
from orchard.hub.catalog.webhooks import PENDING, Webhook
from orchard.hub.db import moment
from orchard.hub.http.pages.admin.frame import HOME, Frame, Take, Visit, back, next_url
from orchard.hub.http.pages.admin.reading import count_of
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.live import State as Change
from orchard.hub.http.pages.live import Stream
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import NO_TROUBLE, Trouble, secret_page, take
from orchard.hub.jobs import EVENTS, Wish

PATH: Final = f"{HOME}/webhooks"
_LIVE: Final = f"/live{PATH}"
_HOOKS: Final = 200
_LOG: Final = 25
_ALL: Final = "*"

T = TypeVar("T")


class HookPages:
    """Makes the pages about webhooks."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._hooks = frame.means.hooks
        self._deeds: dict[str, Take] = {
            "ping": self._ping,
            "on": lambda visit, _: self._switch(visit, active=True),
            "off": lambda visit, _: self._switch(visit, active=False),
            "change": self._change,
            "delete": self._delete,
        }

    def doors(self) -> list[Door | Stream]:
        """Give the pages, and where is told that a message was sent."""
        return [
            self._frame.door(PATH, self.list, self.create),
            self._frame.door(f"{PATH}/{{hook}}", self.one, self.change),
            self._frame.door(f"{PATH}/{{hook}}/{{delivery}}", self.message, self.replay),
            Stream(f"{_LIVE}/{{hook}}", self.look),
        ]

    def list(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """List webhooks."""
        found = self._hooks.kept(visit.who)
        return self._frame.page(
            visit,
            "webhooks.html",
            "webhooks",
            trouble=trouble,
            hooks=[(hook, _since(hook)) for hook in found[:_HOOKS]],
            beyond=max(0, len(found) - _HOOKS),
            events=EVENTS,
        )

    def create(self, visit: Visit, form: Form) -> Response:
        """Make a webhook, and show its secret this once."""

        def make(visit: Visit, form: Form) -> Response:
            wish = Wish(url=form.word("url"), events=_events(form))
            made, secret = _reachable(lambda: self._hooks.create(visit.who, form.word("scope"), wish))
            page = self._frame.page(visit, "webhook-made.html", "webhooks", hook=made, secret=secret)
            return secret_page(page)

        return take({"make": make}, self.list, visit, form=form)

    def one(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show a webhook and what was sent to it."""
        hook = self._hooks.get(visit.who, _number(visit.place("hook")))
        before = visit.asked("before")
        found = self._hooks.log(visit.who, hook.id, before=_number(before) if before else None, limit=_LOG + 1)
        return self._frame.page(
            visit,
            "webhook.html",
            "webhooks",
            trouble=trouble,
            hook=hook,
            since=_since(hook),
            made=moment(hook.created_at),
            log=[(one, _when(one)) for one in found[:_LOG]],
            pending=any(one.state == PENDING for one in found),
            live=f"{_LIVE}/{hook.id}",
            mark=_mark(found[:_LOG]),
            following=next_url(visit, before=str(found[_LOG - 1].id)) if len(found) > _LOG else "",
            first=not before,
            events=EVENTS,
        )

    def change(self, visit: Visit, form: Form) -> Response:
        """Do what a form of a webhook's page says."""
        return take(self._deeds, self.one, visit, form=form)

    def message(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show one message: what was sent, and what was answered."""
        number = _number(visit.place("hook"))
        hook = self._hooks.get(visit.who, number)
        found = self._hooks.delivery(visit.who, number, _number(visit.place("delivery")))
        return self._frame.page(
            visit,
            "delivery.html",
            "webhooks",
            trouble=trouble,
            hook=hook,
            delivery=found,
            at=_when(found),
            live=f"{_LIVE}/{hook.id}",
            mark=_mark(self._hooks.log(visit.who, number, before=None, limit=_LOG)),
            waits=found.state == PENDING,
        )

    def replay(self, visit: Visit, form: Form) -> Response:
        """Send a message once more."""

        def again(visit: Visit, _: Form) -> Response:
            hook = _number(visit.place("hook"))
            made = self._hooks.replay(visit.who, hook, _number(visit.place("delivery")))
            return back(f"{PATH}/{hook}/{made.id}", "sent")

        return take({"replay": again}, self.message, visit, form=form)

    def look(self, request: Request, who: Principal) -> Change:
        """Tell whether what waits was sent."""
        self._frame.means.admit(who)
        found = self._hooks.log(who, _number(request.path_params["hook"]), before=None, limit=_LOG)
        return Change(_mark(found), ended=all(one.state != PENDING for one in found))

    def _ping(self, visit: Visit, _: Form) -> Response:
        hook = _number(visit.place("hook"))
        made = self._hooks.ping(visit.who, hook)
        return back(f"{PATH}/{hook}/{made.id}", "sent")

    def _switch(self, visit: Visit, *, active: bool) -> Response:
        hook = _number(visit.place("hook"))
        self._hooks.change(visit.who, hook, Wish(active=active))
        return back(f"{PATH}/{hook}", "hook")

    def _change(self, visit: Visit, form: Form) -> Response:
        hook = _number(visit.place("hook"))
        wish = Wish(url=form.word("url"), events=_events(form))
        _reachable(lambda: self._hooks.change(visit.who, hook, wish))
        return back(f"{PATH}/{hook}", "hook")

    def _delete(self, visit: Visit, _: Form) -> Response:
        self._hooks.remove(visit.who, _number(visit.place("hook")))
        return back(PATH, "hook-gone")


def _reachable(deed: Callable[[], T]) -> T:
    """Say of an address that the hub may not go to what can be put right.

    Raises:
        InvalidError: If it is such an address.
    """
    try:
        return deed()
    except DeniedError as error:
        raise InvalidError(str(error)) from error


def _events(form: Form) -> list[str]:
    chosen = list(form.all("event"))
    return [_ALL] if not chosen or _ALL in chosen else chosen


def _number(text: str) -> int:
    """Read the number of a webhook or a message.

    Raises:
        NotFoundError: If it can be none.
    """
    try:
        return count_of(text, "webhooks") or 0
    except InvalidError as error:
        raise NotFoundError(f"there is no webhook or message {text[:32]}") from error


def _since(hook: Webhook) -> datetime | None:
    return None if hook.failing_since is None else moment(hook.failing_since)


def _when(delivery: Delivery) -> datetime | None:
    return moment(delivery.created_at if delivery.tried_at is None else delivery.tried_at)


def _mark(found: Sequence[Delivery]) -> str:
    return "_".join(f"{one.id}.{one.state}.{one.attempts}" for one in found[:5])
