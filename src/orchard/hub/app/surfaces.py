"""What the hub answers, beside the registry's own API: pages, and whatever stands below a path of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchard.hub.access import TOKEN_PATH
from orchard.hub.app.outgoing import Outside
from orchard.hub.app.people import SERVICE, Entrance, TokenService
from orchard.hub.app.signing import browsers, trusts_of
from orchard.hub.egress import Gate
from orchard.hub.http import Site, Surface, Threads
from orchard.hub.http.api import (
    PREFIX,
    PUBLIC,
    Api,
    Comparisons,
    Events,
    Files,
    Grants,
    Hub,
    Insights,
    Namespaces,
    Repositories,
    Rules,
    Search,
    Tags,
    Tasks,
    Teams,
    Tokens,
    Trash,
    Trusts,
    Upkeep,
    Users,
    Versions,
    Whoami,
    error_problem,
)
from orchard.hub.http.meters import Gauge, Meters
from orchard.hub.http.pages import Live, Pages, Section
from orchard.hub.http.tickets import TokenEndpoint
from orchard.hub.http.watch import Readiness, health_surface, metrics_surface, readiness_surface
from orchard.hub.jobs.caretaking import Caretaker
from orchard.hub.jobs.tending import Foreman
from orchard.hub.registry import Registry
from orchard.hub.settings import Metrics, Settings


def site(
    registry: Registry,
    entrance: Entrance,
    outside: Outside,
    *,
    settings: Settings,
    sections: Sequence[Section] = (),
    live: Live | None = None,
) -> Site:
    """Make what people see, beside the repositories also ``sections``; and where they log in, if they have to.

    ``live`` knows who listens to what goes on, and lets them go when the hub ends.

    Raises:
        UsageError: If a place to log in at cannot be one.
    """
    service = entrance.tickets
    sign_in = None
    if service is not None:
        sign_in = browsers(settings, entrance.people, service, gate=outside.gate, vault=outside.vault)
    pages = Pages(
        registry,
        now=lambda: datetime.now(UTC),
        login=service is not None,
        sign_in=sign_in,
        sections=sections,
        live=live,
    )
    return Site(routes=pages.routes(), problem=pages.problem, public=pages.public)


def watch(
    settings: Settings, meters: Meters, readiness: Readiness, *, threads: Threads, entrance: Entrance
) -> Sequence[Surface]:
    """Make what machines that watch see."""
    found = [health_surface(threads), readiness_surface(readiness, threads)]
    if settings.metrics != Metrics.OFF:
        everybody = settings.metrics == Metrics.OPEN or entrance.tickets is None
        found.append(
            metrics_surface(meters, threads, allowed=None if everybody else entrance.people.authority.is_site_admin)
        )
    return found


def tickets(service: TokenService | None, threads: Threads, *, timeout: float) -> Sequence[Surface]:
    """Make the token endpoint, if there are logins."""
    if service is None:
        return ()
    endpoint = TokenEndpoint(service.door, service.issuer, threads, timeout)
    return (Surface(TOKEN_PATH, endpoint, open=True),)


def trusts(entrance: Entrance, gate: Gate, settings: Settings) -> Trusts:
    """Make the part of the JSON API that is about CI services."""
    keeper = trusts_of(entrance.people, gate)
    return Trusts(keeper, entrance.people, audience=settings.url or SERVICE)


def upkeep(caretaker: Caretaker, entrance: Entrance) -> Upkeep:
    """Make the part of the JSON API that is about what keeps the hub sound."""
    login = entrance.access.challenge is not None
    return Upkeep(caretaker, entrance.people.authority.site if login else lambda _: None)


def tasks(foreman: Foreman, entrance: Entrance) -> Tasks:
    """Make the part of the JSON API that is about what the hub does by itself."""
    login = entrance.access.challenge is not None
    return Tasks(foreman, entrance.people.authority.site if login else lambda _: None)


def upkeep_gauges(caretaker: Caretaker) -> Sequence[Gauge]:
    """Tell what upkeep found, for those who watch the hub."""

    def ended() -> Mapping[str, float]:
        reports = caretaker.reports()
        found = {"garbage": reports.garbage, "scrub": reports.scrub}
        return {kind: report.ended_at.timestamp() for kind, report in found.items() if report is not None}

    return (
        Gauge("damaged_blobs", "Blobs whose bytes are damaged or missing", "", lambda: {"": caretaker.damaged()}),
        Gauge("upkeep_ended_seconds", "When upkeep was last done, in seconds since 1970", "kind", ended),
    )


def api(
    registry: Registry, entrance: Entrance, settings: Settings, *, threads: Threads, more: Sequence[object] = ()
) -> "Described":
    """Make the JSON API.

    Args:
        registry: What is served.
        entrance: Who may come in, and accounts.
        settings: How the hub runs.
        threads: Where waiting is done.
        more: Further resources.
    """
    people, challenge = entrance.people, entrance.access.challenge
    login = challenge is not None
    resources = (
        Whoami(people),
        Hub(settings, registry.overview, login=login, admit=people.authority.site if login else lambda _: None),
        Repositories(registry, people),
        Versions(registry),
        Search(registry),
        Files(registry),
        Insights(registry),
        Comparisons(registry),
        Tags(registry),
        Users(people),
        Teams(people),
        Namespaces(people),
        Grants(people),
        Tokens(people),
        Events(registry, people),
        Rules(registry),
        Trash(registry),
        *more,
    )
    made = Api(resources, threads, challenge=challenge, timeout=settings.body_timeout)
    return Described(PREFIX, made, public=PUBLIC, problem=error_problem, document=lambda: made.document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described(Surface):
    """The JSON API.

    Attributes:
        document: Gives the document that describes it.
    """

    document: Callable[[], bytes]
