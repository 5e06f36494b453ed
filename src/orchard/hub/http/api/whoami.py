"""Who asks."""

from orchard.hub.access import Kind, People, Principal
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import Output


class Identity(Output, frozen=True):
    """Who you are to this hub.

    Attributes:
        name: Your account; of a robot, `namespace+name`; anonymous if you did not log in.
        kind: What sort of somebody you are.
        account: Whether you may act for the account, and not only use repositories as far as a token goes.
        site_admin: Whether you may do everything.
    """

    name: str
    kind: Kind
    account: bool
    site_admin: bool


class Whoami:
    """Who asks."""

    def __init__(self, people: People) -> None:
        self._people = people

    @operation("GET", "/whoami")
    def whoami(self, who: Principal) -> Identity:
        """Say who you are to this hub."""
        admin = who.whole and self._people.rights.standing(who, "").site_admin
        return Identity(name=who.name, kind=who.kind, account=who.whole, site_admin=admin)
