"""The settings of a namespace: whose it is, who reads it, who may what, what lasts, what is kept."""

from typing import Final

from starlette.responses import Response

from orchard.errors import DeniedError, InvalidError, NotFoundError
from orchard.hub.access import Kind, Namespace, Party, Principal, Role, Target, check_name
from orchard.hub.http.pages import answers
from orchard.hub.http.pages.account.frame import Frame, Show, Visit, back, deeds
from orchard.hub.http.pages.account.governing import KINDS, MOVERS, Governing, Rules
from orchard.hub.http.pages.account.granting import Granting
from orchard.hub.http.pages.account.reading import visibility_of
from orchard.hub.http.pages.account.teams import READERS
from orchard.hub.http.pages.answers import Step
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import NO_TROUBLE, Trouble, confirmed

PATH: Final = "/n/{namespace}/-/settings"
_DELETED: Final = 50  # repositories that are listed


class NamespaceSettings:
    """Makes the page on which a namespace is changed."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._people = frame.means.people
        self._registry = frame.means.registry
        self._granting = Granting(frame, _target)
        self._governing = Governing(frame, _name)
        self._change = deeds(
            {
                "visibility": self._visibility,
                "give": self._give,
                "delete": self._delete,
                **self._granting.deeds,
                **self._governing.deeds,
            },
            self.settings,
        )

    def doors(self) -> list[Door]:
        """Give the page."""
        return [self._frame.door(PATH, self._guarded(self.settings), self._change)]

    def settings(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show what is said of a namespace."""
        name = _name(visit)
        found = self._found(visit.who, name)
        governed = self._registry.governed(visit.who, name)
        owns = found is not None and self._owns(visit.who, name)
        return self._frame.page(
            visit,
            "namespace.html",
            trouble=trouble,
            name=name,
            namespace=found,
            rules=Rules.of(governed),
            kinds=KINDS,
            movers=MOVERS,
            owns=owns,
            grants=self._granting.given(visit.who, _target(visit)) if owns else [],
            visibilities=READERS,
            deleted=governed.deleted(limit=_DELETED),
        )

    def _found(self, who: Principal, name: str) -> Namespace | None:
        """Find a namespace; none where there are no accounts, and so none of anybody.

        Raises:
            NotFoundError: If there is none that ``who`` may see.
        """
        return self._people.directory.namespace(who, name) if self._frame.means.login else None

    def _owns(self, who: Principal, name: str) -> bool:
        standing = self._people.rights.standing(who, name)
        return who.whole and (standing.site_admin or standing.namespaces.get(name) is Role.OWNER)

    def _guarded(self, show: Show) -> Show:
        """Send administrators on to make a namespace that nobody has made so far."""

        def shown(visit: Visit) -> Response:
            try:
                return show(visit)
            except InvalidError as error:
                raise NotFoundError(str(error)) from error
            except NotFoundError as error:
                if visit.who.kind is Kind.ANONYMOUS or not self._people.authority.is_site_admin(visit.who):
                    raise
                step = Step("Make this namespace.", f"/account/new/namespace?name={_name(visit)}")
                return self._frame.renderer.problem(visit.request, answers.missing(f"{answers.sentence(error)}", step))

        return shown

    def _visibility(self, visit: Visit, form: Form) -> Response:
        name = _name(visit)
        self._found(visit.who, name)
        by = self._people.authority.namespace(visit.who, name)
        visibility = visibility_of(form.word("visibility"))
        if visibility is None:
            raise InvalidError("choose who reads what is in the namespace")
        self._people.namespaces.set_visibility(by, name, visibility)
        return back(visit.request.url.path, "visibility")

    def _give(self, visit: Visit, form: Form) -> Response:
        name = _name(visit)
        self._found(visit.who, name)
        by = self._people.authority.namespace(visit.who, name)
        self._people.namespaces.give(by, name, Party.parse(f"{form.word('kind')}:{form.word('name')}"))
        try:
            self._found(visit.who, name)
        except (NotFoundError, DeniedError):
            return back("/account", "given")
        return back(visit.request.url.path, "given")

    def _delete(self, visit: Visit, form: Form) -> Response:
        name = _name(visit)
        self._found(visit.who, name)
        by = self._people.authority.namespace(visit.who, name)
        confirmed(form, name)
        self._people.namespaces.delete(by, name)
        return back("/account", "namespace-deleted")


def _name(visit: Visit) -> str:
    """Name the namespace that a page is about.

    Raises:
        NotFoundError: If it can be none.
    """
    try:
        return check_name(visit.place("namespace"), "a namespace")
    except InvalidError as error:
        raise NotFoundError(str(error)) from error


def _target(visit: Visit) -> Target:
    return Target.parse(_name(visit))
