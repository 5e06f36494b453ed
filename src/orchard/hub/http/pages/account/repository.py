"""The settings of a repository: who reads it, who may what, what lasts, what is kept, its trash, its end."""

from typing import Final

from starlette.responses import Response

from orchard.errors import ConflictError, DeniedError, InvalidError, NotFoundError
from orchard.hub.access import Action, Kind, Name, Principal, Target, Visibility, checked_repository, namespace_of
from orchard.hub.http.pages.above import SETTINGS, card_of, frame
from orchard.hub.http.pages.account.frame import Frame, Show, Visit, back, deeds
from orchard.hub.http.pages.account.governing import KINDS, MOVERS, Governing, Outcome, Rules
from orchard.hub.http.pages.account.granting import Granting
from orchard.hub.http.pages.account.reading import number_of, visibility_of
from orchard.hub.http.pages.addresses import Target as Address
from orchard.hub.http.pages.addresses import leaf_url
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.ports import Visit as Look
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import NO_TROUBLE, Trouble, confirmed

RETENTION: Final = "retention"
TRASH: Final = "trash"
_ENTRIES: Final = 50  # of the trash, on one page


class RepositorySettings:
    """Makes the pages on which a repository is changed."""

    def __init__(self, made: Frame) -> None:
        self._frame = made
        self._people = made.means.people
        self._registry = made.means.registry
        self._granting = Granting(made, _target)
        self._governing = Governing(made, _name, self._preview)
        self._change = deeds(
            {
                "visibility": self._visibility,
                "delete": self._delete,
                **self._granting.deeds,
                **self._governing.deeds,
            },
            self.settings,
        )
        self._run = deeds({"run": self._retain}, self.retention)
        self._back = deeds({"restore": self._restore, "purge": self._purge}, self.trash)

    def doors(self) -> list[Door]:
        """Give the pages."""
        return [
            self._frame.door(f"/r/{{name:repository}}/-/{SETTINGS}", self._guarded(self.settings), self._change),
            self._frame.door(f"/r/{{name:repository}}/-/{RETENTION}", self._guarded(self.retention), self._run),
            self._frame.door(f"/r/{{name:repository}}/-/{TRASH}", self._guarded(self.trash), self._back),
        ]

    def settings(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show what is said of a repository."""
        name = _name(visit)
        self._require_sight(visit.who, name)
        governed = self._registry.governed(visit.who, name)
        owns = self._frame.means.login and self._registry.may(visit.who, Action.OWN, name)
        look = Look(visit.request, visit.who, Address(name, leaf=SETTINGS))
        return self._frame.page(
            visit,
            "repository.html",
            trouble=trouble,
            rules=Rules.of(governed),
            kinds=KINDS,
            movers=MOVERS,
            owns=owns,
            may_delete=self._registry.may(visit.who, Action.DELETE, name),
            grants=self._granting.given(visit.who, _target(visit)) if owns else [],
            visibility=self._people.namespaces.visibility(name) if owns else None,
            namespace=self._namespace(name),
            keep_deleted=self._frame.means.settings.keep_deleted,
            **frame(self._registry, look, card_of(self._registry, look)),
        )

    def retention(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show what retention would do now."""
        name = _name(visit)
        self._require_sight(visit.who, name)
        governed = self._registry.governed(visit.who, name)
        outcome = Outcome.of(governed.plan())
        return self._plan(visit, outcome, trouble=trouble)

    def trash(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show what was deleted and can come back; also of a repository that is there no more."""
        name = _name(visit)
        self._require_sight(visit.who, name)
        before = number_of(visit.asked("before"), "where a page begins")
        found = self._registry.deletable(visit.who, name).trash(before=before, limit=_ENTRIES + 1)
        return self._frame.page(
            visit,
            "trash.html",
            trouble=trouble,
            name=name,
            entries=found[:_ENTRIES],
            following=f"{visit.request.url.path}?before={found[_ENTRIES - 1].id}" if len(found) > _ENTRIES else "",
            there=self._registry.holds(visit.who, name),
            may_purge=self._registry.may(visit.who, Action.GOVERN, name),
            keep_deleted=self._frame.means.settings.keep_deleted,
        )

    def _guarded(self, show: Show) -> Show:
        """Let a repository that may not be seen look like none."""

        def shown(visit: Visit) -> Response:
            try:
                return show(visit)
            except InvalidError as error:
                raise NotFoundError(str(error)) from error
            except DeniedError:
                self._require_sight(visit.who, _name(visit))
                raise

        return shown

    def _require_sight(self, who: Principal, name: str) -> None:
        """Refuse whoever does not see a repository as if it were not there.

        Raises:
            DeniedError: If that is so, and they have not logged in.
            NotFoundError: If that is so, and they have.
        """
        if not self._registry.may(who, Action.PULL, name):
            if who.kind is Kind.ANONYMOUS:
                raise DeniedError(f"there is no repository {name} that everybody can see; log in to see more")
            raise NotFoundError(f"there is no repository {name} that you can see")

    def _namespace(self, name: str) -> Visibility | None:
        """Tell who reads repositories of the namespace that say nothing themselves."""
        if not self._frame.means.login:
            return None
        found = self._people.namespaces.named([namespace_of(name)])
        return found[0].visibility if found else Visibility.PRIVATE

    def _preview(self, visit: Visit, form: Form, outcome: Outcome) -> Response:
        """Show what would come of other rules, and ask whether they shall hold."""
        fields = {key: values[0] for key, values in form.fields.items() if values}
        return self._plan(visit, outcome, wanted={**fields, "seen": "yes"})

    def _plan(
        self,
        visit: Visit,
        outcome: Outcome,
        *,
        trouble: Trouble = NO_TROUBLE,
        wanted: dict[str, str] | None = None,
    ) -> Response:
        name = _name(visit)
        return self._frame.page(
            visit,
            "retention.html",
            trouble=trouble,
            name=name,
            outcome=outcome,
            wanted=wanted,
            keep_deleted=self._frame.means.settings.keep_deleted,
        )

    def _visibility(self, visit: Visit, form: Form) -> Response:
        name = _name(visit)
        by = self._people.authority.repository(visit.who, name)
        self._people.namespaces.set_repository_visibility(by, name, visibility_of(form.word("visibility")))
        return back(visit.request.url.path, "visibility")

    def _delete(self, visit: Visit, form: Form) -> Response:
        name = _name(visit)
        deletable = self._registry.deletable(visit.who, name)
        confirmed(form, name)
        deletable.delete_repository()
        return back(leaf_url(name, None, TRASH), "deleted")

    def _retain(self, visit: Visit, form: Form) -> Response:
        name = _name(visit)
        if not form.word("mark"):
            raise ConflictError("the form does not say what was looked at")
        self._registry.governed(visit.who, name).retain(mark=form.word("mark"))
        return back(leaf_url(name, None, TRASH), "retained")

    def _restore(self, visit: Visit, form: Form) -> Response:
        name = _name(visit)
        self._registry.deletable(visit.who, name).restore(number_of(form.word("entry"), "an entry") or 0)
        return back(leaf_url(name, None, TRASH), "restored")

    def _purge(self, visit: Visit, form: Form) -> Response:
        name = _name(visit)
        self._registry.governed(visit.who, name).purge(number_of(form.word("entry"), "an entry") or 0)
        return back(leaf_url(name, None, TRASH), "purged")


def _name(visit: Visit) -> str:
    """Name the repository that a page is about.

    Raises:
        NotFoundError: If it can be none.
    """
    found = Address.parse(visit.place("name"))
    if found.leaf or found.version is not None:
        raise NotFoundError("there is no such page")
    return found.repository


def _target(visit: Visit) -> Target:
    name = _name(visit)
    return Target(Name(namespace_of(name)), checked_repository(name))
