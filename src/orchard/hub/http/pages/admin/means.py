"""What the pages of administrators work with."""

from collections.abc import Callable
from dataclasses import dataclass

from orchard.hub.access import Mandate, People, Principal
from orchard.hub.access.trusts import Trusts
from orchard.hub.jobs import HookKeeper, MirrorKeeper, ProxyKeeper
from orchard.hub.jobs.caretaking import Caretaker
from orchard.hub.jobs.tending import Foreman
from orchard.hub.registry import Registry
from orchard.hub.settings import Settings


@dataclass(frozen=True, slots=True)
class Space:
    """Room on the disk that holds blobs.

    Attributes:
        free: Bytes that can still be written.
        total: Bytes of the whole disk.
    """

    free: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the pages of administrators work with.

    Attributes:
        settings: How the hub runs.
        login: Whether people log in here.
        may: Tells whether somebody administers the site.
        admit: Gives them the mandate for it, and refuses everybody else.
        people: Accounts and rights.
        registry: What is kept.
        caretaker: Garbage, and bytes that are read again.
        foreman: Tasks.
        hooks: Webhooks.
        mirrors: Mirrors.
        trusts: CI services that namespaces trust.
        proxies: Names that stand for other registries.
        space: Measures the disk that holds blobs; nothing where they are elsewhere.
    """

    settings: Settings
    login: bool
    may: Callable[[Principal], bool]
    admit: Callable[[Principal], Mandate]
    people: People
    registry: Registry
    caretaker: Caretaker
    foreman: Foreman
    hooks: HookKeeper
    mirrors: MirrorKeeper
    proxies: ProxyKeeper
    trusts: Trusts
    space: Callable[[], Space | None]
