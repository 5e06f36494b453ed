"""The pages on which people find things, as a part of the site."""

from collections.abc import Sequence

from orchard.hub.access import Principal
from orchard.hub.http.pages.finding.namespace import NamespacePage
from orchard.hub.http.pages.finding.ports import Directory, Keeping
from orchard.hub.http.pages.finding.searching import SearchPages
from orchard.hub.http.pages.rendering import Link, Renderer
from orchard.hub.http.pages.sections import Door


class Finding:
    """Pages on which people find things.

    Args:
        keeping: What the hub keeps.
        directory: Whose namespaces are whose.
        login: Whether there are accounts.
    """

    def __init__(self, keeping: Keeping, directory: Directory, *, login: bool) -> None:
        self._keeping = keeping
        self._directory = directory
        self._login = login

    def links(self, who: Principal) -> Sequence[Link]:  # noqa: ARG002 -- the same for all
        """Give none: the box to search in stands in the head of every page."""
        return ()

    def doors(self, renderer: Renderer) -> Sequence[Door]:
        """Make the pages."""
        searching = SearchPages(self._keeping, renderer)
        namespace = NamespacePage(self._keeping, self._directory, renderer, login=self._login)
        return [
            Door("/search", searching.search),
            Door("/search/fields", searching.fields),
            Door("/n/{namespace}", namespace.show),
        ]
