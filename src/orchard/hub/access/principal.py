"""Who asks, and what can be asked for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

from orchard.hub.access.limits import Limit


class Action(StrEnum):
    """What somebody may do with a repository; the first three in the words of the registries' tokens.

    Attributes:
        PULL: Read it, and see that it exists.
        PUSH: Add content and move tags.
        DELETE: Take content and tags out.
        GOVERN: Change its rules: which tags are protected, what is kept.
        OWN: Change its visibility, its quota, and who may do what.
    """

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"
    GOVERN = "govern"
    OWN = "own"


class Role(StrEnum):
    """What somebody is in a namespace, a repository or a team; each may all that the ones before it may."""

    READER = "reader"
    WRITER = "writer"
    MAINTAINER = "maintainer"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        """How much it may."""
        return _RANKS[self]

    def may(self, action: Action) -> bool:
        """Tell whether it may."""
        return _RANKS[self] >= _NEEDED[action]


_RANKS: Final[Mapping[Role, int]] = MappingProxyType({role: rank for rank, role in enumerate(Role)})
_NEEDED: Final[Mapping[Action, int]] = MappingProxyType(
    {
        Action.PULL: Role.READER.rank,
        Action.PUSH: Role.WRITER.rank,
        Action.DELETE: Role.MAINTAINER.rank,
        Action.GOVERN: Role.MAINTAINER.rank,
        Action.OWN: Role.OWNER.rank,
    }
)


class Visibility(StrEnum):
    """Who may read a repository without having a role in it: nobody, or everybody."""

    PRIVATE = "private"
    PUBLIC = "public"


class Kind(StrEnum):
    """What sort of somebody asks."""

    USER = "user"
    ROBOT = "robot"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who has come through the door.

    Attributes:
        name: Account name; of a robot, ``namespace+name``; of whoever has none, ``anonymous``.
        kind: What sort of somebody it is.
        limits: Of the token that was shown, if one was; of several, all hold.
        ticket: What a registry token that was made out for a moment holds; absent if none was shown.
    """

    name: str
    kind: Kind = Kind.USER
    limits: tuple[Limit, ...] = ()
    ticket: Limit | None = None

    @property
    def whole(self) -> bool:
        """Whether this is a user who may act for the account, and not only use repositories."""
        return self.kind is Kind.USER and self.ticket is None and all(limit.account for limit in self.limits)

    @property
    def namespace(self) -> str:
        """The namespace that a robot belongs to."""
        return self.name.partition("+")[0]

    def within(self, action: Action, repository: str) -> bool:
        """Tell whether every limit leaves room for this."""
        if self.ticket is not None and not self.ticket.allows(action, repository):
            return False
        return not self.limits or all(limit.allows(action, repository) for limit in self.limits)

    @property
    def for_lists(self) -> Self:
        """Whoever asks, where many repositories are listed: a ticket need not name them if it is for the catalog."""
        return self.without_ticket() if self.ticket is not None and self.ticket.catalog else self

    def without_ticket(self) -> Self:
        """Give whoever asked for the registry token."""
        return self if self.ticket is None else replace(self, ticket=None)


ANONYMOUS: Final = Principal("anonymous", Kind.ANONYMOUS)


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may read.

    Attributes:
        everything: All of it.
        namespaces: All repositories in these.
        repositories: And these.
        public: And all that everybody may.
    """

    everything: bool = False
    namespaces: frozenset[str] = frozenset()
    repositories: frozenset[str] = frozenset()
    public: bool = False


class EverybodyInside:
    """The policy of an open hub: whoever came through the door may do everything with every repository."""

    def knows(self, who: Principal, action: Action, repository: str) -> bool | None:  # noqa: ARG002 -- finer policies look
        """Tell whether ``who`` may, if that takes no waiting."""
        return True

    def allows(self, who: Principal, action: Action, repository: str) -> bool:  # noqa: ARG002
        """Tell whether ``who`` may."""
        return True

    def prepare(self, who: Principal, repositories: Collection[str]) -> None:
        """Get ready for many questions; there is nothing to do."""

    def sight(self, who: Principal) -> Sight | None:  # noqa: ARG002
        """Tell what ``who`` may read."""
        return Sight(everything=True)
