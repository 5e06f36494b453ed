"""What accounts, teams, namespaces and robots can be called: whoever holds such a value knows that it can be one."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType, Self

from orchard.errors import InvalidError
from orchard.oci import check_repository

MAX_NAME: Final = 64
RESERVED: Final = frozenset(("anonymous", "operator"))
_NAME: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")

Name = NewType("Name", str)  # one component of a repository's name
Repository = NewType("Repository", str)


def check_name(text: str, what: str = "an account name") -> Name:
    """Read the name of an account, a team or a namespace.

    Raises:
        InvalidError: If it cannot be one.
    """
    if len(text) > MAX_NAME or _NAME.fullmatch(text) is None:
        raise InvalidError(
            f"{text[:80]!r} is not {what}: 1 to {MAX_NAME} lower-case letters and digits, with . _ or - between them"
        )
    if text in RESERVED:
        raise InvalidError(f"{text!r} is not {what}: the hub itself uses it")
    return Name(text)


def namespace_of(repository: str) -> str:
    """Give the namespace that a repository is in."""
    return repository.partition("/")[0]


class PartyKind(StrEnum):
    """One account, or everybody of a team."""

    USER = "user"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who can own a namespace or be given a role.

    Attributes:
        kind: One account, or a team.
        name: What it is called.
    """

    kind: PartyKind
    name: Name

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``user:ana`` or ``team:research``; a bare name is a user.

        Raises:
            InvalidError: If it is neither.
        """
        kind, colon, name = text.rpartition(":")
        if colon and kind not in {PartyKind.USER, PartyKind.TEAM}:
            raise InvalidError(f"{text[:80]!r} is neither user:NAME nor team:NAME")
        found = PartyKind(kind) if colon else PartyKind.USER
        return cls(found, check_name(name, "a team name" if found is PartyKind.TEAM else "an account name"))

    @classmethod
    def user(cls, name: Name) -> Self:
        """Mean one account."""
        return cls(PartyKind.USER, name)

    @classmethod
    def team(cls, name: Name) -> Self:
        """Mean everybody of a team."""
        return cls(PartyKind.TEAM, name)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a role holds: in a namespace, or in one repository of it.

    Attributes:
        namespace: The namespace.
        repository: The repository's whole name; absent, all of the namespace is meant.
    """

    namespace: Name
    repository: Repository | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``team`` or ``team/model``.

        Raises:
            InvalidError: If it is neither.
        """
        namespace, slash, _ = text.partition("/")
        return cls(check_name(namespace, "a namespace"), checked_repository(text) if slash else None)

    def __str__(self) -> str:
        return self.repository or self.namespace


def checked_repository(text: str) -> Repository:
    """Read a repository's name.

    Raises:
        InvalidReferenceError: If it is none.
    """
    return Repository(check_repository(text))
