"""What the pages of administrators work with, chosen by the settings."""

import shutil
from dataclasses import dataclass

from orchard.hub.access import Mandate, Principal
from orchard.hub.access.trusts import Trusts
from orchard.hub.app.outgoing import Keepers
from orchard.hub.app.people import Entrance
from orchard.hub.http.pages.admin import Admin, Means, Space
from orchard.hub.jobs.caretaking import Caretaker
from orchard.hub.jobs.tending import Foreman
from orchard.hub.registry import Registry
from orchard.hub.settings import Settings


@dataclass(frozen=True, slots=True)
class Staff:
    """Who does what administrators ask for.

    Attributes:
        caretaker: Upkeep.
        foreman: Tasks.
        kept: What leads out of the hub.
        trusts: CI services.
    """

    caretaker: Caretaker
    foreman: Foreman
    kept: Keepers
    trusts: Trusts


def administration(settings: Settings, registry: Registry, entrance: Entrance, *, staff: Staff) -> Admin:
    """Make the pages of administrators."""
    login, authority = entrance.access.challenge is not None, entrance.people.authority
    means = Means(
        settings=settings,
        login=login,
        may=authority.is_site_admin if login else lambda _: True,
        admit=authority.site if login else _inside,
        people=entrance.people,
        registry=registry,
        caretaker=staff.caretaker,
        foreman=staff.foreman,
        hooks=staff.kept.hooks,
        mirrors=staff.kept.mirrors,
        proxies=staff.kept.proxies,
        trusts=staff.trusts,
        space=lambda: _space(settings),
    )
    return Admin(means)


def _inside(who: Principal) -> Mandate:
    """Let whoever can reach a hub without logins do everything: nobody else can reach it."""
    return Mandate.operator(who.name)


def _space(settings: Settings) -> Space | None:
    """Measure the disk that holds blobs, if one does and it can be told."""
    if settings.storage is not None and "://" in settings.storage:
        return None
    try:
        found = shutil.disk_usage(settings.data if settings.storage is None else settings.storage)
    except OSError:
        return None
    return Space(found.free, found.total)
