"""Mirrors and proxies, for administrators: what is kept like what, and how the last run went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from orchard.errors import InvalidError, NotFoundError
from orchard.hub.access import Principal
from orchard.hub.catalog.mirrors import FAILED, RUNNING, Mirror
from orchard.hub.db import moment
from orchard.hub.http.pages.admin.frame import HOME, Frame, Take, Visit, back
from orchard.hub.http.pages.admin.reading import count_of
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.live import State as Change
from orchard.hub.http.pages.live import Stream
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import NO_TROUBLE, Trouble, take
from orchard.oci import loads

PATH: Final = f"{HOME}/mirrors"
_LIVE: Final = f"/live{PATH}"
_MOST: Final = 200  # of each, on the page
_REPORT: Final = 1 << 20  # bytes
_FAILURES: Final = 5


@dataclass(frozen=True, slots=True)
class Row:
    """A mirror as the page shows it.

    Attributes:
        due: When it runs next by the clock.
        ended: When the last run did.
        said: What came of it.
        failures: Why tags could not be copied, by tag, the first of them.
    """

    mirror: Mirror
    due: datetime | None
    ended: datetime | None
    said: str
    failures: Sequence[tuple[str, str]]


class MirrorPages:
    """Makes the page about mirrors and proxies."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._mirrors = frame.means.mirrors
        self._proxies = frame.means.proxies
        self._deeds: dict[str, Take] = {"run": self._run, "delete": self._delete, "unproxy": self._unproxy}

    def doors(self) -> list[Door | Stream]:
        """Give the page, and where is told that a run has begun or ended."""
        return [self._frame.door(PATH, self.show, self.change), Stream(_LIVE, self.look)]

    def show(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """List mirrors and proxies with their state."""
        found = self._mirrors.kept(visit.who)
        proxies = self._proxies.kept(visit.who)
        return self._frame.page(
            visit,
            "mirrors.html",
            "mirrors",
            trouble=trouble,
            rows=[_row(one) for one in found[:_MOST]],
            beyond=max(0, len(found) - _MOST),
            proxies=[(one, moment(one.created_at)) for one in proxies[:_MOST]],
            beyond_proxies=max(0, len(proxies) - _MOST),
            live=_LIVE,
            mark=_mark(found),
            running=any(one.state == RUNNING for one in found),
        )

    def change(self, visit: Visit, form: Form) -> Response:
        """Do what a form says."""
        return take(self._deeds, self.show, visit, form=form)

    def look(self, _: Request, who: Principal) -> Change:
        """Tell whether a run has begun or ended."""
        self._frame.means.admit(who)
        found = self._mirrors.kept(who)
        return Change(_mark(found), ended=not any(one.state == RUNNING for one in found))

    def _run(self, visit: Visit, form: Form) -> Response:
        task = self._mirrors.run(visit.who, _number(form))
        return back(f"{HOME}/jobs/{task}", "again")

    def _delete(self, visit: Visit, form: Form) -> Response:
        self._mirrors.remove(visit.who, _number(form))
        return back(PATH, "mirror-gone")

    def _unproxy(self, visit: Visit, form: Form) -> Response:
        self._proxies.remove(visit.who, form.word("namespace"))
        return back(PATH, "proxy-gone")


def _number(form: Form) -> int:
    """Read the number of a mirror.

    Raises:
        NotFoundError: If it can be none.
    """
    try:
        return count_of(form.word("mirror"), "a mirror") or 0
    except InvalidError as error:
        raise NotFoundError("there is no such mirror") from error


def _row(mirror: Mirror) -> Row:
    report = loads(mirror.report.encode(), what="a report", limit=_REPORT) if mirror.report else {}
    assert isinstance(report, dict)
    failed = report.get("failed")
    failures = [(tag, str(why)) for tag, why in failed.items()] if isinstance(failed, dict) else []
    return Row(
        mirror,
        None if mirror.due_at is None else moment(mirror.due_at),
        None if mirror.ended_at is None else moment(mirror.ended_at),
        f"{report['set']} tags set, {report['same']} right already" if "set" in report and "same" in report else "",
        failures[:_FAILURES] if mirror.state == FAILED else [],
    )


def _mark(found: Sequence[Mirror]) -> str:
    return "_".join(f"{one.id}.{one.state}.{one.ended_at}" for one in found if one.state == RUNNING) or str(
        max((one.ended_at or 0 for one in found), default=0)
    )
