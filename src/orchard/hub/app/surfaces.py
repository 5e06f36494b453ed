"""What the hub answers, beside the registry's own API: pages, and whatever stands below a path of its own."""

from collections.abc import Sequence
from datetime import UTC, datetime

from orchard.hub.access import ADMIN
from orchard.hub.http import Site, Surface, Threads
from orchard.hub.http.api import (
    PREFIX,
    PUBLIC,
    Api,
    Events,
    Hub,
    Repositories,
    Tags,
    Versions,
    Whoami,
    error_problem,
)
from orchard.hub.http.meters import Meters
from orchard.hub.http.pages import Pages
from orchard.hub.http.watch import Readiness, health_surface, metrics_surface, readiness_surface
from orchard.hub.registry import Registry
from orchard.hub.settings import Metrics, Settings


def site(registry: Registry, *, login: bool) -> Site:
    """Make what people see."""
    pages = Pages(registry, now=lambda: datetime.now(UTC), login=login)
    return Site(routes=pages.routes(), problem=pages.problem, public=pages.public)


def watch(
    settings: Settings, meters: Meters, readiness: Readiness, *, threads: Threads, login: bool
) -> Sequence[Surface]:
    """Make what machines that watch see."""
    found = [health_surface(threads), readiness_surface(readiness, threads)]
    if settings.metrics != Metrics.OFF:
        everybody = settings.metrics == Metrics.OPEN or not login
        found.append(metrics_surface(meters, threads, allowed=None if everybody else lambda who: who.name == ADMIN))
    return found


def api(registry: Registry, threads: Threads, *, challenge: str | None, timeout: float) -> Surface:
    """Make the JSON API.

    Args:
        registry: What is served.
        threads: Where waiting is done.
        challenge: How to log in, if that is needed.
        timeout: Seconds without one byte of a body after which the hub gives up on it.
    """
    resources = (
        Whoami(),
        Hub(login=challenge is not None),
        Repositories(registry),
        Versions(registry),
        Tags(registry),
        Events(registry),
    )
    return Surface(
        PREFIX,
        Api(resources, threads, challenge=challenge, timeout=timeout),
        public=PUBLIC,
        problem=error_problem,
    )
