"""The pages of administrators of a hub inside the test, with accounts or without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from orchard.hub.access import EverybodyInside, OpenDoor, People, Principal
from orchard.hub.app.administration import Staff, administration
from orchard.hub.app.outgoing import Keepers
from orchard.hub.app.people import Entrance, TokenService
from orchard.hub.app.signing import browsers, trusts_of
from orchard.hub.http import Guard, Site, build_app
from orchard.hub.http.pages import Pages
from orchard.hub.jobs.caretaking import Caretaker
from orchard.hub.jobs.tending import Foreman
from orchard.hub.queue import TaskQueue
from orchard.hub.queue.leases import TableDispatch
from orchard.hub.registry import Registry
from orchard.hub.settings import Settings
from support import hubfirm
from support.hubfirm import outgoing_of
from support.hubinside import Inside, MakeHub
from support.people import firm, new_door, new_tickets
from support.webpage import Answer, Webpage

FORM = "application/x-www-form-urlencoded"
ROOT = "root"
HERE = "http://127.0.0.1:5000"


@dataclass
class Office:
    """A hub whose administrator looks at it in a browser."""

    hub: Inside
    people: People
    queue: TaskQueue
    keepers: Keepers
    who: str | None

    @property
    def principal(self) -> Principal:
        """The administrator."""
        return Principal(self.who or "anonymous")

    def get(self, path: str, who: str | None = None) -> Answer:
        """Ask for a page."""
        found = self.hub.request("GET", path, headers=self._headers(who))
        return Answer(found.status, dict(found.headers), found.body)

    def page(self, path: str) -> Webpage:
        """Ask for a page that is there."""
        answer = self.get(path)
        assert answer.status == 200, answer.text
        return answer.page

    def post(self, path: str, who: str | None = None, origin: str = HERE, **fields: str) -> Answer:
        """Send a form."""
        sent = {"content-type": FORM, "origin": origin, **self._headers(who)}
        found = self.hub.request("POST", path, urlencode(fields).encode(), sent)
        return Answer(found.status, dict(found.headers), found.body)

    def done(self, path: str, **fields: str) -> Webpage:
        """Send a form that is taken; give the page that it leads to."""
        answer = self.post(path, **fields)
        assert answer.status == 303, answer.text
        return self.page(answer.headers["location"])

    def _headers(self, who: str | None) -> dict[str, str]:
        name = self.who if who is None else who
        return {"authorization": name} if name else {}


def office(
    make_hub: MakeHub,
    *,
    login: bool = True,
    settings: Mapping[str, Any] | None = None,
    allow: Sequence[str] = (),
) -> Office:
    """Make a hub with the pages of administrators; with ``support.people.firm``, if people log in."""
    if login:
        staff = hubfirm.Staff()
        hub = make_hub(
            allow=allow, policy=staff, reach=staff.reach, access=lambda _: staff.door, surfaces=staff.surfaces
        )
        firm(staff.people)
        people, tickets = staff.people, new_tickets(staff.people)
        entrance = replace(staff.entrance, tickets=TokenService(new_door(people), tickets))
    else:
        hub = make_hub(allow=allow)
        people = hub.people
        entrance = Entrance(OpenDoor(), EverybodyInside(), people)
    queue = TaskQueue(hub.database, TableDispatch(hub.clock), steady=hub.clock)
    site, kept = _site(hub, entrance, queue, Settings(data=hub.data, **(settings or {})))
    hub.app = build_app(
        hub.registry,
        entrance.access,
        hub.threads,
        guard=Guard(loopback_only=not login),
        site=site,
        timeout=5.0,
    )
    return Office(hub, people, queue, kept, ROOT if login else None)


def _site(hub: Inside, entrance: Entrance, queue: TaskQueue, settings: Settings) -> tuple[Site, Keepers]:
    outside, registry = outgoing_of(hub), hub.registry
    assert isinstance(registry, Registry)
    kept = outside.keepers(entrance.policy, outside.mirroring(registry, queue))
    staff = Staff(
        Caretaker(hub.premises, queue),
        Foreman(hub.database, queue),
        kept,
        trusts_of(entrance.people, hub.gate),
    )
    section = administration(settings, registry, entrance, staff=staff)
    service = entrance.tickets
    sign_in = None if service is None else browsers(settings, entrance.people, service, gate=hub.gate, vault=hub.vault)
    pages = Pages(
        registry,
        now=lambda: datetime.fromtimestamp(hub.clock(), UTC),
        login=service is not None,
        sign_in=sign_in,
        sections=[section],
    )
    return Site(routes=pages.routes(), problem=pages.problem, public=pages.public), kept
