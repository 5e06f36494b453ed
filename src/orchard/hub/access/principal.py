"""Who asks, and what can be asked for."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """What somebody may do with a repository, in the words of the registries' tokens; ``GOVERN`` is ours.

    Attributes:
        PULL: Read it, and see that it exists.
        PUSH: Add content and move tags.
        DELETE: Take content and tags out.
        GOVERN: Change its rules, its visibility, and who may do what.
    """

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"
    GOVERN = "govern"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who has come through the door.

    Attributes:
        name: Account name; of whoever needs no account, ``anonymous``.
    """

    name: str


ANONYMOUS: Final = Principal("anonymous")


class EverybodyInside:
    """The policy of an open hub: whoever came through the door may do everything with every repository."""

    def knows(self, who: Principal, action: Action, repository: str) -> bool | None:  # noqa: ARG002 -- finer policies look
        """Tell whether ``who`` may, if that takes no waiting."""
        return True

    def allows(self, who: Principal, action: Action, repository: str) -> bool:  # noqa: ARG002
        """Tell whether ``who`` may."""
        return True
