"""What happened on the hub, for administrators: who did what, and when."""

from typing import Final

from starlette.responses import Response

from orchard.errors import InvalidError
from orchard.hub.catalog import EventFilter
from orchard.hub.http.pages.admin.frame import HOME, ROWS, Frame, Visit, next_url
from orchard.hub.http.pages.admin.reading import day_of
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import NO_TROUBLE, Trouble

PATH: Final = f"{HOME}/events"
_MOST: Final = 255  # characters of what is looked for


class EventPage:
    """Makes the page about what happened."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._overview = frame.means.registry.overview

    def doors(self) -> list[Door]:
        """Give the page."""
        return [self._frame.door(PATH, self.show)]

    def show(self, visit: Visit) -> Response:
        """List what happened, newest first; only by whom, what, where and when is asked for."""
        asked = {name: visit.asked(name, _MOST) for name in ("account", "action", "repository", "since", "until")}
        before = visit.asked("before")
        trouble, found = NO_TROUBLE, []
        try:
            wanted = EventFilter(
                account=asked["account"],
                action=asked["action"],
                repository=asked["repository"],
                since=day_of(asked["since"]),
                until=day_of(asked["until"]),
            )
            number = int(before) if before.isascii() and before.isdecimal() and len(before) < 19 else None  # noqa: PLR2004 -- fits
            found = self._overview.all_events(visit.by, before=number, limit=ROWS + 1, wanted=wanted)
        except InvalidError as error:
            trouble = Trouble.of(error, Form({"do": ("look",)}))
        return self._frame.page(
            visit,
            "events.html",
            "events",
            trouble=trouble,
            asked=asked,
            filtered=any(asked.values()),
            events=found[:ROWS],
            following=next_url(visit, before=str(found[ROWS - 1].number)) if len(found) > ROWS else "",
            first=not before,
        )
