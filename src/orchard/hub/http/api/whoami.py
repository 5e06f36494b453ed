"""Who asks."""

from orchard.hub.access import ANONYMOUS, Principal
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import Output


class Identity(Output, frozen=True):
    """Who you are to this hub.

    Attributes:
        name: Your account; anonymous if you did not log in.
        anonymous: Whether you did not log in.
    """

    name: str
    anonymous: bool


class Whoami:
    """Who asks."""

    @operation("GET", "/whoami")
    def whoami(self, who: Principal) -> Identity:
        """Say who you are to this hub."""
        return Identity(who.name, who == ANONYMOUS)
