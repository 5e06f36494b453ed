"""Roles that are given in a namespace or in one repository: the forms."""

from collections.abc import Callable, Mapping
from typing import Final

from starlette.responses import Response

from orchard.hub.access import Grant, Mandate, Party, Principal, Target
from orchard.hub.http.pages.account.frame import Frame, Take, Visit, back
from orchard.hub.http.pages.account.reading import role_of
from orchard.hub.http.pages.forms import Form

GIVEN: Final = 500  # that are listed


class Granting:
    """Takes the forms about roles, wherever they are.

    Args:
        frame: Makes pages.
        target: What a page is about.
    """

    def __init__(self, frame: Frame, target: Callable[[Visit], Target]) -> None:
        self._people = frame.means.people
        self._target = target

    @property
    def deeds(self) -> Mapping[str, Take]:
        """What can be done."""
        return {"grant": self._put, "ungrant": self._remove}

    def given(self, who: Principal, target: Target) -> list[Grant]:
        """List the roles that were given in this very place.

        Raises:
            DeniedError: Unless ``who`` may change them.
        """
        return [one for one in self._people.directory.grants_in(who, target) if one.target == target][:GIVEN]

    def _put(self, visit: Visit, form: Form) -> Response:
        target = self._target(visit)
        by = self._mandate(visit.who, target)
        self._people.grants.put(by, _party(form), target, role=role_of(form.word("role")))
        return back(visit.request.url.path, "granted")

    def _remove(self, visit: Visit, form: Form) -> Response:
        target = self._target(visit)
        by = self._mandate(visit.who, target)
        self._people.grants.remove(by, _party(form), target)
        return back(visit.request.url.path, "ungranted")

    def _mandate(self, who: Principal, target: Target) -> Mandate:
        if target.repository is None:
            return self._people.authority.namespace(who, target.namespace)
        return self._people.authority.repository(who, target.repository)


def _party(form: Form) -> Party:
    return Party.parse(f"{form.word('kind')}:{form.word('name')}")
