"""The hub itself."""

from orchard import __version__
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import Output


class HubInfo(Output, frozen=True):
    """What this hub is.

    Attributes:
        version: The version of Orchard that it runs.
        login: Whether changes need a login.
    """

    version: str
    login: bool


class Hub:
    """The hub itself."""

    def __init__(self, *, login: bool) -> None:
        self._info = HubInfo(__version__, login)

    @operation("GET", "/hub")
    def get_hub(self) -> HubInfo:
        """Say what this hub is."""
        return self._info
