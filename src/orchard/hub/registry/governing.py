"""What somebody who governs a repository or a namespace can say: which tags last, what is kept, what is purged."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final

from orchard.errors import InvalidError, NotFoundError
from orchard.hub import catalog
from orchard.hub.access import Principal
from orchard.hub.catalog import Journal, KeepRule, Kind, Movers, Quota, Retention, TagPattern, TagRule, Trashed, Usage
from orchard.hub.catalog.rules import NOBODY
from orchard.hub.catalog.usage import EVERYWHERE, Holding
from orchard.hub.db import Transaction
from orchard.hub.registry.reading import Premises
from orchard.hub.registry.retaining import Plan
from orchard.hub.registry.tagging import ROLES
from orchard.hub.registry.upkeep import Upkeep
from orchard.oci import JSON, check_repository

MAX_RULES: Final = 100  # of one scope: each push reads them


class GovernedScope:
    """What holds in a repository, a namespace or the whole hub, open for changing. Having it is the permission."""

    def __init__(self, premises: Premises, *, who: Principal, scope: str) -> None:
        self._premises = premises
        self._who = who
        self.scope = scope

    def tag_rules(self) -> list[TagRule]:
        """List the tag rules that hold here, be they said here or in a wider scope.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            return catalog.rules.for_tags(connection, self.scope)

    def add_tag_rule(self, kind: Kind, pattern: str, movers: Movers = NOBODY) -> TagRule:
        """Let a rule hold for the tags of this scope.

        Raises:
            InvalidError: If the pattern is none, who may move tags does not fit the kind, or there are too many rules.
            StorageError: If the catalog fails.
        """
        rule = TagRule(scope=self.scope, kind=kind, pattern=TagPattern.parse(pattern), movers=_check(kind, movers))
        with self._changing() as connection:
            known = [one for one in catalog.rules.for_tags(connection, self.scope) if one.scope == self.scope]
            if len(known) >= MAX_RULES:
                raise InvalidError(
                    f"{self.scope} has {len(known)} rules for tags already; at most {MAX_RULES} can hold"
                )
            made = catalog.rules.add_tag_rule(connection, rule, account=self._who.name, at=self._premises.at)
            self._journal(connection).record("tag-rule.add", detail=_told(made))
        return made

    def remove_tag_rule(self, number: int) -> TagRule:
        """Let a rule that is said in this very scope hold no longer.

        Raises:
            NotFoundError: If it is not said here.
            StorageError: If the catalog fails.
        """
        with self._changing() as connection:
            removed = catalog.rules.remove_tag_rule(connection, self.scope, number)
            if removed is None:
                raise NotFoundError(f"{self.scope} itself has no rule {number} for tags")
            self._journal(connection).record("tag-rule.remove", detail=_told(removed))
        return removed

    def retention(self) -> Retention | None:
        """Tell what is kept here, be it said here or in a wider scope; none if nothing is said, and all is kept.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            return catalog.rules.for_keeping(connection, self.scope)

    def set_retention(self, rules: Sequence[KeepRule]) -> None:
        """Say what is kept in this scope; without rules, leave it to wider scopes.

        Raises:
            InvalidError: If a rule makes no sense, or there are too many.
            StorageError: If the catalog fails.
        """
        if len(rules) > MAX_RULES:
            raise InvalidError(f"{len(rules)} rules of retention; at most {MAX_RULES} can hold in one scope")
        for rule in rules:
            rule.check()
        with self._changing() as connection:
            catalog.rules.set_retention(connection, self.scope, rules, account=self._who.name, at=self._premises.at)
            told: dict[str, JSON] = {"rules": [str(rule) for rule in rules]}
            self._journal(connection).record("retention.set" if rules else "retention.clear", detail=told)

    def plan(self, rules: Sequence[KeepRule] | None = None) -> Plan:
        """Say what retention would do to this repository now, and change nothing.

        Args:
            rules: What the repository would say itself; none of them leaves it to wider scopes. Absent, what it says.

        Raises:
            NotFoundError: If there is no such repository.
            InvalidError: If a rule makes no sense.
            StorageError: If the catalog fails.
        """
        for rule in rules or ():
            rule.check()
        return Upkeep(self._premises).plan(self.scope, rules)

    def deleted(self, *, limit: int) -> list[Trashed]:
        """List the repositories of this namespace that were deleted and can come back, the last first.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            return catalog.trash.repositories(connection, self.scope, limit=limit)

    def retain(self, *, mark: str | None = None) -> Plan:
        """Put into the trash what no rule keeps in this repository.

        Args:
            mark: Of the plan that was agreed to; absent, whatever has to go goes.

        Raises:
            NotFoundError: If there is no such repository.
            ConflictError: If another plan was agreed to.
            StorageError: If the catalog fails.
        """
        return Upkeep(self._premises).retain(self.scope, who=self._who, mark=mark)

    def purge(self, number: int) -> None:
        """Forget an entry of this repository's trash for good.

        Raises:
            NotFoundError: If there is no such entry.
            StorageError: If the catalog fails.
        """
        with self._changing() as connection:
            if catalog.trash.entry(connection, self.scope, number) is None:
                raise NotFoundError(f"the trash of {self.scope} has no entry {number}")
            catalog.trash.drop(connection, number)
            self._journal(connection).record("trash.purge", detail={"entry": number})

    def usage(self) -> tuple[Usage, Quota | None]:
        """Tell what the namespace of this scope keeps, and how much it may.

        Raises:
            StorageError: If the catalog fails.
        """
        return _usage(self._premises, catalog.usage.namespace_of(self.scope))

    def _changing(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that nobody else's meets: what holds here holds in many repositories."""
        return self._premises.database.write()

    def _journal(self, connection: Transaction) -> Journal:
        return Journal(connection, self.scope, account=self._who.name, at=self._premises.at)


class Allotment:
    """How much each namespace may keep, open for changing. Having it is the permission."""

    def __init__(self, premises: Premises, *, who: Principal) -> None:
        self._premises = premises
        self._who = who

    def get(self, namespace: str) -> tuple[Usage, Quota | None]:
        """Tell what a namespace keeps, and how much it may.

        Raises:
            StorageError: If the catalog fails.
        """
        return _usage(self._premises, namespace)

    def holdings(self, *, part: str = "", after: str = "", limit: int) -> list[Holding]:
        """List what namespaces keep, by name: those after ``after`` whose names hold ``part``.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            return catalog.usage.holdings(connection, part=part, after=after, limit=limit)

    def set(self, namespace: str, quota: Quota | None) -> None:
        """Give a namespace a quota, or all that have none of their own (``*``); none takes it away.

        What is there already stays, even if it is more.

        Raises:
            InvalidReferenceError: If this cannot be a namespace.
            InvalidError: If it is not one component, or a number is negative.
            StorageError: If the catalog fails.
        """
        if namespace != EVERYWHERE and "/" in check_repository(namespace):
            raise InvalidError(f"{namespace} is not a namespace: it is the first component of repositories' names")
        limits = () if quota is None else (quota.bytes, quota.repositories)
        for limit in limits:
            if limit is not None and not 0 <= limit < 1 << 62:
                raise InvalidError(f"a quota of {limit} cannot be kept; numbers are 0 or more")
        with self._premises.database.write() as connection:
            catalog.usage.set_quota(connection, namespace, quota, account=self._who.name, at=self._premises.at)
            told = None if quota is None else {"bytes": quota.bytes, "repositories": quota.repositories}
            journal = Journal(connection, namespace, account=self._who.name, at=self._premises.at)
            journal.record("quota.clear" if quota is None else "quota.set", detail=told)


def _usage(premises: Premises, namespace: str) -> tuple[Usage, Quota | None]:
    with premises.database.read() as connection:
        return catalog.usage.current(connection, namespace), catalog.usage.quota(connection, namespace)


def _told(rule: TagRule) -> dict[str, JSON]:
    return {"id": rule.id, "rule": str(rule)}


def _check(kind: Kind, movers: Movers) -> Movers:
    """Refuse movers that make no sense.

    Raises:
        InvalidError: Saying why.
    """
    if kind is Kind.IMMUTABLE and movers != NOBODY:
        raise InvalidError("an immutable tag is moved by nobody; name who may only for protected ones")
    if kind is Kind.PROTECTED and movers == NOBODY:
        raise InvalidError("a rule that protects tags must say who may move them: a role, users or teams")
    if movers.role is not None and movers.role not in ROLES:
        raise InvalidError(f"{movers.role!r} is no role; there are {', '.join(ROLES)}")
    return movers
