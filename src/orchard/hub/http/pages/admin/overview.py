"""The first page of administrators: what the hub is, what it keeps, and what needs attention."""

from typing import Final

from starlette.responses import Response

from orchard import __version__
from orchard.hub.catalog import Totals
from orchard.hub.catalog.usage import EVERYWHERE
from orchard.hub.http.origin import origin_of
from orchard.hub.http.pages.admin.concerns import Condition, concerns
from orchard.hub.http.pages.admin.frame import HOME, Frame, Visit
from orchard.hub.http.pages.sections import Door
from orchard.hub.queue import State

_LOOKED_AT: Final = 1000  # namespaces
_STATES: Final = (State.RUNNING, State.WAITING, State.FAILED)


class OverviewPage:
    """Makes the first page of administrators."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._means = frame.means

    def doors(self) -> list[Door]:
        """Give the page."""
        return [self._frame.door(HOME, self.show)]

    def show(self, visit: Visit) -> Response:
        """Show how the hub is."""
        means, settings = self._means, self._means.settings
        totals = means.registry.overview.totals()
        reports, counts, space = means.caretaker.reports(), means.foreman.counts(), means.space()
        condition = Condition(
            damaged=means.caretaker.damaged(),
            reports=reports,
            counts=counts,
            hooks=means.hooks.kept(visit.who),
            mirrors=means.mirrors.kept(visit.who),
            space=space,
            full=self._full(visit),
            empty=not totals.manifests,
        )
        request = visit.request
        return self._frame.page(
            visit,
            "overview.html",
            "",
            version=__version__,
            settings=settings,
            reached=origin_of(request.scope, dict(request.scope["headers"])),
            counted=_counted(totals),
            totals=totals,
            reports=reports,
            damaged=condition.damaged,
            space=space,
            jobs=[(state.value, sum(number for (_, of), number in counts.items() if of is state)) for state in _STATES],
            concerns=concerns(condition, settings, self._frame.renderer.now()),
        )

    def _full(self, visit: Visit) -> list[str]:
        """Name the namespaces that keep as much as they may."""
        allotment = self._means.registry.allotment(visit.who)
        _, default = allotment.get(EVERYWHERE)
        found = []
        for one in allotment.holdings(limit=_LOOKED_AT):
            quota = one.quota or default
            if quota is not None and quota.bytes is not None and 0 < quota.bytes <= one.bytes:
                found.append(one.namespace)
        return found


def _counted(totals: Totals) -> list[tuple[str, int]]:
    return [
        ("Repositories", totals.repositories),
        ("Manifests", totals.manifests),
        ("Tags", totals.tags),
        ("Blobs", totals.blobs),
    ]
