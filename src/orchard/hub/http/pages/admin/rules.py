"""What holds for the whole hub: rules for tags, what is kept, what retention would take now, and the trash."""

from typing import Final

from starlette.responses import Response

from orchard.errors import ConflictError, InvalidError, QuotaError
from orchard.hub.access import Role
from orchard.hub.catalog.usage import EVERYWHERE
from orchard.hub.http.pages.admin.frame import HOME, Frame, Take, Visit, back, next_url
from orchard.hub.http.pages.admin.reading import count_of
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import NO_TROUBLE, Trouble, take
from orchard.hub.registry import KeepRule, Kind, Movers
from orchard.oci import check_repository

PATH: Final = f"{HOME}/rules"
RETENTION: Final = f"{HOME}/retention"
TRASH: Final = f"{HOME}/trash"
_PLANS: Final = 20  # repositories, on one page
_GOES: Final = 10  # manifests of one of them
_ENTRIES: Final = 50
KINDS: Final = [
    (Kind.IMMUTABLE.value, "immutable: nobody moves them"),
    (Kind.PROTECTED.value, "protected: only some may"),
]
ROLES: Final = [
    ("", "no role"),
    *((role.value, f"{role.value}s and above") for role in Role if role is not Role.READER),
]


class RulePages:
    """Makes the pages about what holds."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._means = frame.means
        self._deeds: dict[str, Take] = {
            "rule": self._add,
            "unrule": self._remove,
            "keep": self._keep,
            "unkeep": self._unkeep,
        }

    def doors(self) -> list[Door]:
        """Give the pages."""
        return [
            self._frame.door(PATH, self.show, self.change),
            self._frame.door(RETENTION, self.dry_run, self.run),
            self._frame.door(TRASH, self.trash, self.restore),
        ]

    def show(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show what holds for the whole hub."""
        governed = self._means.registry.governed(visit.who, EVERYWHERE)
        return self._frame.page(
            visit,
            "rules.html",
            "rules",
            trouble=trouble,
            tag_rules=governed.tag_rules(),
            retention=governed.retention(),
            kinds=KINDS,
            roles=ROLES,
        )

    def change(self, visit: Visit, form: Form) -> Response:
        """Do what a form says."""
        return take(self._deeds, self.show, visit, form=form)

    def dry_run(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Tell what retention would take now, of the hub, a namespace or a repository."""
        scope = visit.asked("scope", 255) or EVERYWHERE
        try:
            losses = self._means.registry.survey(visit.by).losses(
                _checked(scope), after=visit.asked("after", 255), limit=_PLANS
            )
        except InvalidError as error:
            losses, trouble = None, Trouble.of(error, Form({"do": ("look",)}))
        return self._frame.page(
            visit,
            "retention.html",
            "rules",
            trouble=trouble,
            scope=scope,
            whole=scope == EVERYWHERE,
            losses=losses,
            most=_GOES,
            following=next_url(visit, after=losses.after) if losses is not None and losses.after else "",
            first=not visit.asked("after"),
        )

    def run(self, visit: Visit, form: Form) -> Response:
        """Have retention applied to a scope, as a job."""
        return take({"run": self._run}, self.dry_run, visit, form=form)

    def trash(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """List what was deleted and can come back."""
        before = visit.asked("before")
        number = int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else None  # noqa: PLR2004 -- fits
        found = self._means.registry.survey(visit.by).trash(before=number, limit=_ENTRIES + 1)
        return self._frame.page(
            visit,
            "trash.html",
            "rules",
            trouble=trouble,
            entries=found[:_ENTRIES],
            following=next_url(visit, before=str(found[_ENTRIES - 1].id)) if len(found) > _ENTRIES else "",
            first=number is None,
            kept=self._means.settings.keep_deleted,
        )

    def restore(self, visit: Visit, form: Form) -> Response:
        """Put back what was deleted."""
        return take({"restore": self._restore}, self.trash, visit, form=form)

    def _add(self, visit: Visit, form: Form) -> Response:
        """Add a rule for tags.

        Raises:
            InvalidError: If it makes no sense.
        """
        if form.word("kind") not in set(Kind):
            raise InvalidError(f"{form.word('kind')[:32]!r} is no kind of rule for tags")
        movers = Movers(form.word("role") or None, _names(form.word("users")), _names(form.word("teams")))
        governed = self._means.registry.governed(visit.who, EVERYWHERE)
        governed.add_tag_rule(Kind(form.word("kind")), form.word("pattern"), movers)
        return back(PATH, "rule")

    def _remove(self, visit: Visit, form: Form) -> Response:
        number = count_of(form.word("number"), "a rule") or 0
        self._means.registry.governed(visit.who, EVERYWHERE).remove_tag_rule(number)
        return back(PATH, "rule-gone")

    def _keep(self, visit: Visit, form: Form) -> Response:
        days = count_of(form.word("pushed"), "days"), count_of(form.word("pulled"), "days")
        rule = KeepRule(
            tags=form.word("tags") or None,
            last=count_of(form.word("last"), "versions"),
            pushed_days=None if days[0] is None else float(days[0]),
            pulled_days=None if days[1] is None else float(days[1]),
        )
        governed = self._means.registry.governed(visit.who, EVERYWHERE)
        known = governed.retention()
        governed.set_retention([*(() if known is None else known.rules), rule])
        return back(PATH, "keeping")

    def _unkeep(self, visit: Visit, form: Form) -> Response:
        """Keep no more what one rule keeps.

        Raises:
            ConflictError: If the rules are others by now.
        """
        governed = self._means.registry.governed(visit.who, EVERYWHERE)
        known = governed.retention()
        rules = [] if known is None else list(known.rules)
        words = [str(rule) for rule in rules]
        if form.word("rule") not in words:
            raise ConflictError("somebody has changed what is kept meanwhile; look at it again")
        del rules[words.index(form.word("rule"))]
        governed.set_retention(rules)
        return back(PATH, "keeping")

    def _run(self, _: Visit, form: Form) -> Response:
        scope = _checked(form.word("scope") or EVERYWHERE)
        task = self._means.caretaker.retain(None if scope == EVERYWHERE else scope)
        return back(f"{HOME}/jobs/{task}", "again")

    def _restore(self, visit: Visit, form: Form) -> Response:
        """Put back an entry.

        Raises:
            ConflictError: If it cannot be put back.
        """
        name, number = check_repository(form.word("repository")), count_of(form.word("number"), "an entry") or 0
        try:
            self._means.registry.deletable(visit.who, name).restore(number)
        except QuotaError as error:
            raise ConflictError(str(error)) from error
        return back(TRASH, "restored")


def _checked(scope: str) -> str:
    return scope if scope == EVERYWHERE else check_repository(scope)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())
