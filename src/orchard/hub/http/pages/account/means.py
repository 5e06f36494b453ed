"""What the pages about people and their own things work with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orchard.hub.access import People
from orchard.hub.registry import Registry
from orchard.hub.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What pages work with.

    Attributes:
        registry: What the hub keeps.
        people: Accounts and rights.
        settings: How the hub runs.
        login: Whether there are accounts.
        check: Looks at the name and the password of an account that comes from an address; raises an
            ``UnauthenticatedError`` if they are wrong, and a ``RateLimitedError`` if too many were.
        places: What buttons say of the places that people log in at elsewhere, by who signs there.
    """

    registry: Registry
    people: People
    settings: Settings
    login: bool
    check: Callable[[str, str, str], object]
    places: Mapping[str, str]
