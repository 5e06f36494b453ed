"""The section itself: its link, and all its pages."""

from collections.abc import Sequence

from orchard.hub.access import Principal
from orchard.hub.http.pages.admin.frame import HOME, Frame
from orchard.hub.http.pages.admin.happenings import EventPage
from orchard.hub.http.pages.admin.hooks import HookPages
from orchard.hub.http.pages.admin.jobs import JobPages
from orchard.hub.http.pages.admin.means import Means
from orchard.hub.http.pages.admin.mirrors import MirrorPages
from orchard.hub.http.pages.admin.namespaces import NamespacePages
from orchard.hub.http.pages.admin.overview import OverviewPage
from orchard.hub.http.pages.admin.rules import RulePages
from orchard.hub.http.pages.admin.storage import StoragePage
from orchard.hub.http.pages.admin.teams import TeamPages
from orchard.hub.http.pages.admin.users import UserPages
from orchard.hub.http.pages.live import Stream
from orchard.hub.http.pages.rendering import Link, Renderer
from orchard.hub.http.pages.sections import Door

_PAGES = (
    OverviewPage,
    UserPages,
    TeamPages,
    NamespacePages,
    RulePages,
    StoragePage,
    JobPages,
    HookPages,
    MirrorPages,
    EventPage,
)


class Admin:
    """Pages for whoever administers the hub; where nobody logs in, for whoever is on its machine."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def links(self, who: Principal) -> Sequence[Link]:
        """Give the link to the first page, to administrators alone."""
        return [Link("Admin", HOME)] if self._means.may(who) else []

    def doors(self, renderer: Renderer) -> Sequence[Door | Stream]:
        """Make the pages."""
        frame = Frame(renderer, self._means)
        return [door for pages in _PAGES for door in pages(frame).doors()]
