"""Where bytes are: how many, whose, whether they are sound, and which of them nobody needs."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from orchard.hub.access import Principal
from orchard.hub.http.pages.admin.frame import HOME, ROWS, Frame, Take, Visit, back, next_url
from orchard.hub.http.pages.admin.jobs import Job, mark_of
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.live import State as Change
from orchard.hub.http.pages.live import Stream
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import NO_TROUBLE, Trouble, take
from orchard.hub.jobs.collecting import COLLECT
from orchard.hub.jobs.scrubbing import SCRUB
from orchard.hub.queue import Record, State
from orchard.hub.registry import Page

PATH: Final = f"{HOME}/storage"
_LIVE: Final = f"/live{PATH}"
_DAMAGED: Final = 20  # of a list, on one page
_LATEST: Final = 5  # jobs


class StoragePage:
    """Makes the page about what is stored."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._means = frame.means
        self._deeds: dict[str, Take] = {"rehearse": self._rehearse, "collect": self._collect, "scrub": self._scrub}

    def doors(self) -> list[Door | Stream]:
        """Give the page, and where is told how far upkeep is."""
        return [self._frame.door(PATH, self.show, self.change), Stream(_LIVE, self.look)]

    def show(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show what is stored, by namespace, and what upkeep came to."""
        means = self._means
        allotment = means.registry.allotment(visit.who)
        found = allotment.holdings(part=visit.asked("q").lower(), after=visit.asked("after"), limit=ROWS + 1)
        damages = means.caretaker.damages(Page(visit.asked("damaged", 200), _DAMAGED + 1))
        jobs = [Job.of(one) for one in self._jobs()]
        return self._frame.page(
            visit,
            "storage.html",
            "storage",
            trouble=trouble,
            settings=means.settings,
            space=means.space(),
            totals=means.registry.overview.totals(),
            reports=means.caretaker.reports(),
            jobs=jobs,
            alive=any(job.alive for job in jobs),
            live=_LIVE,
            mark=_mark(self._jobs()),
            query=visit.asked("q").lower(),
            holdings=found[:ROWS],
            following=next_url(visit, after=found[ROWS - 1].namespace) if len(found) > ROWS else "",
            first=not visit.asked("after"),
            damages=damages[:_DAMAGED],
            further=next_url(visit, damaged=str(damages[_DAMAGED - 1].digest)) if len(damages) > _DAMAGED else "",
        )

    def change(self, visit: Visit, form: Form) -> Response:
        """Begin what a form says."""
        return take(self._deeds, self.show, visit, form=form)

    def look(self, _: Request, who: Principal) -> Change:
        """Tell how far upkeep is."""
        self._means.admit(who)
        found = self._jobs()
        return Change(_mark(found), ended=all(one.state not in {State.WAITING, State.RUNNING} for one in found))

    def _jobs(self) -> list[Record]:
        return self._means.foreman.tasks(kinds=[COLLECT, SCRUB], limit=_LATEST)

    def _rehearse(self, _: Visit, __: Form) -> Response:
        self._means.caretaker.collect_garbage(rehearse=True)
        return back(PATH, "again")

    def _collect(self, _: Visit, __: Form) -> Response:
        self._means.caretaker.collect_garbage(rehearse=False)
        return back(PATH, "again")

    def _scrub(self, _: Visit, form: Form) -> Response:
        self._means.caretaker.scrub(everything=form.ticked("everything"))
        return back(PATH, "again")


def _mark(found: list[Record]) -> str:
    return "_".join(
        f"{one.id}-{mark_of(one)}" for one in found if one.state in {State.WAITING, State.RUNNING}
    ) or "-".join(one.id for one in found)
