"""Somebody with a browser, at a hub inside the test: keeps a session, follows nothing by itself."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from orchard.hub.access import OpenDoor
from orchard.hub.access.logins import Logins
from orchard.hub.app.people import TokenService
from orchard.hub.app.signing import Browsers, Going
from orchard.hub.http import Guard, Site, build_app
from orchard.hub.http.pages import Pages
from orchard.hub.http.pages.account import Account, Means
from orchard.hub.settings import Settings
from support.hubinside import Inside, new_door, new_tickets
from support.webpage import Answer

FORM = "application/x-www-form-urlencoded"


def furnish(hub: Inside, settings: Settings, *, login: bool = True) -> None:
    """Give a hub inside a test its pages, with those about people."""
    door = new_door(hub.people)
    means = Means(
        registry=hub.registry,
        people=hub.people,
        settings=settings,
        login=login,
        check=door.check,
        places={"https://id.example.com": "Our Company"},
    )
    logins = Logins(hub.people, {}, Going(hub.gate), seal=str, unseal=str, now=hub.clock)
    sign_in = Browsers(hub.people, TokenService(door, new_tickets(hub.people)), logins, url=None)
    pages = Pages(
        hub.registry,
        now=lambda: datetime.fromtimestamp(hub.clock.time, UTC),
        login=login,
        sign_in=sign_in if login else None,
        sections=[Account(means)],
    )
    hub.app = build_app(
        hub.registry,
        door if login else OpenDoor(),
        hub.threads,
        guard=Guard(loopback_only=not login),
        site=Site(routes=pages.routes(), problem=pages.problem, public=pages.public),
        timeout=5.0,
    )


class Persona:
    """Somebody with a browser."""

    def __init__(self, hub: Inside, name: str | None) -> None:
        self.hub = hub
        self.name = name
        self.session = None if name is None else hub.people.sessions.begin(name)

    def get(self, target: str, **headers: str) -> Answer:
        return self._ask("GET", target, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, target: str, *, origin: str = "http://127.0.0.1:5000", **fields: str) -> Answer:
        return self.fill(target, fields, origin=origin)

    def fill(
        self, target: str, fields: Mapping[str, str | list[str]], *, origin: str = "http://127.0.0.1:5000"
    ) -> Answer:
        """Send a form in which a field may have several values."""
        return self._ask(
            "POST", target, urlencode(fields, doseq=True).encode(), {"content-type": FORM, "origin": origin}
        )

    def _ask(self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        kept = {} if self.session is None else {"cookie": f"orchard={self.session}"}
        found = self.hub.request(method, target, body, {**kept, **(headers or {})})
        return Answer(found.status, dict(found.headers), found.body)
