"""Who may move and delete which tags: the rules of all scopes that a repository is in, held against one request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orchard.errors import DeniedError
from orchard.hub import catalog
from orchard.hub.access import Principal
from orchard.hub.catalog import Kind, Movers, TagRule
from orchard.hub.db import Transaction
from orchard.hub.registry.ports import Reach
from orchard.hub.registry.reading import Premises

ROLES: Final = ("reader", "writer", "maintainer", "owner")


@dataclass(frozen=True, slots=True)
class TagGuard:
    """Stands before the tags of one repository.

    Attributes:
        rules: What holds.
        who: Who wants to move or delete.
        reach: What that is in this repository.
        override: Why an administrator breaks the rules, if one does.
    """

    rules: Sequence[TagRule]
    who: Principal
    reach: Reach
    override: str | None = None

    @classmethod
    def load(
        cls, connection: Transaction, premises: Premises, name: str, *, who: Principal, override: str | None
    ) -> "TagGuard":
        """Read what holds in a repository, in the transaction that is about to move or delete."""
        return cls(catalog.rules.for_tags(connection, name), who, premises.reach(who, name), override)

    def require_move(self, tag: str, current: str | None, wanted: str) -> bool:
        """Let a tag be set, unless a rule forbids it; tell whether a rule was broken on purpose.

        Args:
            tag: The tag.
            current: What it points to now, if it is there.
            wanted: What it is to point to.

        Raises:
            DeniedError: With the rule, and what can be done.
        """
        if current == wanted:
            return False
        return self._require(tag, exists=current is not None, deed="moved" if current is not None else "set")

    def require_delete(self, tag: str) -> bool:
        """Let a tag be deleted, unless a rule forbids it; tell whether a rule was broken on purpose.

        Raises:
            DeniedError: With the rule, and what can be done.
        """
        return self._require(tag, exists=True, deed="deleted")

    def lasting(self, tag: str) -> TagRule | None:
        """Find a rule for which what a tag points to must stay."""
        return next((rule for rule in self.rules if rule.pattern.matches(tag)), None)

    def _require(self, tag: str, *, exists: bool, deed: str) -> bool:
        broken = [rule for rule in self.rules if rule.pattern.matches(tag) and self._forbids(rule, exists=exists)]
        if broken and self.override is None:
            raise DeniedError(f"tag {tag} cannot be {deed} by {self.who.name}: {broken[0]}; {_advice(broken[0])}")
        return bool(broken)

    def _forbids(self, rule: TagRule, *, exists: bool) -> bool:
        if rule.kind is Kind.IMMUTABLE:
            return exists
        return not self._among(rule.movers)

    def _among(self, movers: Movers) -> bool:
        enough = movers.role is not None and _rank(self.reach.role) >= _rank(movers.role)
        return enough or self.who.name in movers.users or not self.reach.teams.isdisjoint(movers.teams)


def _rank(role: str | None) -> int:
    return -1 if role is None else ROLES.index(role)


def _advice(rule: TagRule) -> str:
    if rule.kind is Kind.IMMUTABLE:
        return "use another tag, or have the rule removed by whoever governs it"
    return "ask one of them, or use another tag"
