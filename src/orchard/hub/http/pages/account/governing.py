"""What holds for tags, and what is kept, in a repository or a namespace: the forms."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from orchard.errors import ConflictError, InvalidError
from orchard.hub.access import Principal
from orchard.hub.http.pages.account.frame import Frame, Take, Visit, back
from orchard.hub.http.pages.account.reading import days_of, names_of, number_of
from orchard.hub.http.pages.forms import Form
from orchard.hub.registry import Decision, GovernedScope, KeepRule, Kind, Movers, Plan, Quota, Retention, TagRule, Usage

EVERYWHERE: Final = "*"
_LISTED: Final = 200  # of what goes, and of what stays
KINDS: Final = (
    (Kind.IMMUTABLE, "immutable: stay as set"),
    (Kind.PROTECTED, "protected: moved by some only"),
)
MOVERS: Final = (
    ("", "nobody by role"),
    ("writer", "writers and more"),
    ("maintainer", "maintainers and owners"),
    ("owner", "owners"),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds somewhere.

    Attributes:
        scope: Where.
        tags: Rules for tags: those that are said here, and those of wider scopes.
        keeping: What is kept; none if nothing is said, and everything is.
        usage: How much the namespace keeps.
        quota: How much it may.
    """

    scope: str
    tags: Sequence[TagRule]
    keeping: Retention | None
    usage: Usage
    quota: Quota | None

    @classmethod
    def of(cls, governed: GovernedScope) -> "Rules":
        """Look what holds."""
        usage, quota = governed.usage()
        return cls(governed.scope, governed.tag_rules(), governed.retention(), usage, quota)

    @property
    def own(self) -> Sequence[KeepRule]:
        """What is said here about keeping, and not in a wider scope."""
        return self.keeping.rules if self.keeping is not None and self.keeping.scope == self.scope else ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What retention would do, as far as a page shows it.

    Attributes:
        plan: All of it.
        goes: What would go.
        stays: What would stay, and why.
    """

    plan: Plan
    goes: Sequence[Decision]
    stays: Sequence[Decision]

    @classmethod
    def of(cls, plan: Plan) -> "Outcome":
        """Show the beginning of each list."""
        return cls(plan, plan.goes[:_LISTED], plan.stays[:_LISTED])


class Governing:
    """Takes the forms about rules, wherever they are.

    Args:
        frame: Makes pages.
        scope: What a page is about.
        preview: Shows what would come of new rules of retention before they hold; absent, they hold at once.
    """

    def __init__(
        self,
        frame: Frame,
        scope: Callable[[Visit], str],
        preview: Callable[[Visit, Form, Outcome], Response] | None = None,
    ) -> None:
        self._registry = frame.means.registry
        self._scope = scope
        self._preview = preview

    @property
    def deeds(self) -> Mapping[str, Take]:
        """What can be done."""
        return {"rule": self._add_rule, "unrule": self._remove_rule, "keep": self._keep}

    def open(self, who: Principal, scope: str) -> GovernedScope:
        """Open a scope.

        Raises:
            DeniedError: If ``who`` may not change what holds there.
        """
        return self._registry.governed(who, scope)

    def _add_rule(self, visit: Visit, form: Form) -> Response:
        kind = form.word("kind")
        if kind not in set(Kind):
            raise InvalidError(f"{kind[:32]!r} is no kind of rule for tags")
        movers = Movers(form.word("role") or None, names_of(form.word("users")), names_of(form.word("teams")))
        self.open(visit.who, self._scope(visit)).add_tag_rule(Kind(kind), form.word("pattern"), movers)
        return back(visit.request.url.path, "rule-added")

    def _remove_rule(self, visit: Visit, form: Form) -> Response:
        number = number_of(form.word("rule"), "the number of a rule")
        self.open(visit.who, self._scope(visit)).remove_tag_rule(number or 0)
        return back(visit.request.url.path, "rule-removed")

    def _keep(self, visit: Visit, form: Form) -> Response:
        """Say what is kept: with a rule more, or with one less. What would come of it is shown first."""
        scope = self._scope(visit)
        governed = self.open(visit.who, scope)
        own = Rules.of(governed).own
        wanted = _without(own, form.word("without")) if form.ticked("without") else (*own, _rule(form))
        if self._preview is not None and not form.ticked("seen"):
            return self._preview(visit, form, Outcome.of(governed.plan(wanted)))
        governed.set_retention(wanted)
        return back(visit.request.url.path, "kept")


def _rule(form: Form) -> KeepRule:
    """Read a reason to keep versions.

    Raises:
        InvalidError: If it says nothing sensible.
    """
    made = KeepRule(
        tags=form.word("tags") or None,
        last=number_of(form.word("last"), "how many of the last"),
        pushed_days=days_of(form.word("pushed_days"), "the days since the push"),
        pulled_days=days_of(form.word("pulled_days"), "the days since the last pull"),
    )
    made.check()
    return made


def _without(rules: Sequence[KeepRule], said: str) -> list[KeepRule]:
    """Leave a rule out, by what it says in words.

    Raises:
        ConflictError: If it is not there any more.
    """
    words = [str(rule) for rule in rules]
    if said not in words:
        raise ConflictError("somebody has changed what is kept meanwhile; look at it again")
    place = words.index(said)
    return [rule for number, rule in enumerate(rules) if number != place]
