"""What holds for tags and for keeping versions: rules, by scope.

A scope is ``*``, a namespace, or a longer beginning of repositories' names. All tag rules of all scopes hold at once.
Of retention, the nearest scope that says anything holds alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select

from orchard.errors import InvalidError
from orchard.hub.catalog.patterns import TagPattern
from orchard.hub.catalog.usage import EVERYWHERE
from orchard.hub.db.rules import retention, tag_rules

_TAG_RULES: Final = (
    select(tag_rules)
    .where(tag_rules.c.scope.in_(bindparam("scopes", expanding=True)))
    .order_by(tag_rules.c.scope, tag_rules.c.id)
)
_RETENTION: Final = select(retention.c.scope, retention.c.rules).where(
    retention.c.scope.in_(bindparam("scopes", expanding=True))
)


class Kind(StrEnum):
    """What a tag rule does.

    Attributes:
        IMMUTABLE: A tag that exists is neither moved nor deleted.
        PROTECTED: Only some may set, move or delete it.
    """

    IMMUTABLE = "immutable"
    PROTECTED = "protected"


class Movers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who may set, move and delete protected tags: whoever is any of these.

    Attributes:
        role: Whoever has this role in the repository, or a higher one.
        users: Accounts.
        teams: Members of teams.
    """

    role: str | None = None
    users: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in words."""
        parts = [] if self.role is None else [f"whoever is {self.role} or more"]
        parts += [f"user {name}" for name in self.users] + [f"team {name}" for name in self.teams]
        return ", ".join(parts)


NOBODY: Final = Movers()


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRule:
    """One rule for tags.

    Attributes:
        id: Its number; 0 if it is not kept yet.
        scope: Where it holds.
        pattern: For which tags.
        movers: Who may all the same, if it protects.
    """

    id: int = 0
    scope: str
    kind: Kind
    pattern: TagPattern
    movers: Movers = NOBODY

    def __str__(self) -> str:
        """Say it in words."""
        where = "the whole hub" if self.scope == EVERYWHERE else self.scope
        if self.kind is Kind.IMMUTABLE:
            return f"tags {self.pattern.text} of {where} are immutable"
        return f"tags {self.pattern.text} of {where} are protected: only {self.movers} may set, move or delete them"


class KeepRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One reason to keep versions: those of these tags, else any, that meet a condition, or all if there is none.

    Attributes:
        tags: Pattern of tags; none means all versions, those without tags too.
        last: So many of them, those pushed last.
        pushed_days: Those pushed within so many days.
        pulled_days: Those asked for within so many days.
    """

    tags: str | None = None
    last: int | None = None
    pushed_days: float | None = None
    pulled_days: float | None = None

    def __str__(self) -> str:
        """Say it in words."""
        conditions = []
        if self.last is not None:
            conditions.append(f"the last {self.last}")
        if self.pushed_days is not None:
            conditions.append(f"pushed within {self.pushed_days:g} days")
        if self.pulled_days is not None:
            conditions.append(f"pulled within {self.pulled_days:g} days")
        which = " or ".join(conditions) or "all"
        return f"keep {which}" if self.tags is None else f"keep {which} of tags {self.tags}"

    def check(self) -> None:
        """Refuse a rule that says nothing.

        Raises:
            InvalidError: Saying what is wrong.
        """
        if self == KeepRule():
            raise InvalidError("a rule of retention must say which tags, how many, or how many days")
        for number in (self.last, self.pushed_days, self.pulled_days):
            if number is not None and not 0 < number <= _MOST:
                raise InvalidError(f"a rule of retention says {number:g}; numbers of versions and days are above 0")
        if self.tags is not None:
            TagPattern.parse(self.tags)


_MOST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Retention:
    """What holds for keeping the versions of repositories: those that any rule keeps.

    Attributes:
        scope: Where it is said.
        rules: At least one.
    """

    scope: str
    rules: tuple[KeepRule, ...]


def scopes(name: str) -> list[str]:
    """Name the scopes that a repository is in, the nearest first."""
    parts = name.split("/")
    return [*("/".join(parts[:length]) for length in range(len(parts), 0, -1)), EVERYWHERE]


def for_tags(connection: Connection, name: str) -> list[TagRule]:
    """List the tag rules that hold in a repository or a namespace."""
    return [
        TagRule(
            id=row.id,
            scope=row.scope,
            kind=Kind(row.kind),
            pattern=TagPattern.parse(row.pattern),
            movers=msgspec.json.decode(row.movers, type=Movers),
        )
        for row in connection.execute(_TAG_RULES, {"scopes": scopes(name)})
    ]


def add_tag_rule(connection: Connection, rule: TagRule, *, account: str, at: int) -> TagRule:
    """Let a rule hold; give it with its number."""
    values = {"scope": rule.scope, "kind": rule.kind.value, "pattern": rule.pattern.text}
    movers = msgspec.json.encode(rule.movers).decode()
    done = connection.execute(insert(tag_rules), {**values, "movers": movers, "made_at": at, "made_by": account})
    number = done.inserted_primary_key
    assert number is not None
    return TagRule(id=number[0], scope=rule.scope, kind=rule.kind, pattern=rule.pattern, movers=rule.movers)


def remove_tag_rule(connection: Connection, scope: str, number: int) -> TagRule | None:
    """Let a rule of a scope hold no longer; give it, if it was there."""
    found = next((rule for rule in for_tags(connection, scope) if (rule.id, rule.scope) == (number, scope)), None)
    if found is not None:
        connection.execute(delete(tag_rules).where(tag_rules.c.id == number))
    return found


def for_keeping(connection: Connection, name: str, *, itself: bool = True) -> Retention | None:
    """Tell what holds for keeping the versions of a repository: what its nearest scope says.

    Args:
        connection: To the catalog.
        name: The repository, or another scope.
        itself: Whether what it says itself counts, or only what wider scopes say.
    """
    wanted = scopes(name)[0 if itself else 1 :]
    rows = {row.scope: row.rules for row in connection.execute(_RETENTION, {"scopes": wanted})}
    nearest = next((scope for scope in wanted if scope in rows), None)
    if nearest is None:
        return None
    return Retention(nearest, msgspec.json.decode(rows[nearest], type=tuple[KeepRule, ...]))


def set_retention(connection: Connection, scope: str, rules: Sequence[KeepRule], *, account: str, at: int) -> None:
    """Say what a scope keeps; without rules it says nothing."""
    connection.execute(delete(retention).where(retention.c.scope == scope))
    if rules:
        values = {"scope": scope, "rules": msgspec.json.encode(list(rules)).decode()}
        connection.execute(insert(retention), {**values, "made_at": at, "made_by": account})


def keeping_scopes(connection: Connection) -> list[str]:
    """List the scopes that say anything about keeping versions."""
    return list(connection.execute(select(retention.c.scope).order_by(retention.c.scope)).scalars())
