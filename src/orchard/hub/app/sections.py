"""Pages beside the repositories: each part of the hub adds those that are about it."""

from collections.abc import Callable, Sequence

from orchard.hub.app.people import Entrance
from orchard.hub.http.pages import Section
from orchard.hub.http.pages.apidocs import ApiDocs
from orchard.hub.http.pages.finding import Finding
from orchard.hub.registry import Registry


def sections(registry: Registry, entrance: Entrance, document: Callable[[], bytes]) -> Sequence[Section]:
    """Make them, in the order in which their links stand in the head of pages."""
    login = entrance.access.challenge is not None
    return (Finding(registry, entrance.people.directory, login=login), ApiDocs(document, login=login))
