"""What the hub answers, beside the registry's own API: pages, and whatever stands below a path of its own."""

from collections.abc import Sequence
from datetime import UTC, datetime

from orchard.hub.http import Site, Surface
from orchard.hub.http.pages import Pages
from orchard.hub.registry import Registry


def site(registry: Registry, *, login: bool) -> Site:
    """Make what people see."""
    pages = Pages(registry, now=lambda: datetime.now(UTC), login=login)
    return Site(routes=pages.routes(), problem=pages.problem, public=pages.public)


def surfaces() -> Sequence[Surface]:
    """Make what programs see."""
    return ()
